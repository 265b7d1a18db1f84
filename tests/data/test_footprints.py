"""Tiles that share ground, against polygons drawn around each of two places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import Polygon

from psm.data.footprints import Footprints, least_distance_km, overlaps
from psm.geodata.sphere import EARTH_RADIUS_KM

SPHERE = Geod(a=EARTH_RADIUS_KM * 1000.0, f=0.0)
TICKS = np.linspace(-1.0, 1.0, 9)
EDGE = np.array(
    [(x, -1.0) for x in TICKS] + [(1.0, y) for y in TICKS]
    + [(x, 1.0) for x in TICKS[::-1]] + [(-1.0, y) for y in TICKS[::-1]]
)  # fmt: skip


def tile(lat, lon, side_km):
    return Footprints(*(np.array([float(value)]) for value in (lat, lon, side_km)))


def outline(lat, lon, side_km, *, around):
    """A tile as a polygon in kilometres east and north of ``around``."""
    east, north = (EDGE * side_km * 500.0).T
    start = np.full(len(EDGE), lon), np.full(len(EDGE), lat)
    lons, lats, _ = SPHERE.fwd(*start, np.degrees(np.arctan2(east, north)), np.hypot(east, north))
    middle = np.full(len(EDGE), around[1]), np.full(len(EDGE), around[0])
    azimuth, _, metres = SPHERE.inv(*middle, lons, lats)
    angle = np.radians(azimuth)
    return Polygon(np.stack([np.sin(angle), np.cos(angle)], -1) * metres[:, None] / 1000.0)


@given(
    lat=st.floats(-89.5, 89.5) | st.floats(89.0, 89.8),  # there meridians converge within a tile
    lon=st.floats(-180.0, 180.0),
    azimuth=st.floats(0.0, 360.0),
    apart=st.floats(0.9, 1.45),
    sides=st.sampled_from([(5.0, 60.0), (60.0, 5.0), (20.0, 20.0), (60.0, 40.0)]),
)
@settings(max_examples=300, deadline=None)
def test_tiles_touch_where_their_polygons_do(lat, lon, azimuth, apart, sides):
    distance_km = apart * sum(sides) / 2.0
    other_lon, other_lat, _ = SPHERE.fwd(lon, lat, azimuth, distance_km * 1000.0)
    here = outline(lat, lon, sides[0], around=(lat, lon))
    there = outline(other_lat, other_lon, sides[1], around=(lat, lon))
    gap = here.distance(there)
    share = here.intersection(there).area / min(s**2 for s in sides)
    assume(gap > 0.01 or share > 1e-3)  # a few metres are left to the cautious side
    found = list(overlaps(tile(lat, lon, sides[0]), tile(other_lat, other_lon, sides[1])))
    assert bool(found) == (gap == 0.0)


@pytest.mark.parametrize(
    ("a", "b", "touch"),
    [
        ((0.0, 179.99), (0.0, -179.99), True),
        ((89.99, 0.0), (89.99, 180.0), True),
        ((0.0, 0.0), (0.09, 0.09), False),  # 10 km east and 10 km north of tiles of 9 km
        ((0.0, 0.0), (0.07, 0.07), True),
        ((45.0, 10.0), (45.0, 10.0), True),
    ],
)
def test_edges_of_the_map_and_corners(a, b, touch):
    assert bool(list(overlaps(tile(*a, 9.0), tile(*b, 9.0)))) == touch


def test_every_tile_is_paired_with_the_nearest_that_it_touches():
    rng = np.random.default_rng(0)
    a, b = (
        Footprints(rng.uniform(40, 41, n), rng.uniform(5, 6, n), rng.uniform(1, 9, n))
        for n in (30, 300)
    )

    def one(tiles, number):
        return tile(tiles.lat[number], tiles.lon[number], tiles.side_km[number])

    expected = {}
    for j in range(len(b)):
        touching = [i for i in range(len(a)) if list(overlaps(one(a, i), one(b, j)))]
        if touching:
            expected[j] = min(touching, key=lambda i: least_distance_km(one(a, i), one(b, j)))
    assert {j: i for i, j in overlaps(a, b)} == expected
    assert 50 < len(expected) < 300


def test_no_tiles_touch_nothing():
    empty = Footprints(*(np.zeros(0) for _ in range(3)))
    assert list(overlaps(empty, tile(0, 0, 1))) == []
    assert least_distance_km(empty, tile(0, 0, 1)) == float("inf")
    assert least_distance_km(tile(0, 0, 1), tile(0, 1, 1)) == pytest.approx(111.195, abs=1e-3)
