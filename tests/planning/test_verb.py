"""The verb: a plan for the field, and bad input in one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from psm.errors import RowsLeftOut
from tests.measures.conftest import write_desk
from tests.test_cli import psm

REGION = ["2,42,22,54", "--spacing", "200km"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(autouse=True)
def _own_cache(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSM_CACHE", str(desk / "cache"))
    monkeypatch.chdir(desk)


def plan(desk: Path, *arguments: str) -> int:
    seen = ("--model", f"{desk}/model", "--imagery", f"{desk}/world.tif")
    return psm("plan", *REGION, *seen, *arguments)


@pytest.mark.filterwarnings("ignore::psm.errors.UnfamiliarQuery")
def test_a_plan_of_few_recorders_has_a_rota(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there.csv").write_text("lat,lon\n48.0,12.0\n0.0,0.0\n")
    Path("east.geojson").write_text(
        json.dumps({"type": "Polygon", "coordinates": [[[12, 42], [22, 42], [22, 54], [12, 42]]]})
    )
    files = ("--out", "plan.csv", "--out", "plan.gpx", "--json")
    asked = ("--query", "frogs", "--existing", "there.csv", "--access", "east.geojson")
    when = ("--months", "11-2", "--shifts", "2", "--min-distance", "250km")
    with pytest.warns(RowsLeftOut, match="1 of 2 recorders that are there stand outside"):
        assert plan(desk, "--recorders", "2", "--sites", "4", *asked, *when, *files) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["for"], document["existing"], document["months"]) == (
        "frogs", 2, [11, 12, 1, 2]
    )  # fmt: skip
    with Path("plan.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["months"] for row in rows] == ["11 1", "11 1", "12 2", "12 2"]
    assert all(row["hours"] in ("0-12 12-24", "12-24 0-12") for row in rows)
    assert all(float(row["lon"]) >= 12.0 for row in rows)
    assert Path("plan.gpx").read_text().count("<wpt") == 4


def test_bad_input_is_one_line(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (["--months", "summer"], "write 4-7, or 3,6,9,12"),
        (["--recorders", "90"], "is room for"),
        (["--shifts", "5"], "a day has 1, 2, 3"),
        (["--query", "frogs", "--measure", "m"], "choose one"),
        (["--measure", "none"], "no measure"),
        (["--out", "plan.kml"], "no format for '.kml'"),
        (["--existing", "nowhere.csv"], "no such file"),
        (["--min-distance", "far"], "far"),
    ):
        assert plan(desk, *arguments) == 2, arguments
        last = capsys.readouterr().err.strip().splitlines()[-1]
        assert last.startswith("error: ")
        assert words in last
