"""Tiles that raster files cannot fill are refused at once, with the gsd that would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from psm.errors import ConfigError
from psm.imagery import Rasters, View
from psm.importing.tilesize import refuse_misfit
from tests.imagery.scene import LAT, LON, scene_file


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Rasters:
    """Twenty kilometres in UTM at 20 m, as two files."""
    folder = tmp_path_factory.mktemp("mosaic")
    scene_file(folder / "a.tif", "EPSG:32632", 20.0, 1000)
    scene_file(folder / "b.tif", "EPSG:32632", 20.0, 500)
    return Rasters(str(folder))


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (
            View(320, 1000.0),
            r"tiles for earth-small have 320 pixels of 1000 m, 320 km, and the imagery shows "
            r"20\.\d x 20\.\d km; say --gsd 20, for tiles of 6.4 km",
        ),
        (View(1120, 30.0), "33.6 km, .* say --gsd 9, for tiles of 10 km"),
        (View(320, 2.0), "and the imagery's pixels are of 20 m; say --gsd 20, for tiles of 6.4"),
        (View(8000, 10.0), "give imagery of a wider area"),
    ],
)
def test_what_would_fit_is_said(park: Rasters, view: View, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        refuse_misfit(park, view, preset="earth-small")


def test_tiles_that_fit_and_imagery_of_the_world_are_taken(park: Rasters, tmp_path: Path) -> None:
    refuse_misfit(park, View(320, 10.0), preset="earth-small")
    refuse_misfit(park, View(1120, 10.0), preset="psm-sentinel")  # tight, and some places have one
    wide = scene_file(tmp_path / "wide.tif", "EPSG:4326", 0.25, 200, lat=LAT - 20, lon=LON)
    refuse_misfit(Rasters(str(wide)), View(320, 1000.0), preset="earth-small")
