"""Providers by name, and the same view of the same pixels from each of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psm.errors import ConfigError, MissingData
from psm.imagery import (
    BlueMarble,
    MonthRequired,
    Picture,
    Provider,
    View,
    is_simulated,
    open_imagery,
)
from tests.imagery.scene import LAT, LON, scene_file
from tests.imagery.scenes import Scene, write_catalogue
from tests.imagery.tileserver import Server


# odc-geo 0.5 multiplies transforms and moves shapes as affine 2 and shapely 2.0 want it.
@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:odc.geo")
@pytest.mark.filterwarnings(r"ignore:The 'shapely.ops:DeprecationWarning:odc.geo")
def test_the_same_pixels_from_files_tiles_and_scenes_are_the_same_views(
    tmp_path: Path, server: Server
) -> None:
    scene_file(tmp_path / "files" / "a.tif", "EPSG:3035", 12.0, 500, overviews=(2, 4))
    catalogue = write_catalogue(
        tmp_path, [Scene("new", added=1000, properties={"s2:processing_baseline": "05.00"})]
    )
    providers = [
        open_imagery(str(tmp_path / "files")),
        open_imagery(f"xyz:{server.url}", rate=1000.0),
        open_imagery(f"stac:{catalogue}", month=7, parallel=1),
    ]
    lat, lon = LAT + np.asarray([-0.004, 0.0, 0.005]), LON + np.asarray([0.006, 0.0, -0.005])
    for view in (View(32, 20.0), View(48, 40.0)):
        seen = []
        for provider in providers:
            assert isinstance(provider, Provider)
            pictures = list(provider.read(lat=lat, lon=lon, view=view))
            assert all(isinstance(one, Picture) for one in pictures), provider.name
            seen.append(np.stack([one.pixels for one in pictures if isinstance(one, Picture)]))
        for other in seen[1:]:
            difference = np.abs(seen[0].astype(int) - other)
            assert difference.mean() < 1.0
            assert difference.max() < 6


def test_blue_marble_by_name() -> None:
    ours, theirs = open_imagery("blue-marble"), open_imagery("blue-marble:Kepler")
    assert isinstance(ours, BlueMarble)
    assert isinstance(theirs, BlueMarble)
    assert ours.settings == {"provider": "blue-marble", "version": 1}
    assert theirs.settings == {"provider": "blue-marble", "version": 1, "world": "kepler"}
    at = {"lat": np.array([48.2]), "lon": np.array([16.4]), "view": View(64, 1000.0)}
    (here,), (there,) = (list(one.read(**at)) for one in (ours, theirs))
    assert isinstance(here, Picture)
    assert isinstance(there, Picture)
    assert not np.array_equal(here.pixels, there.pixels)
    with pytest.raises(ConfigError, match="one word"):
        open_imagery("blue-marble:two words")


def test_errors_teach(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'bing' is not known: blue-marble, a raster file"):
        open_imagery("bing")
    with pytest.raises(ConfigError, match=r"names nothing"):
        open_imagery("xyz:")
    with pytest.raises(MissingData, match=r"towns.tif: no such imagery"):
        open_imagery("towns.tif")
    with pytest.raises(ConfigError, match=r"blue-marble has no option 'rate'; it has none"):
        open_imagery("blue-marble", rate=3)
    with pytest.raises(ConfigError, match=r"kind xyz has no option 'raet'; it has key, .* rate"):
        open_imagery("xyz:http://a.org/{z}/{x}/{y}", raet=3)
    with pytest.raises(ConfigError, match=r"kind rasters has no option 'years'; it has scale"):
        open_imagery(str(tmp_path), years=3)
    with pytest.raises(ConfigError, match=r"month 13"):
        open_imagery("blue-marble", month=13)


def test_every_provider_says_whether_it_has_seasons_and_is_simulated(tmp_path: Path) -> None:
    scene_file(tmp_path / "7.tif", "EPSG:3035", 12.0, 64)
    catalogue = write_catalogue(
        tmp_path / "scenes",
        [Scene("new", added=1000, properties={"s2:processing_baseline": "05.00"})],
    )
    address = "xyz:http://a.org/{z}/{x}/{y}"
    said = {
        "blue-marble": (False, True),
        str(tmp_path / "7.tif"): (False, False),
        str(tmp_path / "{month}.tif"): (True, False),
        address: (False, False),
        f"{address}?time={{month:02d}}": (True, False),
        f"stac:{catalogue}": (True, False),
    }
    for text, traits in said.items():
        provider = open_imagery(text, month=7)
        assert (provider.has_seasons, provider.is_simulated) == traits, text
        assert is_simulated(str(provider.settings["provider"])) == provider.is_simulated
    for text in (str(tmp_path / "{month}.tif"), f"{address}?time={{month:02d}}"):
        with pytest.raises(MonthRequired, match="give a month"):
            open_imagery(text)
