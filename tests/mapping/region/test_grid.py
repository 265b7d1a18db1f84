from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.transform import Affine

from psm.errors import ConfigError, UntrueSpacing
from psm.mapping import Frame
from psm.mapping.region import Grid, Region
from psm.mapping.region.projections import enclosing_circle

GEOD = Geod(ellps="WGS84")
FINE = (1_000_000, 1_000_000)

bboxes = st.builds(
    lambda west, south, width, height: Region.bbox(
        west, south, (west + width + 180.0) % 360.0 - 180.0, min(south + height, 90.0)
    ),
    west=st.floats(-180, 179),
    south=st.floats(-90, 85),
    width=st.floats(1, 300),
    height=st.floats(1, 100),
)
circles = st.builds(
    Region.circle,
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    radius_m=st.floats(1e3, 9e6),
)


def spacing_for(region: Region, cells: int = 40_000) -> float:
    return 1000.0 * (region.area_km2 / cells) ** 0.5


def ground_m(grid: Grid, rows: list[int], columns: list[int]) -> float:
    lat, lon = grid.frame.places(rows, columns)
    return float(GEOD.inv(lon[0], lat[0], lon[1], lat[1])[2])


def geodesic_km2(region: Region) -> float:
    """An oracle of its own: the area between geodesics from point to close point, by octants."""
    total = 0.0
    for west in (-180.0, -90.0, 0.0, 90.0):
        for south in (-90.0, 0.0):
            octant = shapely.box(west, south, west + 90.0, south + 90.0)
            for part in shapely.get_parts(region.geometry.intersection(octant)):
                if part.geom_type == "Polygon":
                    dense = shapely.segmentize(part, 0.1)
                    total += abs(GEOD.geometry_area_perimeter(dense)[0]) / 1e6
    return total


@settings(max_examples=25)
@given(region=bboxes | circles)
def test_cells_times_their_area_is_the_area_of_the_region(region: Region) -> None:
    expected_km2 = geodesic_km2(region)
    spacing = spacing_for(region)
    covered_km2 = region.grid(spacing).count() * spacing**2 / 1e6
    assert region.area_km2 == pytest.approx(expected_km2, rel=1e-3)
    assert covered_km2 == pytest.approx(expected_km2, rel=0.01)


@settings(max_examples=25)
@given(region=bboxes | circles)
def test_every_centre_lies_inside(region: Region) -> None:
    spacing = spacing_for(region, 4000)
    grid = region.grid(spacing)
    cells = grid.cells()
    assert len(cells) == grid.count()
    x, y = grid.frame.x[cells.columns], grid.frame.y[cells.rows]
    assert shapely.contains_xy(shapely.buffer(grid.outline, 1e-6 * spacing), x, y).all()
    # In longitude and latitude a hair's breadth near a pole is many degrees.
    is_far = np.abs(cells.lat) < 89.0
    near_enough = shapely.buffer(region.geometry, 0.02 * spacing / 1000.0 / 111.0)
    east = np.where(cells.lon <= -180.0 + 1e-9, 180.0, cells.lon)
    inside = shapely.contains_xy(near_enough, cells.lon, cells.lat)
    assert (inside | shapely.contains_xy(near_enough, east, cells.lat))[is_far].all()


@pytest.mark.parametrize("lat", [0.0, 60.0, 78.0, -89.9])
@pytest.mark.parametrize("lon", [10.0, 180.0])
def test_neighbours_of_a_small_region_are_the_spacing_apart(lat: float, lon: float) -> None:
    grid = Region.circle(lat=lat, lon=lon, radius_m=50_000.0).grid(1000.0)
    row, column = grid.frame.shape[0] // 2, grid.frame.shape[1] // 2
    for at in (row, 2), (2, column), (row, column):
        assert ground_m(grid, [at[0]] * 2, [at[1], at[1] + 1]) == pytest.approx(1000.0, rel=1e-4)
        assert ground_m(grid, [at[0], at[0] + 1], [at[1]] * 2) == pytest.approx(1000.0, rel=1e-4)


@pytest.mark.parametrize("lat", [0.0, 60.0, 78.0, -78.0])
def test_on_the_globe_rows_and_the_cells_of_a_row_are_the_spacing_apart(lat: float) -> None:
    grid = Region.globe().grid(10_000.0)
    row, middle = grid.frame.index(lat=lat, lon=0.0)
    reach = grid.frame.index(lat=lat, lon=179.0)[1] - middle
    for column in (middle - reach, middle, middle + reach):
        assert ground_m(grid, [row, row], [column, column + 1]) == pytest.approx(1e4, rel=1e-4)
        lats, lons = grid.frame.places([row, row + 1], [column, column])
        assert GEOD.inv(lons[0], lats[0], lons[0], lats[1])[2] == pytest.approx(1e4, rel=1e-4)


def test_a_wide_region_across_the_antimeridian_is_whole() -> None:
    grid = Region.bbox(120.0, -40.0, -120.0, 40.0).grid(50_000.0)
    cells = grid.cells()
    west = grid.frame.index(lat=10.0, lon=179.9)[1]
    east = grid.frame.index(lat=10.0, lon=-179.9)[1]
    assert 0 <= east - west <= 1
    assert "lon_0=180" in grid.frame.crs or "lon_0=-180" in grid.frame.crs
    assert np.all((cells.lon >= 120.0) | (cells.lon <= -120.0))
    row = grid.frame.index(lat=10.0, lon=180.0)[0]
    row_columns = np.sort(cells.columns[cells.rows == row])
    assert np.all(np.diff(row_columns) == 1)


