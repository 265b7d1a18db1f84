from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow.parquet as parquet
import pytest

from psm.collect import builder, paths
from psm.collect.builder import Retry, build
from psm.collect.columns import CandidateState
from psm.collect.outputs import packing
from psm.collect.refusal import Refused
from psm.errors import ConfigError, MissingData, UnfinishedBuild
from tests.collect.little import Little
from tests.collect.sites import config

TOWNS = ((48.2, 16.4), (-33.9, 151.2), (35.7, 139.7), (-1.3, 36.8), (40.0, -105.3), (-3.1, -60.0))


class Towns(Little):
    """An archive whose recordings are of six towns far apart."""

    def record(self, number):
        lat, lon = TOWNS[number % len(TOWNS)]
        return replace(super().record(number), lat=lat + number / 997, lon=lon + number / 997)


def towns(monkeypatch):
    """Archives that take the place of the real ones, by name. Nobody draws a data card."""
    there = {"aporee": Towns("aporee", 18), "yfcc": Towns("yfcc", 12)}
    monkeypatch.setattr(builder, "open_archive", lambda name, _options: there[name])
    monkeypatch.setattr(packing.card, "write", lambda *_: None)
    return there


@pytest.fixture
def little(monkeypatch):
    return towns(monkeypatch)


def settings(**changes):
    usual = {
        "imagery": {"source": "blue-marble", "options": {}, "tile_px": 64},
        "splits": {"val": 0.1, "test": 0.2, "least_in_cell": 2},
        "shard_size": 8,
    }
    return config("aporee", "yfcc", **{**usual, **changes})


def files(folder):
    """What is built, by name, with checksums."""
    return {
        str(path.relative_to(folder)): paths.sha256(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("catalogue")
    }


def rows(folder):
    return {row["key"]: row for row in parquet.read_table(folder / "catalogue.parquet").to_pylist()}


def test_a_build_ends_with_shards_and_does_nothing_twice(tmp_path, little):
    report = build(tmp_path, settings(), workers=1)
    report.check()
    assert report.states[CandidateState.PACKED] > 15
    before = files(tmp_path)
    asked = {name: (list(a.listed), list(a.fetched)) for name, a in little.items()}
    assert build(tmp_path, settings(), workers=1) == report
    assert files(tmp_path) == before
    assert asked == {name: (a.listed, a.fetched) for name, a in little.items()}


def test_what_an_archive_answers_late_changes_nothing_in_the_end(tmp_path, little):
    build(tmp_path / "calm", settings(limit=20), workers=1).check()
    little["yfcc"].breaks_at = 8
    with pytest.raises(UnfinishedBuild, match="yfcc: not listed to the end"):
        build(tmp_path / "late", settings(limit=20), workers=1).check()
    assert rows(tmp_path / "late").keys() < rows(tmp_path / "calm").keys()
    little["yfcc"].breaks_at = None
    little["yfcc"].is_down = True
    with pytest.raises(UnfinishedBuild, match="HTTP 503"):
        build(tmp_path / "late", settings(limit=20), workers=1).check()
    little["yfcc"].is_down = False
    build(tmp_path / "late", settings(limit=20), workers=1).check()
    assert files(tmp_path / "late").items() >= files(tmp_path / "calm").items()
    assert rows(tmp_path / "late") == {
        # What the yfcc recordings have displaced was fetched before they came, and is still there.
        key: {**row, **kept(rows(tmp_path / "late")[key], row)}
        for key, row in rows(tmp_path / "calm").items()
    }


def kept(late, calm):
    return late if calm["stage"] == late["stage"] == "select" else {}


def test_refused_rows_come_back_by_retry_only(tmp_path, little):
    out = tmp_path / "out"
    little["aporee"].broken = {
        "1": Refused("not answered", may_pass=True),
        "2": Refused("gone"),
    }
    report = build(out, settings(), workers=1)
    assert report.may_pass == 1
    assert report.refusals["fetch", "gone"] == report.refusals["fetch", "not answered"] == 1
    assert any("--retry" in line for line in report.lines())
    little["aporee"].broken = {}
    assert build(out, settings(), workers=1).may_pass == 1
    report = build(out, settings(), retry=Retry.PASSING, workers=1)
    assert (report.may_pass, report.refusals.get(("fetch", "gone"))) == (0, 1)
    report = build(out, settings(), retry=Retry.ALL, workers=1)
    assert not any(stage == "fetch" for stage, _ in report.refusals)
    build(tmp_path / "other", settings(), workers=1)
    assert files(out) == files(tmp_path / "other")


def test_files_that_are_broken_are_made_again(tmp_path, little):
    build(tmp_path, settings(), workers=1)
    before = files(tmp_path)
    asked = len(little["aporee"].fetched)
    first, second, third, *_ = (k for k, row in sorted(rows(tmp_path).items()) if row["shard"])
    paths.clip(tmp_path, first).write_bytes(b"fLaC but no more")
    paths.mel(tmp_path, second).unlink()
    paths.tile(tmp_path, third).write_bytes(b"")
    for kind in ("shards", "parquet"):
        for path in (tmp_path / kind).glob("t*"):
            path.unlink()
    build(tmp_path, settings(), workers=1).check()
    assert files(tmp_path) == before
    assert {first, second} <= {f"aporee-{id}" for id in little["aporee"].fetched[asked:]}


def test_other_settings_in_a_folder_are_an_error(tmp_path, little: Mapping[str, Little]):
    build(tmp_path, settings(), workers=1)
    asked = list(little["aporee"].listed)
    with pytest.raises(ConfigError, match="seed"):
        build(tmp_path, settings(seed=3), workers=1)
    assert little["aporee"].listed == asked


def test_a_full_disk_is_a_line_that_helps(tmp_path, little):
    little["aporee"].broken = {"3": OSError(28, "No space left on device")}
    with pytest.raises(UnfinishedBuild, match="make room"):
        build(tmp_path, settings(), workers=1)


def test_licences_narrow_a_build_down(tmp_path, little):
    report = build(tmp_path, settings(licences=["CC0-1.0"]), workers=1)
    with pytest.raises(MissingData, match="psm collect status"):
        report.check()
    assert not little["aporee"].fetched
