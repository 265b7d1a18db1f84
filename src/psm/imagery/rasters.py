"""Raster files as imagery: one, many or a whole folder, in any projection."""

from __future__ import annotations

import glob
import hashlib
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from psm.errors import ConfigError, ImageryMissing, MissingData
from psm.imagery.blocks import Block, BlockCache, Level, Pixels
from psm.imagery.provider import MonthRequired, NoImagery, Picture, Reason, View
from psm.imagery.rasterblocks import OpenDatasets, read_block
from psm.imagery.rasterfile import RasterFile, is_remote, read_header
from psm.imagery.resampling import Mesh, draw, finish, mesh, over, projection, too_coarse
from psm.imagery.scaling import Scale, as_scale

_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2")
_CACHE_BYTES = 128_000_000
_DEGREE_M = 111_000.0


class Rasters:
    """GeoTIFF, COG, VRT and whatever else GDAL reads. Where files overlap, the first one wins.

    Example:
        A folder of orthophotos, and 12-bit numbers, of which 4095 is white::

            imagery = Rasters("orthophotos/", scale="0,4095", licence="CC-BY-4.0")
    """

    name = "rasters"
    is_simulated: ClassVar[bool] = False

    def __init__(
        self,
        path: str,
        *,
        month: int | None = None,
        scale: str | Sequence[float] | Sequence[Sequence[float]] | None = None,
        bands: Sequence[int] | None = None,
        nodata: float | None = None,
        attribution: str | None = None,
        licence: str = "unknown",
    ) -> None:
        """Read the headers; pixels are read later, by :meth:`read`.

        Args:
            path: of a file, a folder, a pattern as ``2021/*.tif``, or a URL of one file.
                ``{month}`` and ``{month:02d}`` in it become the month.
            month: 1 to 12.
            scale: what is black and what is white of numbers that are not 8-bit.
            bands: red, green and blue, counted from 1.
            nodata: number that says that there is nothing, where the files don't say which.
            attribution: whose data; by default what the files say of their copyright.
            licence: SPDX name, or the terms in words.

        Warns:
            ImageryMissing: some of several files are left out, since they cannot be read.

        Raises:
            MissingData: no such files, or not readable ones.
            ConfigError: a file without a crs, or whose numbers need a scale.
            MonthRequired: the path holds ``{month}``, and none is given.
        """
        levels = None if scale is None else as_scale(scale, "imagery")
        self.files = _headers(_files(path, month), bands, levels, nodata)
        owners = sorted({file.copyright for file in self.files} - {""})
        self.attribution = attribution or "; ".join(owners) or Path(path).name
        self.licence = licence
        self.has_seasons = "{month" in path
        self._nodata = nodata
        self._boxes = np.asarray([(f.west, f.south, f.east, f.north) for f in self.files])
        self._blocks = BlockCache(_CACHE_BYTES)

    @property
    def settings(self) -> Mapping[str, object]:
        """The content of the files in their order, the bands and the scale."""
        whole = hashlib.sha256(" ".join(file.digest for file in self.files).encode())
        first = self.files[0]
        return {
            "provider": self.name,
            "version": 1,
            "files": len(self.files),
            "content": whole.hexdigest()[:16],
            "bands": list(first.bands),
            "scale": None if first.scale is None else [list(pair) for pair in first.scale],
            **({} if self._nodata is None else {"nodata": self._nodata}),
        }

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"], view: View
    ) -> Iterator[Picture | NoImagery]:
        """See :meth:`psm.imagery.Provider.read`.

        Args:
            lat, lon: degrees.
            view: size and resolution.

        Returns:
            A picture of every place, or why there is none.
        """
        with closing(OpenDatasets()) as datasets:
            for y, x in zip(lat.tolist(), lon.tolist(), strict=True):
                yield self._look(y, x, view, datasets)

    def _look(
        self, lat: float, lon: float, view: View, datasets: OpenDatasets
    ) -> Picture | NoImagery:
        seen: Pixels | None = None
        nothing = NoImagery(Reason.OUTSIDE)
        meshes: dict[str, Mesh | None] = {}
        for i in np.flatnonzero(self._near(lat, lon, view)).tolist():
            file = self.files[i]
            if file.crs not in meshes:
                meshes[file.crs] = mesh(lat=lat, lon=lon, view=view, crs=file.crs)
            where = meshes[file.crs]
            if where is None:
                continue
            full = Level(file.crs, file.transform, shape=file.shapes[0])
            if coarse := too_coarse(where.on(full)):
                nothing = coarse
                continue
            level, how = file.level(*where.on(full).extent())

            for turned in _turns(where, file.crs):
                drawn = draw(turned.on(level), level, partial(self._block, i, how, datasets))
                if isinstance(drawn, NoImagery):
                    if drawn.reason.is_passing or len(self.files) == 1:
                        return drawn
                    nothing = drawn  # another file may show the place
                elif drawn is not None:
                    seen = drawn[0] if seen is None else over(seen, drawn[0])
            if seen is not None and (seen[..., 3] == 255).all():
                break
        return nothing if seen is None else finish(seen, view)

    def _block(
        self, i: int, how: tuple[int, int, int], datasets: OpenDatasets, row: int, column: int
    ) -> Block | NoImagery | None:
        file = self.files[i]
        return self._blocks.get(
            (i, how, row, column), lambda: read_block(file, how, row, column, datasets)
        )

    def _near(self, lat: float, lon: float, view: View) -> Bool[np.ndarray, " files"]:
        """Files whose footprint may hold some of the view."""
        west, south, east, north = self._boxes.T
        reach = 0.75 * view.side_m / _DEGREE_M
        reach_lon = min(reach / max(math.cos(math.radians(lat)), 1e-6), 360.0)
        away = np.abs((lon - (west + east) / 2.0 + 180.0) % 360.0 - 180.0)
        return np.asarray(
            (away <= (east - west) / 2.0 + reach_lon)
            & (lat >= south - reach)
            & (lat <= north + reach)
        )


def _headers(
    paths: list[str], bands: Sequence[int] | None, scale: Scale | None, nodata: float | None
) -> list[RasterFile]:
    """Those of all files; of several, some may be broken, which is said."""
    files, problems = [], []
    for path in paths:
        try:
            files.append(read_header(path, bands=bands, scale=scale, nodata=nodata))
        except (ConfigError, MissingData) as problem:
            problems.append(problem)
    if problems and not files:
        raise problems[0]
    if problems:
        warnings.warn(
            f"{len(problems)} of {len(paths)} raster files are left out: {problems[0]}",
            ImageryMissing,
            stacklevel=3,
        )
    return files


def _turns(where: Mesh, crs: str) -> list[Mesh]:
    """The view, also as it lies one turn around the Earth further on and before."""
    turn = projection(crs)[1]
    return [where] if turn is None else [where, where.turned(turn), where.turned(-turn)]


def _files(path: str, month: int | None) -> list[str]:
    if "{month" in path:
        if month is None:
            raise MonthRequired(f"{path} is one for every month: give a month")
        try:
            path = path.format(month=month)
        except (ValueError, KeyError, IndexError):
            raise ConfigError(f"{path}: write the month as {{month}} or {{month:02d}}") from None
    if is_remote(path):
        return [path]
    if Path(path).is_dir():
        found = sorted(str(p) for p in Path(path).rglob("*") if p.suffix.lower() in _SUFFIXES)
        if not found:
            raise MissingData(f"{path} holds no {', '.join(_SUFFIXES)}")
        return found
    if Path(path).exists():
        return [path]
    found = sorted(glob.glob(path, recursive=True))
    if not found:
        raise MissingData(f"{path}: no such imagery")
    return found
