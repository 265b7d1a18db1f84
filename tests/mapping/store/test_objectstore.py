"""Object stores in trouble: no credentials, no bucket, servers that stop in the middle."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from zarr.storage import FsspecStore

from psm.errors import ConfigError, StoreUnreachable
from psm.mapping import Cells
from psm.mapping.store import Header, Store, embed
from psm.mapping.store.objectstore import reaching, require_bucket
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery


class NoCredentialsError(Exception):
    """As that of boto, and of Google."""


NoCredentialsError.__module__ = "botocore.exceptions"


class ConnectionClosedError(Exception):
    """As that of boto."""


ConnectionClosedError.__module__ = "botocore.exceptions"


@pytest.mark.parametrize(
    ("url", "problem", "told"),
    [
        ("s3://b/x", NoCredentialsError("Unable to locate"), "no credentials; set AWS_ACCESS_KEY"),
        ("gs://b/x", NoCredentialsError("Could not"), "no credentials; run `gcloud auth"),
        ("az://b/x", NoCredentialsError("Could not"), "no credentials; set AZURE_STORAGE"),
        ("s3://b/x", PermissionError("Forbidden"), "access denied; are the credentials right?"),
        ("s3://b/x", FileNotFoundError("The specified bucket does not exist"), "no bucket 'b'"),
        ("s3://b/x", OSError(121, "Internal Server Error"), "answers 'Internal Server Error'"),
        ("s3://b/x", ConnectionClosedError("Connection was closed"), "cut off"),
        ("gs://b/x", TimeoutError("timed out"), "no answer in time"),
    ],
)  # fmt: skip
def test_what_an_object_store_answers_is_one_line(url: str, problem: Exception, told: str) -> None:
    with pytest.raises(StoreUnreachable) as said, reaching(url):
        raise problem
    assert str(said.value).startswith(f"{url}: ")
    assert told in str(said.value)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("s3://b/x", KeyError("a fault of ours")),
        ("s3://b/x", ConfigError("said already")),
        ("s3://b/x", FileNotFoundError("no such key")),
        ("folder", PermissionError("of a disk here")),
    ],
)
def test_other_errors_pass_as_they_are(url: str, problem: Exception) -> None:
    with pytest.raises(type(problem)) as said, reaching(url):
        raise problem
    assert said.value is problem


def test_stores_without_buckets_need_none() -> None:
    require_bucket("memory://nowhere/x.zarr")


def test_a_server_that_dies_half_way_is_said_and_the_work_goes_on(
    model: PSM,
    cells: Cells,
    imagery: PlaceImagery,
    header: Header,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, written = "memory://dying/x.zarr", 0
    whole = FsspecStore.set

    async def dying(self: FsspecStore, *arguments: Any, **options: Any) -> None:
        nonlocal written
        written += 1
        if written > 14:
            raise OSError(121, "Internal Server Error")
        await whole(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(FsspecStore, "set", dying)
        with pytest.raises(StoreUnreachable, match=r"dying/x\.zarr: .* the same command goes on"):
            embed(url, model, imagery, cells, header)
    left = sum(
        unit_rows.stop - unit_rows.start
        for store in [Store.open(url)]
        for unit_rows in map(store.rows, store.undone())
    )
    assert 0 < left < 2 * len(cells)
    report = embed(url, model, imagery, cells, header)
    assert report.views == left
    assert np.isfinite(report.store.features(1)).all()
    fsspec.filesystem("memory").rm("/dying", recursive=True)


_TROUBLE = """
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from psm.errors import PSMError
from psm.mapping.store import Store
import s3fs
class Server(BaseHTTPRequestHandler):
    protocol_version, trouble = "HTTP/1.1", (403, "AccessDenied")
    def answer(self):
        status, code = self.trouble
        if not status:
            self.close_connection = True
            return self.connection.close()
        body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    do_GET = do_HEAD = do_PUT = answer
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_address[1]}"
TROUBLES = (403, "AccessDenied"), (404, "NoSuchBucket"), (500, "InternalError"), (0, ""), None
for trouble in TROUBLES:
    if trouble is None:
        os.environ.pop("AWS_ACCESS_KEY_ID")
    else:
        Server.trouble = trouble
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        Store.open("s3://bucket/x.zarr")
    except PSMError as problem:
        print(problem, flush=True)
os._exit(0)
"""


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is None, reason="s3fs is not installed")
def test_a_bucket_in_trouble_is_one_line_each(tmp_path: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    aws = {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "MAX_ATTEMPTS": "1",
           "EC2_METADATA_DISABLED": "true", "CONFIG_FILE": str(tmp_path / "none"),
           "SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _TROUBLE],
        env=plain | {f"AWS_{name}": value for name, value in aws.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stderr
    for line, told in zip(
        lines,
        (
            "access denied",
            "no bucket 'bucket'",
            "Internal Server Error",
            "cut off",
            "no credentials",
        ),
        strict=True,
    ):
        assert line.startswith("s3://bucket/x.zarr: ")
        assert told in line
