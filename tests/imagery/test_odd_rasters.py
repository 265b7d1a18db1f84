"""Rasters as others leave them: control points only, infrared tagged as alpha, a broken one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from psm.errors import ConfigError, ImageryMissing, MissingData
from psm.imagery import NoImagery, Reason, View
from psm.imagery.rasters import Rasters
from tests.imagery.scene import LAT, LON, around, expected, look, pixels_of, write

UTM = "EPSG:32632"
VIEW = View(32, 50.0)
TRANSFORM = around(UTM, 50.0, 64)


def difference(seen: object) -> float:
    assert not isinstance(seen, NoImagery), seen
    return float(np.abs(seen.pixels - expected(lat=LAT, lon=LON, view=VIEW)).max())


def _points(path: Path, crs: str | None) -> Path:
    corners = [(0, 0), (0, 63), (63, 0), (63, 63)]
    points = [GroundControlPoint(row, col, 16 + col / 64, 49 - row / 64) for row, col in corners]
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "width": 64, "height": 64}
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.full((3, 64, 64), 99, np.uint8))
        target.gcps = (points, rasterio.CRS.from_string(crs) if crs else rasterio.CRS())
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("crs", "told"),
    [("EPSG:4326", r"\(4 of them\): gdalwarp -t_srs EPSG:… gcps\.tif gcps-warped\.tif"),
     (None, "gdalwarp -s_srs EPSG:… -t_srs")],
)  # fmt: skip
def test_control_points_are_told_to_gdalwarp(crs: str | None, told: str, tmp_path: Path) -> None:
    path = _points(tmp_path / "gcps.tif", crs)
    with pytest.raises(ConfigError, match=f"gcps.tif has control points only .*{told}"):
        Rasters(str(path))


def test_a_raster_without_any_place_is_told_to_gdal_translate(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "width": 64, "height": 64}
    with (
        pytest.warns(NotGeoreferencedWarning),
        rasterio.open(tmp_path / "a.tif", "w", **profile) as target,
    ):
        target.write(np.full((3, 64, 64), 99, np.uint8))
    with pytest.raises(ConfigError, match=r"gdal_translate -a_srs … -a_ullr …"):
        Rasters(str(tmp_path / "a.tif"))
    with rasterio.open(
        tmp_path / "b.tif", "w", transform=Affine(2.0, 0.0, 9.0, 0.0, -2.0, 9.0), **profile
    ) as target:
        target.write(np.full((3, 64, 64), 99, np.uint8))
    with pytest.raises(ConfigError, match=r"gdal_translate -a_srs EPSG:… b\.tif"):
        Rasters(str(tmp_path / "b.tif"))


def _with_fourth(path: Path, fourth: np.ndarray, **options: object) -> Path:
    pixels = np.concatenate([pixels_of(UTM, TRANSFORM, (64, 64)), fourth[None].astype(np.uint8)])
    tagged = {"photometric": "rgb", "alpha": "yes"}
    write(path, pixels, crs=UTM, transform=TRANSFORM, **tagged, **options)
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[3] is ColorInterp.alpha
    return path


@pytest.mark.parametrize("overviews", [(), (2, 4)])
def test_infrared_that_is_tagged_as_alpha_hides_nothing(
    tmp_path: Path, overviews: tuple[int, ...]
) -> None:
    infrared = np.random.default_rng(0).integers(0, 255, (64, 64))
    infrared[:, :20] = 0
    path = _with_fourth(tmp_path / "a.tif", infrared, overviews=overviews)
    for bands in (None, [1, 2, 3], [4, 2, 3]):
        provider = Rasters(str(path), bands=bands)
        seen = look(provider, VIEW)
        if bands == [4, 2, 3]:
            assert provider.settings["bands"] == [4, 2, 3]
            assert not isinstance(seen, NoImagery)
            assert seen.pixels[:, :3, 0].max() == 0
        else:
            assert difference(seen) < 16.0


def test_a_true_alpha_hides_whatever_bands_are_asked_for(tmp_path: Path) -> None:
    alpha = np.full((64, 64), 255)
    alpha[20:44, 20:44] = 0
    alpha[19, 20:44] = 128  # an edge
    path = _with_fourth(tmp_path / "a.tif", alpha)
    for bands in (None, [1, 2, 3], [3, 2, 1]):
        seen = look(Rasters(str(path), bands=bands), VIEW)
        assert isinstance(seen, NoImagery)
        assert seen.reason is Reason.NO_DATA
    masked = Rasters(str(path)).settings["content"]
    other = _with_fourth(tmp_path / "b.tif", np.arange(4096).reshape(64, 64) % 251)
    assert Rasters(str(other)).settings["content"] != masked


def test_one_bad_file_of_three_is_said_and_the_others_are_used(tmp_path: Path) -> None:
    pixels = pixels_of(UTM, TRANSFORM, (64, 64))
    for name in "abc":
        write(tmp_path / f"{name}.tif", pixels, crs=UTM, transform=TRANSFORM)
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:40])
    with pytest.warns(ImageryMissing, match=r"1 of 3 raster files are left out: a\.tif is not a"):
        provider = Rasters(str(tmp_path))
    assert difference(look(provider, VIEW)) < 16.0
    for name in "bc":
        (tmp_path / f"{name}.tif").write_bytes(b"nothing")
    with pytest.raises(MissingData, match=r"a\.tif is not a raster"):
        Rasters(str(tmp_path))


def test_where_one_file_is_damaged_another_shows_the_place(tmp_path: Path) -> None:
    pixels = pixels_of(UTM, TRANSFORM, (64, 64))
    for name in "ab":
        write(tmp_path / f"{name}.tif", pixels, crs=UTM, transform=TRANSFORM)
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[:-200])
    assert difference(look(Rasters(str(tmp_path / "*.tif")), VIEW)) < 16.0
    alone = look(Rasters(str(tmp_path / "a.tif")), VIEW)
    assert isinstance(alone, NoImagery)
    assert alone.reason is Reason.UNREADABLE
