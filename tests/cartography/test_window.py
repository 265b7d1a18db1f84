from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.transform import Affine

from psm.cartography.graticule import graticule
from psm.cartography.marginalia import round_length
from psm.cartography.vectorlayers import geography
from psm.cartography.window import Window
from psm.mapping import Frame

MakeFrame = Callable[..., Frame]


def test_a_strip_is_shown_with_what_lies_around(around: MakeFrame) -> None:
    frame = around(lat=47.0, lon=9.0, rows=2, columns=200, step_m=1000.0)
    window = Window.of(frame)
    assert window.shape == pytest.approx(0.22)
    assert (window.left, window.right) == (frame.bounds[0], frame.bounds[2])
    assert window.bottom < frame.bounds[1] < frame.bounds[3] < window.top


def test_a_full_frame_is_its_own_window(around: MakeFrame) -> None:
    frame = around(lat=47.0, lon=9.0, rows=30, columns=40, step_m=1000.0)
    assert Window.of(frame) == Window(frame.crs, *frame.bounds)


@pytest.mark.parametrize(
    ("lat", "lon", "poles"), [(48.0, 16.0, ()), (90.0, 0.0, (90.0,)), (-85.0, 120.0, (-90.0,))]
)
def test_poles_are_known(
    lat: float, lon: float, poles: tuple[float, ...], around: MakeFrame
) -> None:
    window = Window.of(around(lat=lat, lon=lon, rows=40, columns=40, step_m=50_000.0))
    assert window.poles == poles
    assert (window.north_deg is None) == bool(poles)
    if poles:
        west, _, east, _ = window.box
        assert east - west == pytest.approx(360.0)


def test_the_tips_of_a_world_map_are_no_poles_to_go_around() -> None:
    frame = Frame("ESRI:54008", Affine(2e5, 0.0, -2.01e7, 0.0, -2e5, 1.01e7), (101, 201))
    window = Window.of(frame)
    assert window.poles == ()
    assert not window.is_all_earth


def test_a_window_across_the_antimeridian_is_in_one_piece(around: MakeFrame) -> None:
    window = Window.of(around(lat=-17.5, lon=179.5, rows=40, columns=60, step_m=10_000.0))
    west, _, east, _ = window.box
    assert 5.0 < east - west < 8.0
    assert west < 180.0 < east
    around_it = geography(window)
    assert around_it is not None
    x = np.concatenate([line[:, 0] for line in around_it.shores])
    assert (x < 0.0).any()
    assert (x > 0.15 * window.right).any()  # islands beyond 180 degrees


@settings(max_examples=25, deadline=None)
@given(lat=st.floats(-80.0, 80.0), lon=st.floats(-180.0, 180.0), zone=st.integers(1, 60))
def test_the_scale_is_true_at_the_centre(lat: float, lon: float, zone: int) -> None:
    for crs in (f"EPSG:{32600 + zone}", "EPSG:3857"):
        central = 6.0 * zone - 183.0 if crs != "EPSG:3857" else lon
        whole = Window(crs, 0.0, 0.0, 1.0, 1.0)
        x, y = whole.project(central + 1.0, lat)
        window = Window(crs, float(x) - 5e3, float(y) - 5e3, float(x) + 5e3, float(y) + 5e3)
        lons, lats = window.unproject([float(x) - 500.0, float(x) + 500.0], [float(y)] * 2)
        true_m = Geod(ellps="WGS84").inv(lons[0], lats[0], lons[1], lats[1])[2]
        assert window.metres_per_unit * 1000.0 == pytest.approx(true_m, rel=1e-4)


def test_north_is_up_on_the_central_meridian_and_turned_beside_it() -> None:
    here = Window("EPSG:32633", 495_000.0, 5_300_000.0, 505_000.0, 5_310_000.0)
    assert here.north_deg == pytest.approx(0.0, abs=0.01)
    east = Window("EPSG:32633", 745_000.0, 5_300_000.0, 755_000.0, 5_310_000.0)
    # Meridian convergence: (lon - lon0) * sin(lat), turned to the west in the east.
    lon, lat = east.unproject(*east.centre)
    expected = -(float(lon) - 15.0) * np.sin(np.radians(float(lat)))
    assert east.north_deg == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("longest", "length"), [(1.0, 1.0), (4.9, 2.0), (5.0, 5.0), (99.0, 50.0), (1e3, 1e3)]
)
def test_a_scale_bar_has_a_round_length(longest: float, length: float) -> None:
    assert round_length(longest) == pytest.approx(length)


def test_a_small_window_has_no_lines_so_coarse(around: MakeFrame) -> None:
    assert (
        geography(Window.of(around(lat=48.2, lon=16.4, rows=20, columns=20, step_m=500.0))) is None
    )


def test_land_and_lakes_lie_where_they_do(around: MakeFrame) -> None:
    window = Window.of(around(lat=46.5, lon=7.5, rows=60, columns=80, step_m=10_000.0))
    around_it = geography(window)
    assert around_it is not None
    assert around_it.borders
    assert around_it.rivers
    bern, geneva_lake, genoa_sea = (
        tuple(float(v) for v in window.project(lon, lat))
        for lon, lat in ((7.44, 46.95), (6.6, 46.45), (8.9, 44.1))
    )
    assert around_it.land.contains_point(bern)
    assert around_it.lakes.contains_point(geneva_lake)
    assert not around_it.lakes.contains_point(bern)
    assert not around_it.land.contains_point(genoa_sea)


def test_the_antarctic_has_no_seam() -> None:
    crs = "+proj=laea +lat_0=-90 +lon_0=0 +datum=WGS84 +units=m"
    found = geography(Window(crs, -2.5e6, -2.5e6, 2.5e6, 2.5e6))
    assert found is not None
    near_pole = [np.hypot(*line.T).min() for line in found.shores]
    assert min(near_pole) > 2e5
    assert found.land.contains_point((0.0, 1e5))


@pytest.mark.parametrize("step_m", [100.0, 1e3, 1e4, 5e4])
def test_the_graticule_has_a_few_lines_with_round_names(step_m: float, around: MakeFrame) -> None:
    window = Window.of(around(lat=48.2, lon=16.4, rows=50, columns=70, step_m=step_m))
    found = graticule(window)
    for sides in (("left", "right"), ("bottom",)):
        assert 2 <= sum(label[3] in sides for label in found.labels) <= 9
    for x, y, words, _ in found.labels:
        assert window.left - 1.0 <= x <= window.right + 1.0
        assert window.bottom - 1.0 <= y <= window.top + 1.0
        assert words == "0°" or words[-1] in "NSEW"
