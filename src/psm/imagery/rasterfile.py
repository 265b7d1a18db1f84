"""Header of a raster file: bands, scale, resolutions, footprint and digest."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from psm.errors import ConfigError, MissingData
from psm.http.probe import said_of
from psm.imagery.blocks import Level, scaled
from psm.imagery.scaling import REFLECTANCE, Scale

_SAMPLE_BYTES = 65_536
_GDAL = {"GDAL_NUM_THREADS": 1}
_GDAL_REMOTE = {
    **_GDAL,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # else every open lists the bucket
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_MAX_RETRY": 4,
    "GDAL_HTTP_RETRY_DELAY": 1,
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": 8_000_000,
}
_SAMPLE_PX = 256
_OPAQUE_SHARE = 0.8  # of what is not transparent; the rest are edges


@dataclass(frozen=True)
class RasterFile:
    """The header of a raster.

    Attributes:
        path: as GDAL takes it; it may hold a token.
        crs: as WKT.
        transform: from columns and rows to the crs.
        shapes: rows and columns, of the full picture first, then of its overviews.
        bands: red, green and blue; one for grey levels or a palette.
        scale: of what is not 8-bit.
        nodata: in the file's numbers.
        has_mask: whether a mask or an alpha band says what is missing.
        has_palette: whether the numbers are indices of colours.
        west, south, east, north: around the footprint, degrees; ``east`` may pass 180.
        digest: of the content: size and samples of a file, the header of a remote one.
        copyright: what the file says of it.
    """

    path: str
    crs: str
    transform: Affine
    shapes: tuple[tuple[int, int], ...]
    bands: tuple[int, ...]
    scale: Scale | None
    nodata: float | None
    has_mask: bool
    has_palette: bool
    west: float
    south: float
    east: float
    north: float
    digest: str
    copyright: str

    @property
    def name(self) -> str:
        """Without folder and query, for messages."""
        return name_of(self.path)

    def level(self, columns: float, rows: float) -> tuple[Level, tuple[int, int, int]]:
        """The coarsest resolution as fine as a view whose pixels cover this many columns and rows.

        Returns:
            The level, and how it is read: an overview (0 is the full picture) and by how many
            columns and rows its pixels are averaged.
        """
        full = self.shapes[0]
        overview = 0
        for i, shape in enumerate(self.shapes[1:], 1):
            if full[1] / shape[1] <= columns * 1.02 and full[0] / shape[0] <= rows * 1.02:
                overview = i
        shape = self.shapes[overview]
        stretch = full[1] / shape[1], full[0] / shape[0]
        by = _power_of_two(columns / stretch[0]), _power_of_two(rows / stretch[1])
        level = Level(
            self.crs,
            scaled(self.transform, stretch[0] * by[0], stretch[1] * by[1]),
            shape=(math.ceil(shape[0] / by[1]), math.ceil(shape[1] / by[0])),
        )
        return level, (overview, *by)


def read_header(
    path: str,
    *,
    bands: Sequence[int] | None = None,
    scale: Scale | None = None,
    nodata: float | None = None,
) -> RasterFile:
    """What a file is.

    Args:
        path: of a file, or a URL.
        bands: red, green and blue, counted from 1; by default what the file calls so, else the
            first three, else the first one as grey levels.
        scale: see :mod:`psm.imagery.scaling`; by default that of Sentinel-2 for 16-bit integers.
        nodata: in the file's numbers, where it does not say which.

    Raises:
        MissingData: it cannot be opened.
        ConfigError: it has no crs, lacks a band, or needs a scale.
    """
    name = name_of(path)
    if not is_remote(path) and not Path(path).exists():
        raise MissingData(f"{path} is not there")
    try:
        with gdal(path), open_dataset(path, 0) as dataset:
            header = _header(dataset, path, name, bands, scale)
    except (RasterioError, OSError):
        if said := said_of(path):
            raise MissingData(f"{name}: the server does not give it ({said})") from None
        raise MissingData(f"{name} is not a raster that GDAL can read") from None
    return header if header.nodata is not None else replace(header, nodata=nodata)


def gdal(path: str) -> rasterio.Env:
    """GDAL's options for a file here or elsewhere."""
    return rasterio.Env(**(_GDAL_REMOTE if is_remote(path) else _GDAL))


def is_remote(path: str) -> bool:
    """Whether a path is a URL or one of GDAL's names for things elsewhere."""
    return "://" in path or path.startswith(("/vsicurl", "/vsis3", "/vsigs", "/vsiaz"))


def name_of(path: str) -> str:
    """The last part of a path or URL, without a query, which may hold a key."""
    return os.path.basename(urlsplit(path).path if is_remote(path) else path)


def open_dataset(path: str, overview: int) -> Any:
    """The dataset, or one of its overviews, counted from 1."""
    with warnings.catch_warnings():
        # What has no place on Earth gets an error of ours.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        if overview == 0:
            return rasterio.open(path)
        return rasterio.open(path, overview_level=overview - 1)


