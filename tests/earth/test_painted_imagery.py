from __future__ import annotations

import numpy as np
import pytest

from psm.earth import paint
from psm.earth.painted_imagery import TILE_SIZE, ZOOMS, PaintedImagery
from psm.errors import ConfigError, InvalidContext

PLACES = [(48.86, 2.35), (24.0, 10.0), (-4.0, -65.5), (46.5, 10.5), (-17.0, 179.95), (78.2, 15.6)]


@pytest.fixture(scope="module")
def imagery() -> PaintedImagery:
    return PaintedImagery.load()


def box_mean(picture, size):
    z = picture.shape[0] // size
    return picture.reshape(size, z, size, z, 3).astype(float).mean(axis=(1, 3))


@pytest.mark.parametrize("zoom", ZOOMS)
def test_views_are_the_tile_cropped_and_averaged(imagery, zoom):
    lat, lon = zip(*PLACES, strict=True)
    views = imagery.views(lat=lat, lon=lon, zoom=zoom)
    margin = (TILE_SIZE - 64 * zoom) // 2
    for view, (y, x) in zip(views, PLACES, strict=True):
        tile = imagery.tile(lat=y, lon=x)[margin : TILE_SIZE - margin, margin : TILE_SIZE - margin]
        assert np.abs(box_mean(tile, 64) - view).mean() < 2.5, (y, x)


def test_views_of_another_size_agree(imagery):
    large = imagery.views(lat=47.4, lon=8.5, zoom=3, size=64)[0]
    small = imagery.views(lat=47.4, lon=8.5, zoom=3, size=32)[0]
    assert np.abs(box_mean(large, 32) - small).mean() < 3.0


def test_colours_of_desert_forest_ice_and_sea(imagery):
    desert, forest, ice, sea = imagery.views(
        lat=[24.0, -4.0, 72.0, 30.0], lon=[10.0, -65.5, -40.0, -40.0], zoom=5
    ).mean(axis=(1, 2))
    assert desert[0] > desert[2] + 40
    assert forest[1] > max(forest[0], forest[2])
    assert ice.min() > 180
    assert sea[2] > sea[0] + 30
    assert desert.mean() > 2 * forest.mean()


def test_towns_show(imagery):
    town, country = (
        paint.towns(paint.GroundSquare(y, x, 64, 1.0)) for y, x in ((48.86, 2.35), (24, 10))
    )
    assert town.mean() > 0.3
    assert country.max() == 0.0
    view = imagery.views(lat=48.86, lon=2.35)[0].astype(float)
    centre, edge = view[24:40, 24:40], view[:6]
    assert np.ptp(centre.mean(axis=(0, 1))) < 25  # grey
    assert centre.mean() > edge.mean() + 20


@pytest.mark.parametrize("gsd_km", [1.0, 3.0, 5.0])
def test_painted_area_is_kept_at_every_resolution(gsd_km):
    place = (52.0, -105.0)  # scattered small towns
    fine = paint.GroundSquare(*place, 320, 1.0)
    coarse = paint.GroundSquare(*place, round(320 / gsd_km), gsd_km)
    for layer in (paint.towns, paint.roads, paint.rivers):
        wanted, got = layer(fine).sum(), layer(coarse).sum() * gsd_km**2
        assert got == pytest.approx(wanted, rel=0.12), layer.__name__


def test_north_is_up_and_east_is_right(imagery):
    tile = imagery.tile(lat=43.3, lon=5.2).astype(float)  # Marseille: sea in the south
    blueness = tile[..., 2] - tile[..., 0]
    assert blueness[-80:].mean() > blueness[:80].mean() + 40
    tile = imagery.tile(lat=39.5, lon=-9.2).astype(float)  # Portugal: sea in the west
    blueness = tile[..., 2] - tile[..., 0]
    assert blueness[:, :80].mean() > blueness[:, -80:].mean() + 40


def test_a_degree_north_is_111_pixels():
    square = paint.GroundSquare(60.0, 20.0, 320, 1.0)
    row, column = square.pixels(lat=[60.0, 61.0, 60.0], lon=[20.0, 20.0, 21.0])
    np.testing.assert_allclose(row, [160.0, 160 - 111.2, 160.0], atol=0.1)
    np.testing.assert_allclose(column, [160.0, 160.0, 160 + 55.6], atol=0.1)


def test_seamless_at_the_antimeridian(imagery):
    for lat in (-17.0, 66.0):
        east, west = (
            imagery._ground(paint.GroundSquare(lat, 180.0, 64, 5.0)),
            imagery._ground(paint.GroundSquare(lat, -180.0, 64, 5.0)),
        )
        np.testing.assert_allclose(east, west, atol=1.5)
    for layer in (paint.towns, paint.rivers):
        east = layer(paint.GroundSquare(66.5, 179.9999, 64, 5.0))
        west = layer(paint.GroundSquare(66.5, -179.9999, 64, 5.0))
        np.testing.assert_allclose(east.sum(), west.sum(), rtol=0.02)


@pytest.mark.parametrize("lat", [-90.0, -89.0, 84.0, 89.9, 90.0])
def test_poles_give_a_whole_tile(imagery, lat):
    tile = imagery.tile(lat=lat, lon=30.0)
    assert tile.shape == (320, 320, 3)
    assert tile.dtype == np.uint8
    assert tile.std() > 0


def test_same_place_same_bytes(imagery):
    first = imagery.tile(lat=12.345, lon=-67.89)
    assert np.array_equal(first, PaintedImagery().tile(lat=12.345, lon=-67.89))
    assert not np.array_equal(first, imagery.tile(lat=12.345, lon=-67.8))


def test_bad_requests_are_named(imagery):
    with pytest.raises(InvalidContext, match="latitude 95"):
        imagery.tile(lat=95.0, lon=0.0)
    with pytest.raises(ConfigError, match="zoom 2"):
        imagery.views(lat=0.0, lon=0.0, zoom=2)
    with pytest.raises(ConfigError, match="size 0"):
        imagery.views(lat=0.0, lon=0.0, size=0)
