from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psm.errors import ConfigError, InvalidContext, RenamedColumns, RowsLeftOut
from psm.mapping import SoundscapeMap
from psm.mapping.outputs.columns import free_names
from psm.mapping.outputs.points import as_geodataframe, crop, sample_file, write_places
from psm.provenance import TAG, UNRECORDED
from tests.mapping.maps import GLOBE, soundscape

RNG = np.random.default_rng(0)


@pytest.fixture
def found() -> SoundscapeMap:
    values = RNG.uniform(0, 1, GLOBE.shape)
    values[:4] = np.nan
    return soundscape(values)


def test_many_places_are_one_by_one(found: SoundscapeMap, tmp_path: Path) -> None:
    lat, lon = RNG.uniform(-90, 90, 50), RNG.uniform(-180, 180, 50)
    table = found.sample(lat=lat, lon=lon, name=[f"p{i}" for i in range(50)])
    assert list(table.columns) == [
        "name", "lat", "lon", "match_probability", "uncertainty", "csd",
    ]  # fmt: skip
    for row in table.itertuples():
        alone = found.at(lat=row.lat, lon=row.lon)
        assert row.match_probability == pytest.approx(alone["match_probability"], nan_ok=True)
    table.to_csv(tmp_path / "points.csv", index=False)
    assert pd.read_csv(tmp_path / "points.csv")["name"].tolist() == table["name"].tolist()


def test_points_for_a_gis(found: SoundscapeMap) -> None:
    points = as_geodataframe(found.sample(lat=[10.0, 20.0], lon=[30.0, 40.0]))
    assert points.crs.to_epsg() == 4326
    assert (points.geometry.x.tolist(), points.geometry.y.tolist()) == ([30.0, 40.0], [10.0, 20.0])


def test_wrong_places_are_named(found: SoundscapeMap) -> None:
    with pytest.raises(InvalidContext, match="place 1: 99, 0"):
        found.sample(lat=[0.0, 99.0], lon=0.0)
    with pytest.raises(InvalidContext, match="place 0: nan"):
        found.sample(lat=np.nan, lon=0.0)
    with pytest.raises(ConfigError, match="column 'name' needs 2 values"):
        found.sample(lat=[0.0, 1.0], lon=0.0, name=["a"])


def test_a_box_keeps_its_cells_where_they_were(found: SoundscapeMap) -> None:
    part = crop(found, west=-20.0, south=-10.0, east=30.0, north=60.0)
    assert part.shape == (14, 10)
    assert part.frame.bounds == (-20.0, -10.0, 30.0, 60.0)
    assert part.data.rio.bounds() == pytest.approx(part.frame.bounds)
    lat, lon = RNG.uniform(-9, 59, 40), RNG.uniform(-19, 29, 40)
    pd.testing.assert_frame_equal(part.sample(lat=lat, lon=lon), found.sample(lat=lat, lon=lon))
    assert np.isnan(part.at(lat=0.0, lon=90.0)["csd"])
    assert part.data["csd"].dtype == np.float32
    assert part.data["csd"].attrs == found.data["csd"].attrs
    assert part.tags == found.tags


def test_a_box_across_the_antimeridian(found: SoundscapeMap) -> None:
    part = found.crop(west=170.0, south=-10.0, east=-170.0, north=10.0)
    assert np.isfinite(part.values()).sum() == 16
    for lon in (171.0, 179.0, -179.0, -171.0):
        assert part.at(lat=1.0, lon=lon) == found.at(lat=1.0, lon=lon)
    assert np.isnan(part.at(lat=1.0, lon=0.0)["csd"])


def test_boxes_that_hold_nothing_are_refused(found: SoundscapeMap) -> None:
    with pytest.raises(ConfigError, match="no cell of the map"):
        found.crop(west=0.0, south=80.0, east=10.0, north=85.0)
    with pytest.raises(InvalidContext, match="no box"):
        found.crop(west=0.0, south=10.0, east=10.0, north=-10.0)


