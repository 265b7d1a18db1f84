"""A disk that fills is no fault of any recording: the build ends, and nothing is refused for it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from psm.collect.database import Database
from psm.collect.decoding import DecodingJob, FileLimits, decodeworker
from psm.collect.decoding.job import read_answer, write_answer
from psm.collect.refusal import Refused
from psm.errors import NoRoom
from tests.collect.decoding.conftest import FRAMING

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _answer(problem: OSError, monkeypatch: pytest.MonkeyPatch) -> object:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(decodeworker, "make", fail)
    job = DecodingJob("k", Path("media"), Path("clip.flac"), Path("mel.npy"))
    return read_answer(write_answer(decodeworker._answer(job, FRAMING, FileLimits())))


def test_a_full_disk_crosses_from_the_decoder_as_what_it_is(monkeypatch):
    with pytest.raises(OSError, match="No space left") as caught:
        _answer(FULL, monkeypatch)
    assert caught.value.errno == errno.ENOSPC


def test_what_one_file_alone_is_at_fault_of_is_a_refusal(monkeypatch):
    answer = _answer(OSError(errno.EIO, "Input/output error"), monkeypatch)
    assert isinstance(answer, Refused)
    assert answer.may_pass


def test_duckdb_says_a_full_disk_as_the_system_does(tmp_path):
    database = Database(tmp_path / "catalogue.duckdb", {"key": "TEXT"})

    def fail(*_: object) -> None:
        raise duckdb.IOException("Could not write file: No space left on device")

    def dead(*_: object) -> None:
        raise duckdb.FatalException("database has been invalidated because of a previous error")

    database._connection = SimpleNamespace(execute=fail)
    with pytest.raises(NoRoom, match="the disk is full") as caught, database.transaction():
        database.execute("SELECT 1")
    assert caught.value.errno == errno.ENOSPC
    database._connection = SimpleNamespace(execute=dead)
    with pytest.raises(NoRoom, match="the disk is full"):
        database.execute("SELECT 1")


def test_other_errors_of_duckdb_stay_what_they_are(tmp_path):
    database = Database(tmp_path / "catalogue.duckdb", {"key": "TEXT"})
    with pytest.raises(duckdb.CatalogException):
        database.execute("SELECT * FROM nowhere")
