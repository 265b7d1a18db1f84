from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from psm.cartography.equalearth import CENTRAL_LON, Canvas, project, unproject, world_edge
from psm.cartography.worldmap import lakes, land, projected_coastlines, projected_land


def test_published_size_of_the_map() -> None:
    # Šavrič et al. 2018: the equator is 2.05458 times as long as the central meridian.
    (x,), (y,) = project(lat=[0.0], lon_from_centre=[180.0])[0], project(
        lat=[90.0], lon_from_centre=[0.0]
    )[1]  # fmt: skip
    assert abs(x / y - 2.05458) < 1e-5


@given(lat=st.floats(-89, 89), lon=st.floats(-179, 179))
def test_unproject_is_the_inverse(lat: float, lon: float) -> None:
    back = unproject(*project(lat=lat, lon_from_centre=lon))
    np.testing.assert_allclose(back, (lat, lon), atol=1e-6)


@given(lat=st.floats(-80, 80), lon=st.floats(-170, 170))
def test_areas_are_true(lat: float, lon: float) -> None:
    h = 1e-4
    (x0, y0), (x1, y1), (x2, y2) = (
        project(lat=lat + dlat, lon_from_centre=lon + dlon)
        for dlat, dlon in ((0, 0), (h, 0), (0, h))
    )
    area = abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
    assert abs(area / (np.radians(h) ** 2 * np.cos(np.radians(lat + h / 2))) - 1.0) < 1e-3


def test_outside_of_the_map_there_is_no_place() -> None:
    lat, lon = unproject([2.7, 0.0], [1.2, 5.0])
    assert np.isnan(lat).all()
    assert np.isnan(lon).all()


def test_land_is_where_it_is() -> None:
    eurasia, *_ = land()
    assert eurasia[:, 0].min() < -9.0  # Portugal
    assert eurasia[:, 0].max() > 179.9  # Chukotka
    caspian, *_ = lakes()
    assert 46.0 < caspian[:, 0].min() < caspian[:, 0].max() < 55.5


def test_no_line_crosses_the_map() -> None:
    for lines in (projected_land(), projected_coastlines()):
        longest = max(np.abs(np.diff(line[:, 0])).max() for line in lines if line[:, 1].min() > -1)
        assert longest < 0.1


def test_a_canvas_shows_each_cell_at_its_place() -> None:
    lat = 90.0 - (np.arange(180) + 0.5)
    lon = -180.0 + (np.arange(360) + 0.5)
    has_data = np.ones((180, 360), bool)
    canvas = Canvas.of(has_data, 300)
    left, right, bottom, top = canvas.extent
    by_lat = canvas.image(np.broadcast_to(lat[:, None], has_data.shape))
    by_lon = canvas.image(np.broadcast_to(lon[None, :], has_data.shape))
    rows, columns = canvas.shape
    for place in ((48.0, 16.0), (-33.0, 151.0), (64.0, -150.0)):
        x, y = project(lat=place[0], lon_from_centre=place[1] - CENTRAL_LON)
        row, column = (
            int((top - y) / (top - bottom) * rows),
            int((x - left) / (right - left) * columns),
        )
        assert abs(by_lat[row, column] - place[0]) < 1.0
        assert abs(by_lon[row, column] - place[1]) < 2.0


def test_a_canvas_does_not_smear_values_over_no_data() -> None:
    has_data = np.zeros((18, 36), bool)
    has_data[5, 18] = True
    canvas = Canvas.of(has_data, 200)
    image = canvas.image(np.where(has_data, 3.0, np.nan))
    assert 0 < (~image.mask).sum() < image.size / 50
    np.testing.assert_allclose(image.compressed(), 3.0, rtol=1e-6)


def test_the_frame_is_closed() -> None:
    outline = world_edge(south=-60.0, north=84.0)
    np.testing.assert_array_equal(outline[0], outline[-1])
