"""The verbs: a column is fitted, mapped, asked of a place, searched for; bad input is one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from tests.measures.conftest import write_desk
from tests.test_cli import psm

REGION = ("--region", "2,42,22,54", "--spacing", "200km")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, imagery, a table and a measure that was fitted by the verb."""
    folder = write_desk(tmp_path_factory.mktemp("desk"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PSM_CACHE", str(folder / "cache"))
        assert psm(*_fit(folder, "laeq_db"), "--unit", "dB", "--no-baselines") == 0
    return folder


def _fit(desk: Path, column: str) -> list[str]:
    return [
        "measure", "fit", f"{desk}/levels.csv", "--column", column, *_seen(desk),
        "--out", f"{desk}/measures",
    ]  # fmt: skip


def _seen(desk: Path) -> list[str]:
    return ["--model", f"{desk}/model", "--imagery", f"{desk}/world.tif"]


def test_a_column_becomes_a_folder_with_a_report(desk: Path) -> None:
    names = {path.name for path in (desk / "measures" / "laeq_db").iterdir()}
    assert names == {
        "measure.safetensors", "measure.yaml", "report.json", "report.html", "scatter.png"
    }  # fmt: skip
    text = (desk / "measures/laeq_db/measure.yaml").read_text()
    assert "unit: dB" in text
    assert "table: levels.csv" in text


def test_a_measure_is_mapped_profiled_and_searched(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure = ("--measure", f"{desk}/measures/laeq_db", *_seen(desk))
    when = ("--month", "6", "--hour", "12")
    drawn = ("--out", desk / "level.png", "--out", desk / "level.tif")
    assert psm("map", *measure, *REGION, *when, *drawn) == 0
    with rasterio.open(desk / "level.tif") as raster:
        assert raster.descriptions[1] == "lower end of the 90 % interval of laeq db"
    with Image.open(desk / "level.png") as picture:
        assert picture.text["measure"] == "laeq_db"
    assert psm("profile", "48", "12", *measure, "--out", desk / "p.png") == 0
    assert np.array(json.loads((desk / "p.json").read_text())["upper"]).shape == (12, 24)
    capsys.readouterr()
    assert psm("search", *measure, *REGION, *when, "--count", "2", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [set(place) for place in document["places"]] == [
        {"value", "lower", "upper", "lat", "lon", "place"}
    ] * 2
    assert document["query"]["unit"] == "dB"


def test_bad_input_is_one_line(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (_fit(desk, "constant"), "is 1 in every row; there is nothing to map"),
        (_fit(desk, "loudness"), "no column 'loudness'"),
        ([*_fit(desk, "share"), "--link", "probit"], "choose identity, log, logit"),
        ([*_fit(desk, "share"), "--range", "1"], "write LOW,HIGH"),
        ([*_fit(desk, "share"), "--range", "2,1"], "the first has to be the smaller"),
        (["measure", "fit", f"{desk}/levels.csv"], "name the column of numbers"),
        (["map", "--measure", f"{desk}/none", *_seen(desk)], "no measure"),
        (["map", "frogs", "--measure", "x"], "it is mapped instead of a query"),
        (["profile", "4", "5", "--sound", "x", "--measure", "m"], "instead of sounds"),
    ):
        assert psm(*arguments) == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert said[-1].startswith("error: ")
        assert words in said[-1]