def _header(
    dataset: Any, path: str, name: str, bands: Sequence[int] | None, scale: Scale | None
) -> RasterFile:
    if dataset.crs is None or dataset.transform == Affine.identity():
        raise ConfigError(unplaced(dataset, name))
    chosen = tuple(bands) if bands else _rgb(dataset)
    if len(chosen) not in (1, 3) or not all(1 <= band <= dataset.count for band in chosen):
        raise ConfigError(
            f"{name}: bands {','.join(map(str, chosen))} of {dataset.count}; give one or three"
        )
    kind = np.dtype(dataset.dtypes[chosen[0] - 1])
    has_palette = len(chosen) == 1 and dataset.colorinterp[chosen[0] - 1] is ColorInterp.palette
    if scale is None and not has_palette and kind != np.uint8:
        if kind not in (np.uint16, np.int16):
            raise ConfigError(f"{name} holds {kind} numbers: say what is black and white, "
                              "as --scale 0,1")  # fmt: skip
        scale = REFLECTANCE
    factors = dataset.overviews(chosen[0])
    shapes = [(dataset.height, dataset.width)]
    for i in range(len(factors)):
        with open_dataset(path, i + 1) as overview:
            shapes.append((overview.height, overview.width))
    has_mask = _has_mask(dataset, chosen)
    is_tagged = MaskFlags.alpha in dataset.mask_flag_enums[chosen[0] - 1]
    west, south, east, north = _footprint(dataset)
    return RasterFile(
        path=path,
        crs=dataset.crs.to_wkt(),
        transform=dataset.transform,
        shapes=tuple(shapes),
        bands=chosen,
        scale=None if has_palette else scale,
        nodata=dataset.nodatavals[chosen[0] - 1],
        has_mask=has_mask,
        has_palette=has_palette,
        west=west,
        south=south,
        east=east,
        north=north,
        digest=_digest(dataset, path) + ("" if has_mask or not is_tagged else "-unmasked"),
        copyright=dataset.tags().get("TIFFTAG_COPYRIGHT", ""),
    )


def unplaced(dataset: Any, name: str) -> str:
    """What is missing of a place on Earth, and the command of GDAL that mends it."""
    warped = f"{Path(name).stem}-warped.tif"
    if dataset.gcps[0]:
        system = "" if dataset.gcps[1] else " -s_srs EPSG:…"
        return (
            f"{name} has control points only ({len(dataset.gcps[0])} of them): "
            f"gdalwarp{system} -t_srs EPSG:… {name} {warped}"
        )
    if dataset.rpcs is not None:
        return f"{name} has the camera's polynomials only: gdalwarp -rpc {name} {warped}"
    if "GEOLOCATION" in dataset.tag_namespaces():
        return f"{name} has a place for each pixel only: gdalwarp -geoloc {name} {warped}"
    if dataset.transform != Affine.identity():
        return f"{name} has no coordinate reference system: gdal_translate -a_srs EPSG:… {name} …"
    if dataset.subdatasets:
        return f"{name} holds several rasters: name one, as {dataset.subdatasets[0]}"
    return f"{name} has no coordinate reference system: gdal_translate -a_srs … -a_ullr …"


def _has_mask(dataset: Any, chosen: tuple[int, ...]) -> bool:
    """Whether a mask says what is missing: one of the file, or a band that is truly an alpha."""
    flags = dataset.mask_flag_enums[chosen[0] - 1]
    if MaskFlags.alpha not in flags:
        return MaskFlags.per_dataset in flags
    tagged = [i for i, kind in enumerate(dataset.colorinterp, 1) if kind is ColorInterp.alpha]
    return all(band not in chosen and _is_alpha(dataset, band) for band in tagged)


def _is_alpha(dataset: Any, band: int) -> bool:
    """Whether a band that is tagged as alpha is one: full where there is anything, but for edges.

    Writers tag a fourth band so by default, be it infrared.
    """
    if dataset.overviews(band):
        sides = [min(side, _SAMPLE_PX) for side in dataset.shape]
        parts = [dataset.read(band, out_shape=tuple(sides))]
    else:
        parts = [dataset.read(band, window=window) for window in _samples(dataset)]
    seen = np.concatenate([part[part > 0] for part in parts])
    return not len(seen) or bool((seen == seen.max()).mean() >= _OPAQUE_SHARE)


def _samples(dataset: Any) -> list[Window]:
    """Windows along the diagonal and across it; all of a small file."""
    rows, columns = dataset.shape
    height, width = min(rows, _SAMPLE_PX), min(columns, _SAMPLE_PX)
    return [
        Window(round(x * (columns - width)), round(y * (rows - height)), width, height)
        for x, y in ((0.5, 0.5), (0.25, 0.25), (0.75, 0.75), (0.25, 0.75), (0.75, 0.25))
    ]


def _rgb(dataset: Any) -> tuple[int, ...]:
    named = {kind: i for i, kind in reversed(list(enumerate(dataset.colorinterp, 1)))}
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in named for colour in colours):
        return tuple(named[colour] for colour in colours)
    opaque = [i for i, kind in enumerate(dataset.colorinterp, 1) if kind is not ColorInterp.alpha]
    return tuple(opaque[:3]) if len(opaque) >= 3 else (1,)


def _footprint(dataset: Any) -> tuple[float, float, float, float]:
    west, south, east, north = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    if not all(map(math.isfinite, (west, south, east, north))):
        return -180.0, -90.0, 180.0, 90.0
    return west, south, east + 360.0 if east < west else east, north


def _digest(dataset: Any, path: str) -> str:
    digest = hashlib.sha256()
    if is_remote(path):
        digest.update(f"{name_of(path)} {dataset.shape} {dataset.transform!r}".encode())
        digest.update(f"{dataset.crs} {dataset.dtypes} {dataset.tags()}".encode())
        return digest.hexdigest()[:16]
    for file in sorted({path, *dataset.files}):
        if not Path(file).is_file():
            continue
        with open(file, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            for start in (0, size // 2, max(size - _SAMPLE_BYTES, 0)):
                stream.seek(start)
                digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def _power_of_two(times: float) -> int:
    return 1 << math.floor(math.log2(max(times * 1.02, 1.0)))
