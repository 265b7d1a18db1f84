"""Means over H3 cells, read back with geopandas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import geopandas
import h3
import numpy as np
import pyarrow.parquet
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.transform import Affine

from psm.errors import ConfigError
from psm.mapping import Frame, SoundscapeMap
from psm.mapping.outputs.hexagons import hexagons, outline

MakeFrame = Callable[..., Frame]
MakeMap = Callable[..., SoundscapeMap]


@pytest.fixture
def vienna(around: MakeFrame, place_map: MakeMap) -> SoundscapeMap:
    return place_map(around(lat=48.2, lon=16.4, rows=20, columns=30, step_m=2000.0))


@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
def test_hexagons_are_read_back(suffix: str, vienna: SoundscapeMap, tmp_path: Path) -> None:
    path = vienna.to_h3(tmp_path / "out" / f"bells{suffix}", resolution=5)
    read = geopandas.read_parquet if suffix == ".parquet" else geopandas.read_file
    found = read(path).set_index("h3")
    assert found.crs.to_authority() in (("OGC", "CRS84"), ("EPSG", "4326"))
    assert found.geometry.is_valid.all()
    rows, columns = np.nonzero(np.isfinite(vienna.values()))
    lat, lon = vienna.frame.places(rows, columns)
    expected: dict[str, list[float]] = {}
    for a, o, row, column in zip(lat, lon, rows, columns, strict=True):
        expected.setdefault(h3.latlng_to_cell(a, o, 5), []).append(vienna.values()[row, column])
    assert set(found.index) == set(expected)
    for name, values in expected.items():
        assert found.loc[name, "match_probability"] == pytest.approx(np.mean(values), abs=1e-5)
        assert found.loc[name, "cells"] == len(values)
        middle = shapely.Point(*h3.cell_to_latlng(name)[::-1])
        assert found.loc[name, "geometry"].contains(middle)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_both_formats_carry_what_was_asked(vienna: SoundscapeMap, tmp_path: Path) -> None:
    parquet, text = (vienna.to_h3(tmp_path / f"bells{s}", 4) for s in (".parquet", ".geojson"))
    metadata = pyarrow.parquet.read_schema(parquet).metadata
    tags = json.loads(metadata[b"psm"])
    assert tags == json.loads(text.read_text())["metadata"]
    assert tags.items() >= {**vienna.tags, "h3_resolution": "4"}.items()
    assert json.loads(metadata[b"geo"])["version"] == "1.1.0"
    assert "crs" not in json.loads(text.read_text())  # RFC 7946 knows one only


def test_a_box_takes_the_hexagons_that_it_meets(
    vienna: SoundscapeMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By geopandas, by DuckDB and by the file's statistics alone, which spare most of it."""
    monkeypatch.setattr("psm.mapping.outputs.hexagons._ROW_GROUP", 16)
    path = vienna.to_h3(tmp_path / "bells.parquet", resolution=6)
    every = geopandas.read_parquet(path)
    west, south, east, north = every.total_bounds
    box = (west, south, (west + east) / 2.0, (south + north) / 2.0)
    bounds = every.bounds
    met = every[
        (bounds.minx <= box[2]) & (bounds.maxx >= box[0])
        & (bounds.miny <= box[3]) & (bounds.maxy >= box[1])
    ]  # fmt: skip
    assert 0 < len(met) < len(every)
    found = geopandas.read_parquet(path, bbox=box)
    assert set(found["h3"]) == set(met["h3"])
    asked = duckdb.sql(
        f"SELECT h3 FROM '{path}' WHERE bbox.xmin <= {box[2]} AND bbox.xmax >= {box[0]} "
        f"AND bbox.ymin <= {box[3]} AND bbox.ymax >= {box[1]}"
    ).fetchall()
    assert {h3_index for (h3_index,) in asked} == set(met["h3"])
    file = pyarrow.parquet.ParquetFile(path)
    columns = [file.schema.column(i).path for i in range(len(file.schema))]
    low, high = columns.index("bbox.xmin"), columns.index("bbox.xmax")
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    assert len(groups) > 3
    one = bounds.iloc[0]
    spared = [
        group for group in groups
        if group.column(low).statistics.min > one.maxx
        or group.column(high).statistics.max < one.minx
    ]  # fmt: skip
    assert spared
    assert geopandas.read_parquet(path, columns=["h3", "geometry"]).shape == (len(every), 2)


