from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import Affine

from psm.errors import ConfigError
from psm.mapping import Frame

LAEA = "+proj=laea +lat_0=50 +lon_0=179 +datum=WGS84 +units=m"
PACIFIC = Frame(LAEA, Affine(1e4, 0.0, -5e5, 0.0, -1e4, 5e5), (100, 100))


@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180))
def test_every_place_falls_into_the_pixel_that_surrounds_it(lat: float, lon: float) -> None:
    row, column = Frame.globe(1.0).index(lat=lat, lon=lon)
    assert abs(90.0 - (row + 0.5) - lat) <= 0.5 + 1e-9
    assert abs((lon - (column - 180.0 + 0.5) + 180.0) % 360.0 - 180.0) <= 0.5 + 1e-9


@given(row=st.integers(0, 99), column=st.integers(0, 99))
def test_the_centre_of_a_pixel_lies_in_it_across_the_antimeridian(row: int, column: int) -> None:
    lat, lon = PACIFIC.places(row, column)
    assert -180.0 <= lon < 180.0
    assert PACIFIC.index(lat=lat, lon=lon) == (row, column)


def test_a_place_outside_of_a_region_has_no_pixel() -> None:
    rows, columns = PACIFIC.index(lat=[50.0, 0.0, np.nan], lon=[-179.0, 0.0, 0.0])
    assert rows[0] >= 0 <= columns[0]
    assert rows[1:].tolist() == columns[1:].tolist() == [-1, -1]


def test_the_transform_places_the_first_pixel_at_the_north_west() -> None:
    frame = Frame.globe(10.0)
    assert frame.transform @ (0.5, 0.5) == (frame.x[0], frame.y[0]) == (-175.0, 85.0)
    assert frame.bounds == (-180.0, -90.0, 180.0, 90.0)
    assert frame.is_globe
    assert not PACIFIC.is_globe


def test_the_areas_of_the_globe_sum_to_that_of_the_sphere() -> None:
    frame = Frame.globe(5.0)
    sphere = 4.0 * np.pi * 6371.0088**2
    assert frame.row_km2.sum() * frame.shape[1] == pytest.approx(sphere, rel=1e-4)
    assert PACIFIC.row_km2[0] == pytest.approx(100.0)


@pytest.mark.parametrize("step_deg", [0.0, -1.0, 0.7, 50.0, float("nan")])
def test_a_step_that_does_not_divide_the_globe_is_refused(step_deg: float) -> None:
    with pytest.raises(ConfigError, match="divide 180"):
        Frame.globe(step_deg)


def test_what_is_no_raster_is_refused() -> None:
    with pytest.raises(ConfigError, match="coordinate system"):
        Frame("EPSG:999999", Affine(1, 0, 0, 0, -1, 0), (1, 1))
    with pytest.raises(ConfigError, match="north up"):
        Frame(LAEA, Affine(1, 0, 0, 0, 1, 0), (1, 1))


def test_a_spacing_is_metres_or_degrees() -> None:
    assert (Frame.globe(2.0).spacing_deg, Frame.globe(2.0).spacing_m) == (2.0, None)
    assert (PACIFIC.spacing_deg, PACIFIC.spacing_m) == (None, PACIFIC.transform.a)
