"""Held-out recordings whose tile shows ground of another split are counted, and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from psm.data.audit import LeakKind, audit
from psm.importing.overlapping import as_rows, counted, overlapping
from tests.imagery.scene import LAT, scene_file
from tests.importing.test_provider import SPLITS, table
from tests.test_cli import psm

KM = 1.0 / 111.2


def test_recordings_are_counted_whose_tiles_share_ground() -> None:
    places = {
        ("train", 45.0, 9.0, 3.2): 30,
        ("test", 45.0, 9.0, 3.2): 5,  # the same place
        ("test", 45.0 + 3.1 * KM, 9.0, 3.2): 7,  # its tile overlaps
        ("test", 45.0 - 3.3 * KM, 9.0, 3.2): 11,  # its tile lies beside
        ("val", 45.0 + 5.0 * KM, 9.0, 3.2): 2,  # overlaps a test tile alone
    }
    assert overlapping(places) == {"test": {"train": 12, "val": 7}}
    assert counted(json.loads(json.dumps(as_rows(places)))) == places


def test_splits_that_lie_apart_share_nothing() -> None:
    assert overlapping({("train", 45.0, 9.0, 3.2): 30, ("test", 46.0, 9.0, 3.2): 5}) == {}
    assert overlapping({("train", 45.0, 9.0, 3.2): 30}) == {}
    assert overlapping({}) == {}


def test_the_import_says_how_many_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    near = {n: LAT + (0.0 if SPLITS[n % 3] == "train" else 0.01 * n) for n in range(12)}
    folder, out = table(tmp_path / "own", Lat=near), tmp_path / "out"
    scene = scene_file(tmp_path / "scene.tif", "EPSG:4326", 1e-3, 400)
    command = ["data", "import", folder, out, "--imagery", scene, "--preset", folder / "tiny.yaml"]
    command += ["--gsd", "50", "--workers", "1"]
    assert psm(*command) == 0
    printed = " ".join(capsys.readouterr().out.split())
    found = json.loads((out / "import" / "report.json").read_text())["overlaps"]
    leaks = audit(out, workers=1).counts
    assert found["test"]["train"] == leaks["train", "test", LeakKind.GROUND] > 0
    said = f"overlap {found['test']['train']} of 4 test recordings have a tile that shares ground"
    assert said in printed
    assert "--split all=train" in printed
    assert psm(*command[:3], tmp_path / "all", *command[4:], "--split", "all=train") == 0
    assert "overlap" not in capsys.readouterr().out
    assert "overlaps" not in (tmp_path / "all" / "import" / "report.json").read_text()
