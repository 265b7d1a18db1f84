"""AlphaEarth Foundations: 64 numbers for every 10 m of land and year, in GeoTIFFs by UTM zone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from affine import Affine
from jaxtyping import Float, Float32, Int8
from pyproj import Transformer
from rasterio.errors import RasterioError
from rasterio.windows import Window

from psm.errors import ConfigError, MissingData
from psm.features.parquettables import files_of
from psm.features.provider import Vector
from psm.imagery.provider import NoImagery, Reason
from psm.imagery.rasterfile import gdal, is_remote, name_of, open_dataset

_BANDS = 64
_MASKED = -128
_YEAR = re.compile(r"(?<!\d)(20[12]\d)(?!\d)")
_UTM = re.compile(r"^EPSG:32[67](0[1-9]|[1-5]\d|60)$")
_PARTS_WITH_YEAR = 3  # annual/2024/33N/name.tiff


def dequantised(stored: Int8[np.ndarray, "*rows"]) -> Float32[np.ndarray, "*rows"]:
    """Numbers from -1 to 1, as the data set's readme gives them: ``(v / 127.5)² · sign(v)``.

    Args:
        stored: signed bytes; -128 means that there is nothing, and becomes NaN.
    """
    values = stored.astype(np.float32)
    found = np.square(values / 127.5) * np.sign(values)
    return np.where(stored == _MASKED, np.float32(np.nan), found).astype(np.float32)


@dataclass(frozen=True)
class _File:
    """A file's place on Earth."""

    path: str
    crs: str
    transform: Affine
    shape: tuple[int, int]


class AlphaEarth:
    """Files of the annual Satellite Embedding: COGs, or the VRTs of the public mirror beside them.

    Of every place, the pixel that it lies in. Rows may count from the south, as in the files of the
    public mirror: a pixel is found by the file's own transform.

    Args:
        path: one file, a folder, a pattern, or a URL.
        year: files of this year alone, as their folder or name says.

    Raises:
        MissingData: no such files.
        ConfigError: a file is not of 64 signed bytes a pixel, not in UTM, or they are of several
            years and none is chosen.
    """

    name = "aef"
    version = "1"
    size = _BANDS
    has_seasons = False
    licence = "CC-BY-4.0"
    attribution = (
        "The AlphaEarth Foundations Satellite Embedding dataset is produced by Google and Google "
        "DeepMind."
    )
    is_simulated: ClassVar[bool] = False

    def __init__(self, path: str, *, year: int | None = None) -> None:
        remote = is_remote(path)
        paths = [path] if remote else [str(one) for one in files_of(path, _SUFFIXES)]
        years = {one: _year_of(one) for one in paths}
        if year is not None:
            paths = [one for one in paths if years[one] == int(year)]
            if not paths:
                known = sorted({str(one) for one in years.values() if one}) or ["none"]
                raise ConfigError(f"{path}: no file of {year}; years: {', '.join(known)}")
        found = sorted({said for one in paths if (said := years[one])})
        if len(found) > 1:
            raise ConfigError(
                f"{path}: mixes the years {', '.join(map(str, found))}: choose one, as "
                f"--features-set year={found[-1]}"
            )
        self.year = found[0] if found else None
        vrts = {str(Path(one).with_suffix("")) for one in paths if one.endswith(".vrt")}
        self._files = [
            _header(one)
            for one in paths
            if one.endswith(".vrt") or str(Path(one).with_suffix("")) not in vrts
        ]

    @property
    def settings(self) -> Mapping[str, object]:
        """The year and the files."""
        return {
            "provider": self.name,
            "version": self.version,
            "year": self.year,
            "files": sorted(name_of(file.path) for file in self._files),
        }

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
    ) -> Iterator[Vector | NoImagery]:
        """See :meth:`psm.features.FeatureProvider.read`.

        Args:
            lat, lon: degrees.

        Returns:
            The vector of the pixel of every place, or why there is none.
        """
        places: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for crs in {file.crs for file in self._files}:
            to_utm = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
            places[crs] = to_utm.transform(lon, lat)
        with ExitStack() as stack:
            opened: dict[str, Any] = {}
            for row in range(len(lat)):
                answer: Vector | NoImagery = NoImagery(Reason.OUTSIDE)
                for file in self._files:
                    at = _pixel(file, *(axis[row] for axis in places[file.crs]))
                    if at is None:
                        continue
                    if file.path not in opened:
                        stack.enter_context(gdal(file.path))
                        opened[file.path] = stack.enter_context(open_dataset(file.path, 0))
                    answer = _vector(opened[file.path], *at)
                    if not isinstance(answer, NoImagery):
                        break
                yield answer


_SUFFIXES = [".tif", ".tiff", ".vrt"]


def _year_of(path: str) -> int | None:
    for part in reversed(path.replace("\\", "/").split("/")[-_PARTS_WITH_YEAR:]):
        if said := _YEAR.findall(part):
            return int(said[-1])
    return None


def _header(path: str) -> _File:
    name = name_of(path)
    try:
        with gdal(path), open_dataset(path, 0) as dataset:
            if dataset.count != _BANDS or set(dataset.dtypes) != {"int8"}:
                kinds = ", ".join(sorted(set(dataset.dtypes)))
                raise ConfigError(
                    f"{name}: {dataset.count} bands of {kinds}; AlphaEarth's files have 64 of int8"
                )
            authority = None if dataset.crs is None else dataset.crs.to_authority()
            crs = ":".join(authority) if authority else "no known crs"
            if not _UTM.match(crs):
                raise ConfigError(f"{name}: is in {crs}; AlphaEarth's files are in a zone of UTM")
            return _File(path, crs, dataset.transform, dataset.shape)
    except (RasterioError, OSError):
        raise MissingData(f"{name}: not a raster that GDAL can read") from None


def _pixel(file: _File, x: float, y: float) -> tuple[int, int] | None:
    """Row and column that a place lies in."""
    if not (np.isfinite(x) and np.isfinite(y)):
        return None
    back = ~file.transform
    column, row = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
    inside = 0 <= row < file.shape[0] and 0 <= column < file.shape[1]
    return (int(row), int(column)) if inside else None


def _vector(dataset: Any, row: int, column: int) -> Vector | NoImagery:
    try:
        stored = dataset.read(window=Window(column, row, 1, 1))[:, 0, 0]
    except RasterioError as problem:
        return NoImagery(Reason.FAILED, str(problem).splitlines()[0])
    found = dequantised(stored)
    return NoImagery(Reason.NO_DATA) if np.isnan(found).any() else found
