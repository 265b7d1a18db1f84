"""Spatial hold-out: what shows the area is found, across borders, the antimeridian and poles."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely
from typer.testing import CliRunner

from psm.cli.app import app
from psm.config import Experiment
from psm.data.corpus import find_split
from psm.data.holdout import area_of, shows
from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.errors import ConfigError
from psm.training.run import find_splits
from tests.tiny import tiny_experiment, write_tiny_shards

BOX = "POLYGON ((10 0, 20 0, 20 10, 10 10, 10 0))"


def recording(lat: float, lon: float, gsd_m: float = 1000.0) -> Recording:
    return Recording(
        key=f"{lat} {lon}", lat=lat, lon=lon, audio_source=AudioSource.YFCC, caption="a stream",
        caption_source=CaptionSource.META, split="train", cell="", gsd_m=gsd_m,
    )  # fmt: skip


def test_a_tile_that_reaches_in_shows_the_area() -> None:
    """320 pixels of 1 km reach 1.44 degrees north and, at 60 N, 2.9 to 3.1 degrees east."""
    places = [(5.0, 15.0), (11.4, 15.0), (11.5, 15.0), (5.0, 8.5), (5.0, 8.6), (50.0, 15.0)]
    found = shows(area_of(BOX), [recording(*place) for place in places], tile_px=320)
    assert found.tolist() == [True, True, False, False, True, False]
    far_north = shapely.to_wkt(shapely.box(3.2, 55.0, 20.0, 65.0))
    near = [recording(60.0, lon) for lon in (0.0, 0.3, -1.0)]
    assert shows(area_of(far_north), near, tile_px=320).tolist() == [False, True, False]


def test_a_tile_across_the_antimeridian_shows_the_other_side() -> None:
    fiji = shapely.to_wkt(shapely.box(177.0, -20.0, 180.0, -15.0))
    found = shows(area_of(fiji), [recording(-17.0, -179.5), recording(-17.0, -178.0)], tile_px=320)
    assert found.tolist() == [True, False]
    assert shows(area_of(fiji), [recording(-90.0, 0.0)], tile_px=320).tolist() == [False]


@pytest.mark.parametrize(
    "wkt", ["South America", "POINT (1 2)", "POLYGON EMPTY", "POLYGON ((0 0, 200 0, 0 9, 0 0))"]
)
def test_what_is_no_area_is_refused_by_the_setting(wkt: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.hold_out"):
        tiny_experiment(training={"hold_out": wkt})


def test_training_reads_neither_recordings_nor_files_of_the_area(tmp_path: Path) -> None:
    write_tiny_shards(tmp_path)
    south = shapely.to_wkt(shapely.box(-180.0, -90.0, 180.0, 0.0))
    whole = {split: find_split(tmp_path, split) for split in ("train", "val")}
    for split, (members, recordings) in find_splits(
        tiny_experiment(training={"hold_out": south}), tmp_path
    ).items():
        edge = 24.0 / 111.195  # half of a tile of 48 pixels
        wanted = [r.key for r in whole[split][1] if r.lat > edge]
        assert 0 < len(wanted) < len(whole[split][1])
        assert [r.key for r in recordings] == list(members.keys) == wanted
        row, key = len(wanted) - 1, wanted[-1]
        at = whole[split][0].keys.index(key)
        assert members.read(row, "mel.npy") == whole[split][0].read(at, "mel.npy")


def test_an_area_that_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    write_tiny_shards(tmp_path)
    globe = shapely.to_wkt(shapely.box(-180.0, -90.0, 180.0, 90.0))
    with pytest.raises(ConfigError, match="every recording of train"):
        find_splits(tiny_experiment(training={"hold_out": globe}), tmp_path)


def test_the_command_line_names_a_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trained: list[Experiment] = []
    monkeypatch.setattr(
        "psm.training.train", lambda experiment, *_, **__: trained.append(experiment)
    )
    asked = ["train", "--hold-out=170,-50,-170,-30", "--data", f"{tmp_path}", "--out", "nowhere"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    wkt = trained[0].training.hold_out
    assert wkt is not None
    halves = sorted(part.bounds for part in shapely.get_parts(area_of(wkt)))
    assert halves == [(-180.0, -50.0, -170.0, -30.0), (170.0, -50.0, 180.0, -30.0)]
