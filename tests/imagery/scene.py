"""A smooth scene whose colour is known at every longitude and latitude, and rasters of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike
from pyproj import Geod, Transformer
from rasterio.enums import Resampling

from psm.imagery import View

LAT, LON = 47.3, 8.5


def colour(lon: ArrayLike, lat: ArrayLike) -> Float[np.ndarray, "... 3"]:
    """Grey levels 20 to 230 in waves of several kilometres, another one for every band."""
    x = np.asarray(lon) * np.cos(np.radians(LAT)) * 111.0
    y = np.asarray(lat) * 111.0
    waves = [np.sin(x / 3.1) * np.cos(y / 4.3), np.sin((x + y) / 5.2), np.cos(x / 4.0 - y / 2.9)]
    return np.stack([125.0 + 105.0 * wave for wave in waves], -1)


def expected(*, lat: float, lon: float, view: View) -> Float[np.ndarray, "size size 3"]:
    """The view as it should be: the colours at the middles of its pixels."""
    ticks = (np.arange(view.size_px) + 0.5 - view.size_px / 2) * view.gsd_m
    east, north = np.meshgrid(ticks, -ticks)
    azimuth, distance = np.degrees(np.arctan2(east, north)), np.hypot(east, north)
    start = np.full(east.shape, lon), np.full(east.shape, lat)
    lons, lats, _ = Geod(ellps="WGS84").fwd(*start, azimuth, distance)
    return colour(lons, lats)


def from_origin(west: float, north: float, width: float, height: float) -> Affine:
    """North up. (rasterio's own function of this name warns with affine 3.)"""
    return Affine(width, 0.0, west, 0.0, -height, north)


def middles(transform: Affine, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the middles of the pixels of a raster that is north up."""
    columns, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    return transform.c + transform.a * columns, transform.f + transform.e * rows


def pixels_of(
    crs: str, transform: Any, shape: tuple[int, int]
) -> UInt8[np.ndarray, "3 rows columns"]:
    """The scene on a raster."""
    x, y = middles(transform, shape)
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    return np.moveaxis(np.round(colour(lon, lat)).astype(np.uint8), -1, 0)


def write(
    path: Path,
    pixels: np.ndarray,
    *,
    crs: str,
    transform: Any,
    overviews: tuple[int, ...] = (),
    tags: Mapping[str, str] | None = None,
    mask: np.ndarray | None = None,
    **profile: Any,
) -> Path:
    """A tiled GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate"} | profile
    bands, height, width = pixels.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", driver="GTiff", count=bands, height=height, width=width,
            dtype=pixels.dtype, crs=crs, transform=transform, **profile,
        ) as file,
    ):  # fmt: skip
        file.write(pixels)
        if mask is not None:
            file.write_mask(mask)
        if tags:
            file.update_tags(**tags)
        if overviews:
            file.build_overviews(overviews, Resampling.average)
    return path


def around(crs: str, gsd: float, size: int, *, lat: float = LAT, lon: float = LON) -> Any:
    """The transform of a square raster around a place."""
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    return from_origin(x - gsd * size / 2, y + gsd * size / 2, gsd, gsd)


def scene_file(path: Path, crs: str, gsd: float, size: int, **how: Any) -> Path:
    """A raster of the scene around its middle."""
    transform = around(crs, gsd, size)
    return write(path, pixels_of(crs, transform, (size, size)), crs=crs, transform=transform, **how)


def look(provider: Any, view: View, *, lat: float = LAT, lon: float = LON) -> Any:
    """What one place looks like."""
    (seen,) = provider.read(lat=np.asarray([lat]), lon=np.asarray([lon]), view=view)
    return seen
