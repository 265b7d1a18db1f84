from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.errors import ConfigError
from psm.mapping import Cells
from psm.mapping.cells import frame_index


def test_the_globe_holds_land_and_no_open_sea(cells: Cells) -> None:
    row, column = cells.index(lat=cells.lat, lon=cells.lon)
    is_cell = np.zeros(cells.shape, bool)
    is_cell[row, column] = True
    assert cells.shape == (18, 36)
    assert is_cell[cells.index(lat=48.0, lon=16.0)]
    assert is_cell[cells.index(lat=-25.0, lon=135.0)]
    assert not is_cell[cells.index(lat=-45.0, lon=-115.0)]  # the South Pacific


def test_values_land_in_the_pixel_whose_centre_is_the_cell(cells: Cells) -> None:
    frame = cells.raster(cells.lat * 1000.0 + cells.lon)
    expected = cells.row_lat[:, None] * 1000.0 + cells.column_lon[None, :]
    known = np.isfinite(frame)
    assert frame.dtype == np.float32
    assert known.sum() == len(cells)
    np.testing.assert_allclose(frame[known], expected[known], rtol=1e-6)


def test_the_transform_places_the_first_pixel_at_the_north_west(cells: Cells) -> None:
    assert cells.transform @ (0.5, 0.5) == (cells.column_lon[0], cells.row_lat[0]) == (-175.0, 85.0)


@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180))
def test_every_place_falls_into_the_pixel_that_surrounds_it(lat: float, lon: float) -> None:
    row, column = frame_index((180, 360), lat=lat, lon=lon)
    assert abs(90.0 - (row + 0.5) - lat) <= 0.5 + 1e-9
    assert abs((lon - (column - 180.0 + 0.5) + 180.0) % 360.0 - 180.0) <= 0.5 + 1e-9


@pytest.mark.parametrize("step_deg", [0.0, -1.0, 0.7, 50.0, float("nan")])
def test_a_step_that_does_not_divide_the_globe_is_refused(step_deg: float) -> None:
    with pytest.raises(ConfigError, match="divide 180"):
        Cells.globe(step_deg)


@pytest.mark.parametrize(
    ("lat", "lon", "message"),
    [
        ([5.0, 5.0], [5.0, 5.0], "share one place"),
        ([5.2], [5.0], "not a centre"),
        ([95.0], [5.0], "not a centre"),
        ([np.nan], [5.0], "finite"),
        ([], [], "at least one"),
        ([5.0], [5.0, 15.0], "as many"),
    ],
)
def test_cells_off_the_frame_are_refused(lat: list[float], lon: list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Cells(np.array(lat), np.array(lon), 10.0)
