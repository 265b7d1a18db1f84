"""``psm evaluate --against``: a document, files, and one line for what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from psm.mapping import Moment
from psm.seeding import generator
from tests.mapping.maps import GLOBE, soundscape
from tests.test_cli import psm


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table of what was measured, and a map of ours that explains some of it."""
    folder = tmp_path_factory.mktemp("against")
    rng = generator(0, "against")
    lat, lon = rng.uniform(-60, 70, 150), rng.uniform(-180, 180, 150)
    rows, columns = (index.ravel() for index in np.indices(GLOBE.shape))
    field = 0.5 + 0.4 * np.sin(np.radians(3.0 * GLOBE.places(rows, columns)[0]))
    drawn = soundscape(field.reshape(GLOBE.shape), moment=Moment(month=5, hour=6.0))
    value = drawn.values()[GLOBE.index(lat=lat, lon=lon)] + rng.normal(0.0, 0.05, 150)
    lines = [
        f"{a:.4f},{b:.4f},5,6,{v:.4f}" for a, b, v in zip(lat, lon, value.clip(0, 1), strict=True)
    ]
    table = folder / "sites.csv"
    table.write_text("\n".join(["lat,lon,month,hour,share", *lines, "0,0,7,6,0.5", "0,0,5,6,x"]))
    return table, drawn.write(folder / "map.tif")


def test_a_map_is_held_against_a_table(
    sides: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, drawn = sides
    options = ("--value", "share", "--map", drawn, "--no-baselines", "--out", tmp_path, "--json")
    assert psm("evaluate", "--against", table, *options) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["scores"]["r2"]["value"] > 0.9
    low, high = document["scores"]["spearman"]["ci95"]
    assert low <= document["scores"]["spearman"]["value"] <= high
    assert document["truth"]["left_out"] == {
        "value is not a number": 1, "of another month or hour than the map": 1,
    }  # fmt: skip
    assert document["map"]["name"] == "“frogs”"
    assert "not recorded" in document["map"]["provenance"]
    assert all(Path(path).is_file() for path in document["files"])
    assert "150 points" in said.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--value", "share"], "hold against it --query TEXT of a model, or --map FILE"),
        (["--value", "loud", "--map", "MAP"], "no column 'loud'; there are lat, lon, month, hour"),
        (["--value", "share", "--map", "MAP", "--raw"], "no model is asked; leave out --raw"),
        (["--value", "share", "--query", "frogs", "--band", "2"], "no --map is read; leave out"),
        (["--value", "share", "--map", "MAP", "--maps"], "choose one"),
        (["--value", "share", "--map", "no.tif"], "no.tif: no such file"),
        (["--value", "share", "--map", "MAP", "--band", "9"], "--band 9: there are 1 match prob"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    options: list[str],
    message: str,
    sides: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table, drawn = sides
    words = [str(drawn) if word == "MAP" else word for word in options]
    assert psm("evaluate", "--against", table, *words, "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "against.json").exists()


def test_options_of_against_are_refused_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert psm("evaluate", "--query", "frogs") == 2
    assert "only --against" in capsys.readouterr().err
