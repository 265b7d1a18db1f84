from __future__ import annotations

import numpy as np
import pytest

from psm.errors import ConfigError
from psm.mapping import Cells, Frame


def test_the_globe_holds_land_and_no_open_sea(cells: Cells) -> None:
    is_cell = np.zeros(cells.frame.shape, bool)
    is_cell[cells.rows, cells.columns] = True
    assert cells.frame.shape == (18, 36)
    assert is_cell[cells.frame.index(lat=48.0, lon=16.0)]
    assert is_cell[cells.frame.index(lat=-25.0, lon=135.0)]
    assert not is_cell[cells.frame.index(lat=-45.0, lon=-115.0)]  # the South Pacific


def test_values_land_in_the_pixel_whose_centre_is_the_cell(cells: Cells) -> None:
    raster = cells.raster(cells.lat * 1000.0 + cells.lon)
    expected = cells.frame.y[:, None] * 1000.0 + cells.frame.x[None, :]
    known = np.isfinite(raster)
    assert raster.dtype == np.float32
    assert known.sum() == len(cells)
    np.testing.assert_allclose(raster[known], expected[known], rtol=1e-6)


def test_a_part_keeps_its_places(cells: Cells) -> None:
    part = cells.part(cells.lat > 40.0)
    assert part.frame == cells.frame
    np.testing.assert_array_equal(part.lat, cells.lat[cells.lat > 40.0])


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([5, 5], [5, 5], "share one place"),
        ([18], [5], "outside of its frame"),
        ([5], [-1], "outside of its frame"),
        ([], [], "at least one"),
        ([5], [5, 15], "as many"),
    ],
)
def test_cells_off_the_frame_are_refused(rows: list[int], columns: list[int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Cells(Frame.globe(10.0), np.array(rows, np.int64), np.array(columns, np.int64))