def test_a_column_may_be_called_as_the_map_is(found: SoundscapeMap) -> None:
    table = found.sample(lat=[10.0], lon=[30.0], soundscape=["a"], self=["b"])
    assert (table["soundscape"][0], table["self"][0]) == ("a", "b")


def test_found_places_are_points_of_geojson(tmp_path: Path) -> None:
    place = {"lat": 1.0, "lon": 2.0, "probability": 0.5}
    path = write_places([place], tmp_path / "found.geojson", told={TAG: UNRECORDED.tag})
    content = json.loads(path.read_text())
    (feature,) = content["features"]
    assert content["metadata"] == {TAG: UNRECORDED.tag}
    assert feature["geometry"] == {"type": "Point", "coordinates": [2.0, 1.0]}
    assert feature["properties"] == {"probability": 0.5}


def sampled(found: SoundscapeMap, folder: Path, content: str | bytes) -> list[str]:
    """The lines that come of a file of points."""
    (folder / "in.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return sample_file(found, folder / "in.csv", folder / "out.csv").read_text().splitlines()


def test_columns_of_a_table_stay_as_they_are(found: SoundscapeMap, tmp_path: Path) -> None:
    header, row = sampled(found, tmp_path, "id,lat,lon,soundscape,note\n007,10,30,quiet,1e3\n")
    assert header == "id,soundscape,note,lat,lon,match_probability,uncertainty,csd,psm.provenance"
    assert row.startswith("007,quiet,1e3,10.0,30.0,")


def test_a_name_that_is_taken_is_theirs(found: SoundscapeMap, tmp_path: Path) -> None:
    with pytest.warns(RenamedColumns, match="of the map, uncertainty is map_uncertainty"):
        header, row = sampled(found, tmp_path, "lat,lon,Uncertainty\n10,30,mine\n")
    assert header == "Uncertainty,lat,lon,match_probability,map_uncertainty,csd,psm.provenance"
    assert row.startswith("mine,")


def test_names_are_free_whatever_is_taken() -> None:
    with pytest.warns(RenamedColumns):
        assert free_names(["a", "b"], ["A", "map_a", 3]) == {"a": "map2_a", "b": "b"}


def test_points_come_in_any_table(found: SoundscapeMap, tmp_path: Path) -> None:
    plain = sampled(found, tmp_path, "lat,lon\n10.5,-30.25\n")
    for content in (
        "sep=;\r\nLatitude;Longitude\r\n10,5;-30,25\r\n",
        "lat\tlon\r10,5\t-30,25\r",
        "\ufefflat|lon\n10.5|-30.25\n\n",
        "lat,lon\n10.5,-30.25\n".encode("utf-16"),
        "# made by hand\nlat,lon\n10.5,\u221230.25\n",
    ):
        assert sampled(found, tmp_path, content) == plain


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("lat,lon\n1,2\nnorth,3\n", ConfigError, "line 3: lat and lon have to be numbers"),
        ("lat,lon\n1,2\n\n99,3\n", InvalidContext, "line 4: 99, 3 is no latitude"),
        ("lat,lon\n1,2\n,\n", RowsLeftOut, r"1 row is left out \(line 3: an empty row\)"),
        ("lat,lon\n1,2\n1,2,3\n", RowsLeftOut, "line 3: more fields than columns"),
        ("lat,lon,a\n1,2,\"open\n3,4,b\n", ConfigError, "line 2: a quote is opened"),
        ("lat,lon,lat\n1,2,3\n", ConfigError, "columns 1 and 3 are both named 'lat'"),
        ("lat,lon\n", ConfigError, "needs places"),
        ("", ConfigError, "needs places"),
        ("a,b\n1,2\n", ConfigError, "needs places in columns named lat and lon"),
    ],
)  # fmt: skip
def test_a_wrong_table_of_points_names_its_line(
    found: SoundscapeMap, tmp_path: Path, content: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sampled(found, tmp_path, content)
