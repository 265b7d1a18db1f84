"""STAC items as catalogues have them: fields left out, a broken scene, servers in trouble."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psm.errors import ConfigError, ImageryMissing, MissingData
from psm.http.failures import answer_of
from psm.imagery import NoImagery, Picture, Reason, View
from psm.imagery.stac import Stac
from tests.imagery.scene import LAT, LON, expected, look
from tests.imagery.scenes import Scene, write_catalogue
from tests.imagery.test_stac import serving

pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:odc.geo"),
    pytest.mark.filterwarnings(r"ignore:The 'shapely.ops:DeprecationWarning:odc.geo"),
]

VIEW = View(32, 50.0)
Item = dict[str, Any]
Change = Callable[[Item, Path], object]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psm.imagery.stac.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1))


def catalogue(folder: Path, change: Change, *, which: str = "abc", as_items: bool = False) -> str:
    """Three scenes, some of them changed in the file."""
    scenes = [Scene(name, f"2022-07-0{day}") for day, name in enumerate("abc", 1)]
    root = write_catalogue(folder, scenes, as_items=as_items)
    for path in folder.rglob("*.json"):
        told = json.loads(path.read_text())
        for item in told.get("features", [told]):
            if item["type"] == "Feature" and item["id"] in which:
                change(item, path)
        path.write_text(json.dumps(told))
    return str(root)


def difference(seen: Any) -> float:
    assert isinstance(seen, Picture), seen
    return float(np.abs(seen.pixels - expected(lat=LAT, lon=LON, view=VIEW)).max())


def _relative(item: Item, path: Path) -> None:
    for asset in item["assets"].values():
        asset["href"] = os.path.relpath(path.parent / asset["href"], path.parent)


def _no_types(item: Item, _: Path) -> None:
    for asset in item["assets"].values():
        asset.pop("type")


def _interval(item: Item, _: Path) -> None:
    told = {"datetime": None, "start_datetime": "2022-07-01T00:00:00Z"}
    item["properties"] |= told | {"end_datetime": "2022-07-01T01:00:00Z"}


FINE: dict[str, Change] = {
    "assets without type": _no_types,
    "relative addresses": _relative,
    "no link to itself": lambda item, _: item.update(links=[]),
    "no links": lambda item, _: item.pop("links"),
    "no geometry": lambda item, _: item.update(geometry=None),
    "no bounds": lambda item, _: item.pop("bbox"),
    "no extensions": lambda item, _: item.update(stac_extensions=[]),
    "an interval": _interval,
    "no cloud": lambda item, _: item["properties"].pop("eo:cloud_cover"),
    "cloud as text": lambda item, _: item["properties"].update({"eo:cloud_cover": "12.5"}),
    "cloud as words": lambda item, _: item["properties"].update({"eo:cloud_cover": "n/a"}),
}


@pytest.mark.parametrize("as_items", [False, True])
@pytest.mark.parametrize("oddity", FINE)
def test_what_does_not_matter_may_be_left_out(oddity: str, as_items: bool, tmp_path: Path) -> None:
    provider = Stac(catalogue(tmp_path, FINE[oddity], as_items=as_items))
    assert difference(look(provider, VIEW)) < 4
    assert set(provider.used) == set("abc")
    assert provider.left_out == []


def _nowhere(item: Item, _: Path) -> None:
    item.update(geometry=None)
    item.pop("bbox")


@pytest.mark.parametrize("as_items", [False, True])
@pytest.mark.parametrize("change", [_nowhere, lambda item, _: item["properties"].pop("datetime")])
def test_items_that_do_not_say_where_and_when_are_counted(
    change: Change, as_items: bool, tmp_path: Path
) -> None:
    with pytest.warns(ImageryMissing, match="1 of 3 items are left out"):
        provider = Stac(catalogue(tmp_path, change, which="b", as_items=as_items))
    assert difference(look(provider, VIEW)) < 4
    assert set(provider.used) == set("ac")
    with pytest.raises(MissingData, match="none of its 3 items says where and when"):
        Stac(catalogue(tmp_path / "all", change, as_items=as_items))


def _cut(item: Item, path: Path) -> None:
    file = path.parent / item["assets"]["red"]["href"]
    file.write_bytes(file.read_bytes()[:500])


BAD: dict[str, Change] = {
    "cut short": _cut,
    "gone": lambda item, path: (path.parent / item["assets"]["red"]["href"]).unlink(),
    "no assets": lambda item, _: item.update(assets={}),
    "no baseline": lambda item, _: item["properties"].pop("s2:processing_baseline"),
}


@pytest.mark.parametrize("fault", BAD)
def test_one_bad_scene_of_three_is_said_and_the_others_are_used(fault: str, tmp_path: Path) -> None:
    provider = Stac(catalogue(tmp_path, BAD[fault], which="b"))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ImageryMissing)
        seen = look(provider, VIEW)
    (said,) = [str(one.message) for one in warned if one.category is ImageryMissing]
    assert re.match(r"scene b .*; the others .* \(1 left out so far\)", said)
    assert difference(seen) < 4
    assert len(provider.left_out) == 1


def test_only_bad_scenes_are_a_reason(tmp_path: Path) -> None:
    seen = look(Stac(catalogue(tmp_path / "cut", _cut)), VIEW)
    assert isinstance(seen, NoImagery)
    assert seen.reason is Reason.UNREADABLE
    with pytest.raises(ConfigError, match="states no processing baseline"):
        look(Stac(catalogue(tmp_path / "unknown", BAD["no baseline"])), VIEW)


class Trouble(BaseHTTPRequestHandler):
    """Answers everything with one status."""

    status = 500

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_catalogue_in_trouble_is_told_by_its_status(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trouble, "status", status)
    with serving(Trouble) as url, pytest.raises(MissingData, match=rf"STAC API \(HTTP {status}\)"):
        Stac(url)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_catalogue_that_nobody_answers_for_is_told() -> None:
    with serving(Trouble) as url:
        pass
    with pytest.raises(MissingData, match=r"127\.0\.0\.1 .* \(connection refused\)"):
        Stac(url)


class _Answered(Exception):
    status_code = 503


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (_Answered("<html>"), "HTTP 503"),
        (OSError("CURL error: HTTP response code: 403"), "HTTP 403"),
        (OSError("Failed to resolve 'nowhere.example'"), "no such server"),
        (OSError("[Errno -2] Name or service not known"), "no such server"),
        (TimeoutError("x"), "no answer in time"),
        (OSError("Read timed out. (read timeout=30)"), "no answer in time"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError("SSLCertVerificationError(...)"), "no secure connection"),
        (OSError("Connection reset by peer"), "cut off"),
        (ValueError("http://secret@host"), "ValueError"),
    ],
)
def test_answers_are_told_without_addresses(problem: Exception, words: str) -> None:
    assert answer_of(problem) == words
