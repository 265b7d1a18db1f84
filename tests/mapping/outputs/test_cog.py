from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo import cog_validate

from psm.mapping import Cells, Moment, Query, SoundscapeMap


@pytest.fixture
def soundscape() -> SoundscapeMap:
    """A map at 1 degree whose values are a function of the place."""
    cells = Cells.globe(1.0)
    probability = (cells.lat + 90.0) / 180.0
    values = {"match_probability": probability, "uncertainty": (cells.lon + 180.0) / 720.0}
    return SoundscapeMap.of_cells(
        cells,
        {**values, "csd": 1.0 - probability},
        query=Query(texts=("“rain” & wind",)),
        moment=Moment(month=2, hour=5.5),
        zoom=3,
        model="tiny",
        attribution="somebody's data",
        licence="CC-BY-4.0",
    )


def test_the_file_is_a_valid_cog_with_overviews(soundscape: SoundscapeMap, tmp_path: Path) -> None:
    path = soundscape.to_cog(tmp_path / "maps" / "rain.tif")
    assert cog_validate(str(path), strict=True) == (True, [], [])
    with rasterio.open(path) as source:
        assert source.overviews(1) == source.overviews(2) == [2, 4, 8]
        smaller = source.read(1, out_shape=(45, 90))
    assert 0.0 <= np.nanmin(smaller) <= np.nanmax(smaller) <= 1.0
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["rain.qml", "rain.tif"]


def test_the_bands_say_what_they_are(soundscape: SoundscapeMap, tmp_path: Path) -> None:
    with rasterio.open(soundscape.to_cog(tmp_path / "rain.tif")) as source:
        assert source.crs.to_epsg() == 4326
        assert source.dtypes == ("float32", "float32")
        assert np.isnan(source.nodata)
        assert source.descriptions == (
            "match probability",
            "standard deviation of the match probability",
        )
        assert source.units == ("1", "1")
        tags = source.tags()
    assert tags.items() >= soundscape.tags.items()
    assert (tags["query_texts"], tags["local_hour"]) == ("“rain” & wind", "5.5")
    assert tags["software"].startswith("psm ")


def test_values_are_read_back_at_their_coordinates(
    soundscape: SoundscapeMap, tmp_path: Path
) -> None:
    places = [(16.37, 48.21), (151.2, -33.9), (-68.3, -54.8), (-21.9, 64.1), (178.4, -18.1)]
    with rasterio.open(soundscape.to_cog(tmp_path / "rain.tif")) as source:
        read = np.array(list(source.sample(places)))
    for (lon, lat), (probability, uncertainty) in zip(places, read, strict=True):
        assert probability * 180.0 - 90.0 == pytest.approx(lat, abs=0.5)
        assert uncertainty * 720.0 - 180.0 == pytest.approx(lon, abs=0.5)
        assert soundscape.at(lat=lat, lon=lon)["match_probability"] == probability


def test_the_sea_is_no_data(soundscape: SoundscapeMap, tmp_path: Path) -> None:
    with rasterio.open(soundscape.to_cog(tmp_path / "rain.tif")) as source:
        assert source.read_masks(1)[source.index(-115.0, -45.0)] == 0
        assert source.read_masks(1)[source.index(16.4, 48.2)] == 255


def test_a_coarse_map_is_a_valid_cog_too(tmp_path: Path) -> None:
    cells = Cells.globe(10.0)
    values = dict.fromkeys(("match_probability", "uncertainty", "csd"), cells.lat)
    coarse = SoundscapeMap.of_cells(
        cells,
        values,
        query=Query(texts=("rain",)),
        moment=Moment(),
        zoom=1,
        model="tiny",
        attribution="",
        licence="unknown",
    )
    assert cog_validate(str(coarse.to_cog(tmp_path / "rain.tif")), strict=True)[0]
