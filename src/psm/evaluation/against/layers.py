"""Rasters of numbers as files hold them: any CRS, no-data, scale and offset, bands, moments.

GeoTIFFs and whatever else GDAL reads, NetCDF and Zarr. Maps of ours say in their metadata what was
asked, of which model, for which month and hour, and what that stands on.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
from affine import Affine
from jaxtyping import Float
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from psm.data import delimited
from psm.errors import ConfigError, MissingData
from psm.extras import require
from psm.geodata.frame import WGS84, Frame
from psm.imagery.rasterfile import open_dataset, unplaced
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.moment import Moment
from psm.provenance import TAG as PROVENANCE_TAG
from psm.uncertainty import DEVIATIONS

RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".img", ".asc", ".nc", ".zarr")

_MOST_PX = 4_000_000
_ARRAY_SUFFIXES = (".nc", ".zarr")
_SPREAD = UNCERTAINTY.long_name
_END = re.compile(r"\b(lower|upper)\b", re.IGNORECASE)

Raster = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, eq=False)
class Layer:
    """Numbers on a grid, at one moment or several.

    Attributes:
        origin: the file.
        name: of the numbers.
        frame: where the rows and columns lie, north up.
        values: a raster for each moment, NaN where there is nothing.
        ends: rasters of the lower and upper ends of their intervals for each moment, if any.
        moments: when; of a file that does not say, one of which nothing is known.
        tags: what the file says of itself.
        thinned: how many pixels of the file, across and down, are averaged into one.
    """

    origin: str
    name: str
    frame: Frame
    values: Sequence[Raster]
    ends: Sequence[tuple[Raster, Raster]]
    moments: Sequence[Moment]
    tags: Mapping[str, str]
    thinned: int = 1

    @property
    def is_probability(self) -> bool:
        """Whether these are match probabilities of ours."""
        return self.name in (PROBABILITY.name, PROBABILITY.long_name)

    @property
    def provenance(self) -> str:
        """What a map of ours stands on, in one sentence; empty for others."""
        try:
            told = json.loads(self.tags.get(PROVENANCE_TAG, ""))
            return str(told["statement"])
        except (ValueError, KeyError, TypeError):
            return ""

    @property
    def pixel_km(self) -> float:
        """Side of a square as large as a pixel in the middle row."""
        return float(np.sqrt(self.frame.row_km2[self.frame.shape[0] // 2]))

    def from_180_west(self) -> Self:
        """The same with the columns of a whole globe from 180 W on, where they begin elsewhere."""
        t = self.frame.transform
        turned = (t.c + 180.0) / t.a
        if not self.frame.is_globe or abs(turned - round(turned)) > 1e-6 or round(turned) == 0:
            return self

        def roll(raster: Raster) -> Raster:
            return np.roll(raster, round(turned), axis=1)

        whole = Affine(t.a, 0.0, -180.0, 0.0, t.e, t.f)
        return replace(
            self,
            frame=Frame(self.frame.crs, whole, self.frame.shape),
            values=[roll(raster) for raster in self.values],
            ends=[(roll(low), roll(high)) for low, high in self.ends],
        )


def is_raster(path: Path) -> bool:
    """Whether a file is read as a raster, by its name.

    Args:
        path: the file.

    Returns:
        Whether it is.
    """
    return path.suffix.lower() in RASTER_SUFFIXES


def read_layer(path: Path, *, band: str | None = None, option: str = "--band") -> Layer:
    """Read numbers from a raster file.

    A raster of more than four million pixels is read averaged, as coarse as that takes.

    Args:
        path: GeoTIFF, NetCDF, Zarr, or what else GDAL reads.
        band: number from 1, or name, of the band or variable; may be left out where there is one
            only, and of maps of ours.
        option: how the command line names it, for errors.

    Returns:
        The layer, north up.

    Raises:
        MissingData: it is not there, or no raster.
        ConfigError: it does not say where it lies on Earth, or which band is meant.
        MissingExtra: h5netcdf is not installed, for NetCDF.
    """
    if not path.exists():
        raise MissingData(f"{path}: no such file")
    if path.suffix.lower() in _ARRAY_SUFFIXES:
        return _of_arrays(path, band, option)
    try:
        with open_dataset(str(path), 0) as dataset:
            if dataset.crs is None or dataset.transform == Affine.identity():
                raise ConfigError(unplaced(dataset, path.name))
            t = dataset.transform
            if t.b or t.d or t.a <= 0.0 or t.e >= 0.0:
                with WarpedVRT(dataset, crs=dataset.crs, resampling=Resampling.nearest) as upright:
                    return _of_dataset(path, dataset, upright, band, option)
            return _of_dataset(path, dataset, dataset, band, option)
    except (RasterioError, OSError):
        raise MissingData(f"{path} is not a raster that GDAL can read") from None


def _of_dataset(path: Path, dataset: Any, source: Any, band: str | None, option: str) -> Layer:
    names = [name or f"band {number}" for number, name in enumerate(dataset.descriptions, start=1)]
    tags = {name: str(value) for name, value in dataset.tags().items()}
    number = _chosen(path, names, band, option, usual=_quantity(tags, names))
    by = max(1, math.ceil(math.sqrt(source.width * source.height / _MOST_PX)))
    shape = math.ceil(source.height / by), math.ceil(source.width / by)
    wide = Affine.scale(source.width / shape[1], source.height / shape[0])
    frame = Frame(dataset.crs.to_wkt(), source.transform @ wide, shape)

    def read(index: int) -> Raster:
        found = source.read(
            index + 1, masked=True, out_shape=shape,
            resampling=Resampling.average if by > 1 else Resampling.nearest,
        )  # fmt: skip
        numbers = np.where(np.ma.getmaskarray(found), np.nan, found.data.astype(np.float64))
        return np.asarray(numbers * dataset.scales[index] + dataset.offsets[index])

    ends = _ends(names, number)
    value = read(number)
    pairs = [] if ends is None else [(read(ends[0]), read(ends[1]))]
    if tags.get("quantity") == names[number] == PROBABILITY.long_name and _SPREAD in names:
        pairs = [_around(value, read(names.index(_SPREAD)))]
    name = Path(path).stem if names[number] == f"band {number + 1}" else names[number]
    return Layer(str(path), name, frame, [value], pairs, [_moment(tags)], tags, by).from_180_west()


def _of_arrays(path: Path, band: str | None, option: str) -> Layer:
    """A map of NetCDF or Zarr, or a cube of them."""
    import rioxarray  # noqa: F401  (gives every data set its .rio)
    import xarray

    is_netcdf = path.suffix.lower() == ".nc"
    if is_netcdf:
        require("h5py", "maps")
        require("h5netcdf", "maps")
    engine = "h5netcdf" if is_netcdf else "zarr"
    how: dict[str, Any] = {} if is_netcdf else {"consolidated": False}  # ours are not
    try:
        with xarray.open_dataset(path, engine=engine, decode_timedelta=False, **how) as opened:
            data = opened.load()
    except (OSError, ValueError, KeyError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise MissingData(f"{path}: not readable as {engine} ({reason:.100})") from None
    flat = [(y, x) for y, x in (("lat", "lon"), ("y", "x"), ("latitude", "longitude"))
            if y in data.dims and x in data.dims]  # fmt: skip
    if not flat:
        raise ConfigError(f"{path}: no rows and columns among {', '.join(map(str, data.dims))}")
    (y, x), *_ = flat
    names = [str(name) for name, one in data.data_vars.items() if {y, x} <= set(one.dims)]
    tags = {str(name): str(value) for name, value in data.attrs.items()}
    long_names = [str(data[name].attrs.get("long_name", name)) for name in names]
    number = _chosen(path, names, band, option, usual=_quantity(tags, long_names))
    crs = data[names[number]].rio.crs or (None if y == "y" else rasterio.CRS.from_string(WGS84))
    if crs is None:
        raise ConfigError(f"{path} has no coordinate reference system: rio.write_crs of rioxarray")
    data = data.sortby(y, ascending=False).sortby(x)
    others = [str(dim) for dim in data[names[number]].dims if dim not in (y, x)]
    if others not in ([], ["time"]):
        raise ConfigError(f"{path}: {names[number]} has more axes than time: {', '.join(others)}")
    xs, ys = (np.asarray(data[axis].values, float) for axis in (x, y))
    frame = Frame(crs.to_wkt(), _transform(path, xs, ys), (len(ys), len(xs)))

    def read(index: int) -> list[Raster]:
        found = data[names[index]].transpose(..., y, x).values.astype(np.float64)
        return list(found.reshape(-1, *frame.shape))

    ends = _ends(names, number)
    values = read(number)
    pairs = [] if ends is None else list(zip(read(ends[0]), read(ends[1]), strict=True))
    if names[number] == PROBABILITY.name and UNCERTAINTY.name in names:
        spread = read(names.index(UNCERTAINTY.name))
        pairs = [_around(value, each) for value, each in zip(values, spread, strict=True)]
    moments = _moments(data, tags) if others else [_moment(tags)]
    return Layer(str(path), names[number], frame, values, pairs, moments, tags).from_180_west()


def _transform(
    path: Path, x: Float[np.ndarray, " columns"], y: Float[np.ndarray, " rows"]
) -> Affine:
    """From columns and rows to their corners, by the centres along both axes."""
    steps = []
    for axis in (x, y):
        step = float(axis[-1] - axis[0]) / max(1, len(axis) - 1)
        if len(axis) < 2 or not np.allclose(np.diff(axis), step, rtol=1e-3):
            raise ConfigError(f"{path}: rows and columns are not evenly spaced")
        steps.append(step)
    across, down = steps
    return Affine(across, 0.0, x[0] - across / 2.0, 0.0, down, y[0] - down / 2.0)


def _quantity(tags: Mapping[str, str], names: Sequence[str]) -> int | None:
    """Which band a map of ours says it is of; the order of bands is that of the format."""
    quantity = tags.get("quantity", "")
    return names.index(quantity) if quantity in names else None


def _chosen(
    path: Path, names: Sequence[str], band: str | None, option: str, *, usual: int | None
) -> int:
    """Number of the band that is meant, from 0."""
    told = ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
    if band is None:
        if usual is not None:
            return usual
        if len(names) == 1:
            return 0
        raise ConfigError(f"{path}: {option} NUMBER or NAME: which of {told or 'no bands'}?")
    if band.isdigit() and 1 <= int(band) <= len(names):
        return int(band) - 1
    found = [number for number, name in enumerate(names) if name.lower() == band.lower()]
    found = found or [n for n, name in enumerate(names) if band.lower() in name.lower()]
    if len(found) != 1:
        raise ConfigError(f"{path}: {option} {band}: there are {told}")
    return found[0]


def _ends(names: Sequence[str], number: int) -> tuple[int, int] | None:
    """Bands of the lower and the upper end of the intervals of one of them."""
    if _END.search(names[number]):
        return None
    found = {end[1].lower(): i for i, name in enumerate(names) if (end := _END.search(name))}
    return (found["lower"], found["upper"]) if {"lower", "upper"} <= set(found) else None


def _around(value: Raster, spread: Raster) -> tuple[Raster, Raster]:
    """Ends of intervals of 90 % around probabilities, by their uncertainty."""
    half = DEVIATIONS * spread
    return np.clip(value - half, 0.0, None), np.clip(value + half, None, 1.0)


def _moment(tags: Mapping[str, str]) -> Moment:
    """The moment that a map of ours says it is of."""

    def number(name: str) -> float | None:
        return delimited.number(tags.get(name, ""))

    month = number("month")
    return Moment(
        month=None if month is None else int(month),
        hour=number("local_hour"),
        utc=number("utc_hour"),
    )


def _moments(data: Any, tags: Mapping[str, str]) -> list[Moment]:
    """Those along the axis of time of a cube."""
    count = data.sizes["time"]
    months = data["month"].values.tolist() if "month" in data else [None] * count
    hours = data["hour"].values.tolist() if "hour" in data else [None] * count
    is_utc = "hour" in data and data["hour"].attrs.get("time_scale") == "UTC"
    if not {"month", "hour"} & set(data.variables) and "software" not in tags:
        stamps = data.indexes["time"]  # somebody else's: dates
        months = [int(month) for month in getattr(stamps, "month", [])] or months
    return [
        Moment(
            month=None if month is None else int(month),
            hour=None if is_utc else hour,
            utc=hour if is_utc else None,
        )
        for month, hour in zip(months, hours, strict=True)
    ]