@settings(max_examples=10)
@given(region=bboxes | circles)
def test_neighbours_are_off_by_no_more_than_is_stated(region: Region) -> None:
    grid = region.grid(spacing_for(region, 2000))
    assert grid.distortion <= 0.036
    # A hundredth of a cell: the chord through the Earth's curve must not count.
    fine = Frame(grid.frame.crs, grid.frame.transform @ Affine.scale(0.01), FINE)
    cells = grid.cells()
    for row, column in [(100 * cells.rows[i], 100 * cells.columns[i]) for i in (0, -1)]:
        lat, lon = fine.places([row, row], [column, column + 1])
        along_m = GEOD.inv(lon[0], lat[0], lon[1], lat[1])[2]
        assert along_m == pytest.approx(grid.spacing_m / 100.0, rel=grid.distortion + 2e-3)


def test_blocks_are_those_of_a_mask_made_at_once() -> None:
    grid = Region.parse("48.2,16.37,40km").grid(700.0)
    seen = np.zeros(grid.frame.shape, int)
    for rows, columns in grid.blocks(side=16):
        assert len(rows) == len(columns) > 0
        assert len({(r // 16, c // 16) for r, c in zip(rows, columns, strict=True)}) == 1
        seen[rows, columns] += 1
    x, y = np.meshgrid(grid.frame.x, grid.frame.y)
    np.testing.assert_array_equal(seen, shapely.contains_xy(grid.outline, x, y))


def test_a_million_cells_stream_in_little_memory() -> None:
    grid = Region.bbox(10.0, 45.0, 20.0, 50.0).grid(650.0)
    tracemalloc.start()
    count = sum(len(rows) for rows, _ in grid.blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == grid.count() > 900_000
    assert peak < 20e6


def test_the_first_blocks_of_a_planet_at_one_kilometre_come_at_once() -> None:
    grid = Region.globe().grid(1000.0)
    tracemalloc.start()
    blocks = grid.blocks()
    first = [next(blocks) for _ in range(200)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert grid.frame.shape[0] * grid.frame.shape[1] > 8e8
    assert sum(len(rows) for rows, _ in first) > 100_000
    assert peak < 100e6


def test_land_leaves_out_the_sea_and_lakes_but_not_their_islands() -> None:
    grid = Region.bbox(31.0, -3.0, 35.0, 1.0).grid(2000.0, land_only=True)  # Lake Victoria
    cells = grid.cells()
    held = np.zeros(grid.frame.shape, bool)
    held[cells.rows, cells.columns] = True
    assert held[grid.frame.index(lat=-2.9, lon=31.1)]
    assert not held[grid.frame.index(lat=-1.0, lon=33.0)]
    assert held[grid.frame.index(lat=-2.05, lon=33.0)]  # Ukerewe
    with pytest.raises(ConfigError, match="no land"):
        Region.bbox(-125.0, -50.0, -115.0, -45.0).grid(10_000.0, land_only=True)


def test_the_land_of_the_earth_has_its_area() -> None:
    grid = Region.globe().grid(100_000.0, land_only=True)
    assert grid.count() * 10_000.0 == pytest.approx(148.0e6, rel=0.02)
    assert "sinu" in grid.frame.crs


def test_a_system_can_be_chosen() -> None:
    region = Region.parse("48.2,16.37,20km")
    grid = region.grid(500.0, crs="EPSG:32633")
    assert grid.frame.crs == "EPSG:32633"
    assert grid.count() * 0.25 == pytest.approx(region.area_km2, rel=0.01)
    assert grid.distortion < 0.001
    with pytest.warns(UntrueSpacing, match="off by up to 5.%"):
        region.grid(500.0, crs="EPSG:3857")


@pytest.mark.parametrize(
    ("crs", "message"),
    [
        ("EPSG:4326", "counts degrees"),
        ("EPSG:2263", "metres"),  # US feet
        ("EPSG:999999", "no coordinate system"),
    ],
)
def test_a_system_that_counts_no_metres_is_refused(crs: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Region.parse("48.2,16.37,20km").grid(500.0, crs=crs)


def test_a_spacing_without_a_cell_is_an_error() -> None:
    with pytest.raises(ConfigError, match="smaller spacing"):
        Region.bbox(16.0, 48.0, 16.001, 48.001).grid(1e6).cells()
    with pytest.raises(ConfigError, match="spacing 0 m"):
        Region.globe().grid(0.0)


@settings(max_examples=20)
@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180), radius_m=st.floats(1e4, 5e6))
def test_the_middle_of_a_circle_is_found(lat: float, lon: float, radius_m: float) -> None:
    found = enclosing_circle(Region.circle(lat=lat, lon=lon, radius_m=radius_m).geometry)
    off_m = GEOD.inv(lon, lat, found[1], found[0])[2]
    assert off_m < 8000.0 + 0.01 * radius_m
    assert found[2] == pytest.approx(radius_m / 1000.0, rel=0.02, abs=8.0)