def test_hexagons_weigh_cells_by_their_area(place_map: MakeMap) -> None:
    soundscape = place_map(Frame.globe(5.0))
    found = hexagons(soundscape, 0)
    area = np.broadcast_to(soundscape.frame.row_km2[:, None], soundscape.shape)
    values = soundscape.values("uncertainty")
    known = np.isfinite(values)
    rows, columns = np.nonzero(known)
    lat, lon = soundscape.frame.places(rows, columns)
    inside = [h3.latlng_to_cell(a, o, 0) == found.names[0] for a, o in zip(lat, lon, strict=True)]
    expected = np.average(values[known][inside], weights=area[known][inside])
    assert found.values["uncertainty"][0] == pytest.approx(expected)


@settings(max_examples=8, deadline=None)
@given(
    lat=st.floats(-88.0, 88.0), lon=st.floats(-180.0, 180.0), step_m=st.sampled_from([300.0, 7e3])
)
def test_the_chosen_resolution_leaves_no_hole(
    lat: float, lon: float, step_m: float, around: MakeFrame, place_map: MakeMap
) -> None:
    soundscape = place_map(around(lat=lat, lon=lon, rows=16, columns=16, step_m=step_m))
    found = hexagons(soundscape)
    middle = h3.latlng_to_cell(lat, lon, found.resolution)
    reach = 6 * step_m  # well inside
    wanted = {
        name
        for name in h3.grid_disk(middle, 8)
        if Geod(ellps="WGS84").inv(lon, lat, *h3.cell_to_latlng(name)[::-1])[2] < reach
    }
    assert wanted <= set(found.names)


def test_the_chosen_resolution_is_not_needlessly_coarse(vienna: SoundscapeMap) -> None:
    found = hexagons(vienna)
    assert found.resolution == 6
    holes = {h for n in hexagons(vienna, 8).names for h in h3.grid_disk(n, 1)}
    assert len(holes - set(hexagons(vienna, 8).names)) > 100


@settings(max_examples=40, deadline=None)
@given(lat=st.floats(-89.9, 89.9), lon=st.sampled_from([-180.0, -179.9, 0.0, 179.0, 179.999]))
def test_outlines_are_cut_along_the_antimeridian(lat: float, lon: float) -> None:
    for resolution in (0, 3):
        name = h3.latlng_to_cell(lat, lon, resolution)
        shape = outline(np.array(h3.cell_to_boundary(name))[:, ::-1])
        assert shape.is_valid
        west, south, east, north = shape.bounds
        assert -180.0 <= west <= east <= 180.0
        assert -90.0 <= south <= north <= 90.0
        assert abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0]) > 0.0
        for part in shapely.get_parts(shape):
            assert part.exterior.is_ccw
        # Through the antimeridian would be nearly the whole width of the world.
        poles = {h3.latlng_to_cell(pole, 0.0, resolution) for pole in (-90.0, 90.0)}
        if name not in poles:
            assert all(p.bounds[2] - p.bounds[0] < 180.0 for p in shapely.get_parts(shape))
        else:
            assert max(abs(south), abs(north)) == 90.0


def test_a_map_across_the_antimeridian_keeps_to_the_world(
    around: MakeFrame, place_map: MakeMap, tmp_path: Path
) -> None:
    fiji = place_map(around(lat=-17.5, lon=180.0, rows=10, columns=10, step_m=20_000.0))
    found = geopandas.read_file(fiji.to_h3(tmp_path / "fiji.geojson"))
    assert set(found.geom_type) == {"Polygon", "MultiPolygon"}
    bounds = found.geometry.explode().bounds
    assert (bounds.maxx - bounds.minx < 5.0).all()


def test_wrong_requests_are_refused(vienna: SoundscapeMap, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="resolution 16: choose one of"):
        vienna.to_h3(tmp_path / "bells.parquet", 16)
    with pytest.raises(ConfigError, match=r"\.parquet or \.geojson"):
        vienna.to_h3(tmp_path / "bells.csv")
    vienna.data["match_probability"][:] = np.nan
    with pytest.raises(ConfigError, match="no data at all"):
        vienna.to_h3(tmp_path / "bells.parquet")
    assert not list(tmp_path.iterdir())


def test_degrees_and_metres_choose_alike(place_map: MakeMap) -> None:
    tenth = Frame("EPSG:4326", Affine(0.02, 0.0, 16.0, 0.0, -0.02, 48.4), (10, 10))
    utm = Frame("EPSG:32633", Affine(2e3, 0.0, 5e5, 0.0, -2e3, 5.35e6), (10, 10))
    assert hexagons(place_map(tenth)).resolution == hexagons(place_map(utm)).resolution == 6
