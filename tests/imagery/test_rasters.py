"""Views cut from rasters that the tests write."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer

from psm.errors import ConfigError, MissingData
from psm.imagery import NoImagery, Picture, Provider, Reason, View
from psm.imagery.rasters import Rasters
from tests.imagery.scene import (
    LAT,
    LON,
    around,
    colour,
    expected,
    from_origin,
    look,
    middles,
    pixels_of,
    scene_file,
    write,
)

VIEW = View(32, 50.0)
UTM = "EPSG:32632"


def difference(seen: object, *, view: View = VIEW, lat: float = LAT, lon: float = LON) -> float:
    assert isinstance(seen, Picture), seen
    assert seen.pixels.shape == (view.size_px, view.size_px, 3)
    assert seen.gsd_m == view.gsd_m
    return float(np.abs(seen.pixels - expected(lat=lat, lon=lon, view=view)).max())


@pytest.mark.parametrize("overviews", [(), (2, 4)])
@pytest.mark.parametrize("gsd", [10.0, 33.0, 50.0, 120.0])
@pytest.mark.parametrize(
    "crs", [UTM, "EPSG:4326", "EPSG:3857", "EPSG:3035", "EPSG:2056", "EPSG:32633"]
)
def test_a_view_is_local_metric_in_any_projection(
    tmp_path: Path, crs: str, gsd: float, overviews: tuple[int, ...]
) -> None:
    unit = gsd / 111_000 if crs == "EPSG:4326" else gsd / (0.68 if crs == "EPSG:3857" else 1.0)
    path = scene_file(tmp_path / "a.tif", crs, unit, int(4000 / gsd), overviews=overviews)
    assert difference(look(Rasters(str(path)), VIEW)) < 4.0


def test_a_wide_view_bends_with_the_earth(tmp_path: Path) -> None:
    lat, lon, view = 69.0, 20.0, View(64, 4000.0)
    transform = from_origin(0.0, 75.0, 0.02, 0.02)
    x, y = middles(transform, (600, 2000))
    pixels = np.stack([x * 6, y * 15 - 900, x]).round().astype(np.uint8)
    path = write(tmp_path / "a.tif", pixels, crs="EPSG:4326", transform=transform)
    seen = look(Rasters(str(path)), view, lat=lat, lon=lon)
    to_lonlat = Transformer.from_crs(f"+proj=aeqd +lat_0={lat} +lon_0={lon}", 4326, always_xy=True)
    ticks = (np.arange(64) + 0.5 - 32) * 4000.0
    lons, lats = to_lonlat.transform(*np.meshgrid(ticks, -ticks))
    assert np.abs(seen.pixels[..., 0] - lons * 6).max() < 2
    assert np.abs(seen.pixels[..., 1] - (lats * 15 - 900)).max() < 2


def test_the_first_of_several_files_wins_and_the_others_fill_its_gaps(tmp_path: Path) -> None:
    transform = around(UTM, 10.0, 400)
    left = np.full((3, 400, 400), 50, np.uint8)
    left[:, :, 200:] = 0
    write(tmp_path / "a.tif", left, crs=UTM, transform=transform, nodata=0)
    right = np.full((3, 400, 400), 200, np.uint8)
    write(tmp_path / "sub/b.tif", right, crs=UTM, transform=transform)
    for path in (tmp_path, tmp_path / "**/*.tif"):
        provider = Rasters(str(path))
        pixels = look(provider, VIEW).pixels
        assert (pixels[:, :14] == 50).all()
        assert (pixels[:, 18:] == 200).all()
        assert provider.settings["files"] == 2


def test_neighbouring_files_of_different_zones_join_without_a_gap(tmp_path: Path) -> None:
    for name, crs, cut in (("a", UTM, np.s_[:, :, :200]), ("b", "EPSG:32633", np.s_[:, :, 150:])):
        transform = around(crs, 10.0, 400)
        pixels = pixels_of(crs, transform, (400, 400))[cut]
        transform = from_origin(transform.c + 10.0 * (cut[2].start or 0), transform.f, 10.0, 10.0)
        write(tmp_path / f"{name}.tif", pixels, crs=crs, transform=transform)
    assert difference(look(Rasters(str(tmp_path)), VIEW)) < 4.0


@pytest.mark.parametrize("how", ["nodata", "mask", "alpha", "nan"])
def test_missing_pixels_are_no_data_and_small_gaps_are_filled(tmp_path: Path, how: str) -> None:
    transform = around(UTM, 50.0, 64)
    for hole, is_gap in ((slice(31, 33), True), (slice(20, 44), False)):
        pixels = np.maximum(pixels_of(UTM, transform, (64, 64)), 1)
        is_valid = np.ones((64, 64), bool)
        is_valid[hole, hole] = False
        options: dict[str, object] = {}
        scale = None
        if how == "nodata":
            pixels[:, ~is_valid] = 0
            options["nodata"] = 0
        elif how == "mask":
            options["mask"] = is_valid
        elif how == "alpha":
            pixels = np.concatenate([pixels, np.where(is_valid, 255, 0)[None].astype(np.uint8)])
            options |= {"photometric": "rgb", "alpha": "yes"}
        else:
            pixels = np.where(is_valid, pixels / 255, np.nan).astype(np.float32)
            scale = "0,1"
        path = write(tmp_path / f"{is_gap}.tif", pixels, crs=UTM, transform=transform, **options)
        seen = look(Rasters(str(path), scale=scale), VIEW)
        if is_gap:
            assert difference(seen) < 16.0
        else:
            assert isinstance(seen, NoImagery)
            assert seen.reason is Reason.NO_DATA
            assert "is missing" in seen.detail


def test_the_number_for_nothing_may_be_told_where_a_file_does_not_say_it(tmp_path: Path) -> None:
    transform = around(UTM, 50.0, 64)
    pixels = np.maximum(pixels_of(UTM, transform, (64, 64)), 1)
    pixels[:, :, 32:] = 0  # as Sentinel-2 has it beyond the swath
    write(tmp_path / "a.tif", pixels, crs=UTM, transform=transform)
    whole = np.maximum(pixels_of(UTM, transform, (64, 64)), 1)
    write(tmp_path / "b.tif", whole, crs=UTM, transform=transform)
    told = Rasters(str(tmp_path / "a.tif"), nodata=0)
    assert look(told, VIEW).reason is Reason.NO_DATA
    assert difference(look(Rasters(str(tmp_path), nodata=0), VIEW)) < 24.0  # at the seam
    assert told.settings["nodata"] == 0
    assert "nodata" not in Rasters(str(tmp_path / "a.tif")).settings


def test_outside_and_at_the_edge(tmp_path: Path) -> None:
    provider = Rasters(str(scene_file(tmp_path / "a.tif", UTM, 20.0, 100)))
    assert look(provider, VIEW, lat=10.0).reason is Reason.OUTSIDE
    assert look(provider, VIEW, lon=LON + 0.01).reason is Reason.NO_DATA
    assert isinstance(look(provider, VIEW), Picture)


def test_sixteen_bits_by_a_stated_scale(tmp_path: Path) -> None:
    transform = around(UTM, 50.0, 64)
    grey = pixels_of(UTM, transform, (64, 64))
    reflectance = np.round(grey / 255.0 * 3000.0).astype(np.uint16)
    path = write(tmp_path / "a.tif", reflectance, crs=UTM, transform=transform)
    eight = write(tmp_path / "b.tif", grey, crs=UTM, transform=transform)
    by_default = look(Rasters(str(path)), VIEW).pixels.astype(int)
    assert np.abs(by_default - look(Rasters(str(eight)), VIEW).pixels).max() <= 1
    darker = Rasters(str(path), scale=(0, 6000))
    assert np.abs(look(darker, VIEW).pixels - by_default / 2).max() <= 1.5
    one = Rasters(str(path), scale="0,6000;0,3000;0,3000")
    assert np.abs(look(one, VIEW).pixels[..., 1:] - by_default[..., 1:]).max() <= 1
    assert one.settings["scale"] == [[0, 6000], [0, 3000], [0, 3000]]
    with pytest.raises(ConfigError, match="0,3000;0,2500;0,2000"):
        Rasters(str(path), scale="percentile")
    floats = write(tmp_path / "c.tif", grey.astype("f4"), crs=UTM, transform=transform)
    with pytest.raises(ConfigError, match=r"c.tif holds float32 numbers.*--scale"):
        Rasters(str(floats))


def test_bands_grey_levels_and_palettes(tmp_path: Path) -> None:
    transform = around(UTM, 50.0, 64)
    grey = pixels_of(UTM, transform, (64, 64))
    path = write(tmp_path / "a.tif", grey, crs=UTM, transform=transform)
    seen = look(Rasters(str(path)), VIEW).pixels
    assert (look(Rasters(str(path), bands=(3, 2, 1)), VIEW).pixels == seen[..., ::-1]).all()
    assert (look(Rasters(str(path), bands=[2]), VIEW).pixels == seen[..., 1:2]).all()
    with pytest.raises(ConfigError, match=r"bands 1,2,7 of 3"):
        Rasters(str(path), bands=(1, 2, 7))
    indices = np.full((1, 64, 64), 3, np.uint8)
    palette = tmp_path / "p.tif"
    write(palette, indices, crs=UTM, transform=transform, photometric="palette")
    import rasterio

    with rasterio.open(palette, "r+") as file:
        file.write_colormap(1, {3: (10, 200, 90, 255)})
    assert (look(Rasters(str(palette)), VIEW).pixels == [10, 200, 90]).all()


def test_the_antimeridian_is_no_edge(tmp_path: Path) -> None:
    globe = from_origin(-180.0, 90.0, 0.5, 0.5)
    lon, lat = middles(globe, (360, 720))
    pixels = np.stack([128 + 100 * np.cos(np.radians(lon)), 128 + 100 * np.sin(np.radians(lon)),
                       lat + 100]).round().astype(np.uint8)  # fmt: skip
    path = write(tmp_path / "globe.tif", pixels, crs="EPSG:4326", transform=globe)
    view = View(16, 40_000.0)
    for place in (179.9, -179.9, 180.0, -180.0):
        seen = look(Rasters(str(path)), view, lat=10.0, lon=place)
        assert np.abs(seen.pixels[..., 0].astype(int) - 28).max() < 3
        assert np.abs(seen.pixels[8, :, 1].astype(int) - 128).max() < 10
    east = write(
        tmp_path / "fiji.tif", np.full((3, 400, 400), 77, np.uint8), crs="EPSG:4326",
        transform=from_origin(178.0, -15.0, 0.01, 0.01),
    )  # fmt: skip
    for place in (179.5, -179.5):
        assert (look(Rasters(str(east)), View(16, 500.0), lat=-17.0, lon=place).pixels == 77).all()


def test_a_pole_in_a_geographic_raster_is_outside(tmp_path: Path) -> None:
    white = np.full((3, 180, 360), 255, np.uint8)
    path = write(tmp_path / "a.tif", white, crs="EPSG:4326", transform=from_origin(-180, 90, 1, 1))
    assert look(Rasters(str(path)), View(8, 50_000.0), lat=90.0).reason is Reason.OUTSIDE
    polar = write(
        tmp_path / "b.tif", white, crs="EPSG:3995",
        transform=from_origin(-180_000, 90_000, 1000, 1000),
    )  # fmt: skip
    assert (look(Rasters(str(polar)), View(8, 5_000.0), lat=89.9).pixels == 255).all()


def test_imagery_much_coarser_than_the_view_is_none(tmp_path: Path) -> None:
    provider = Rasters(str(scene_file(tmp_path / "a.tif", UTM, 100.0, 100)))
    assert isinstance(look(provider, View(16, 26.0)), Picture)
    seen = look(provider, View(16, 10.0))
    assert seen == NoImagery(
        Reason.NO_DATA, "the imagery's pixels are 10.0 times those of the view"
    )


def test_pictures_do_not_depend_on_the_company(tmp_path: Path) -> None:
    provider = Rasters(str(scene_file(tmp_path / "a.tif", UTM, 10.0, 700, overviews=(2, 4))))
    rng = np.random.default_rng(3)
    lat = LAT + rng.uniform(-0.015, 0.015, 20)
    lon = LON + rng.uniform(-0.015, 0.015, 20)
    together = list(provider.read(lat=lat, lon=lon, view=VIEW))
    travelled = pickle.loads(pickle.dumps(provider))
    for i in rng.permutation(20):
        alone = look(travelled, VIEW, lat=lat[i], lon=lon[i])
        assert (alone.pixels == together[i].pixels).all()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = scene_file(tmp_path / "a.tif", UTM, 10.0, 400)
    provider = Rasters(str(path))
    assert isinstance(provider, Provider)
    path.write_bytes(path.read_bytes()[:20_000])
    seen = look(provider, VIEW)
    assert seen == NoImagery(Reason.UNREADABLE, "a.tif cannot be read here")
    (tmp_path / "x.tif").write_text("no image")
    with pytest.raises(MissingData, match=r"x.tif is not a raster"):
        Rasters(str(tmp_path / "x.tif"))
    with pytest.raises(MissingData, match="no such imagery"):
        Rasters(str(tmp_path / "y*.tif"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingData, match=r"holds no \.tif"):
        Rasters(str(tmp_path / "empty"))
    plain = np.zeros((3, 64, 64), np.uint8)
    write(tmp_path / "n.tif", plain, crs=None, transform=around(UTM, 10.0, 64))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"n.tif has no coordinate reference system"):
        Rasters(str(tmp_path / "n.tif"))


def test_settings_are_of_the_content_not_of_its_place(tmp_path: Path) -> None:
    first = scene_file(tmp_path / "a.tif", UTM, 10.0, 200)
    before = Rasters(str(first)).settings
    moved = first.rename(tmp_path / "b.tif")
    moved.touch()
    assert Rasters(str(moved)).settings == before
    scene_file(tmp_path / "b.tif", UTM, 10.0, 200, tags={"YEAR": "2020"})
    assert Rasters(str(moved)).settings != before
    assert Rasters(str(moved), bands=(3, 2, 1)).settings != Rasters(str(moved)).settings


def test_a_vrt_is_what_it_points_to(tmp_path: Path) -> None:
    path = scene_file(tmp_path / "a.tif", UTM, 10.0, 400, tags={"TIFFTAG_COPYRIGHT": "Survey"})
    import rasterio
    from rasterio.shutil import copy

    with rasterio.open(path) as file:
        copy(file, tmp_path / "a.vrt", driver="VRT")
    provider = Rasters(str(tmp_path / "a.vrt"))
    before = provider.settings["content"]
    assert difference(look(provider, VIEW)) < 4.0
    assert Rasters(str(path)).attribution == "Survey"
    scene_file(tmp_path / "a.tif", UTM, 10.0, 400, tags={"TIFFTAG_COPYRIGHT": "Nobody"})
    assert Rasters(str(tmp_path / "a.vrt")).settings["content"] != before


def test_a_file_for_every_month(tmp_path: Path) -> None:
    transform = around(UTM, 50.0, 64)
    for month in (3, 11):
        write(
            tmp_path / f"{month:02d}.tif", np.full((3, 64, 64), 10 * month, np.uint8),
            crs=UTM, transform=transform,
        )  # fmt: skip
    pattern = str(tmp_path / "{month:02d}.tif")
    assert (look(Rasters(pattern, month=11), VIEW).pixels == 110).all()
    assert Rasters(pattern, month=3).settings != Rasters(pattern, month=11).settings
    with pytest.raises(ConfigError, match="give a month"):
        Rasters(pattern)
    with pytest.raises(MissingData, match=r"04.tif: no such imagery"):
        Rasters(pattern, month=4)


def test_the_scene_itself_has_no_surprises() -> None:
    grey = colour(np.linspace(8, 9, 50), np.full(50, LAT))
    assert grey.min() >= 20
    assert grey.max() <= 230
