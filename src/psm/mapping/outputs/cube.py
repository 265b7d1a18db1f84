"""Data cubes: maps of one query at many months and hours as NetCDF or Zarr, by CF conventions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

import numpy as np
from pyproj import CRS

from psm.errors import ConfigError
from psm.geodata.frame import Frame
from psm.mapping.map_data import MapData
from psm.mapping.moment import Moment
from psm.mapping.outputs.arrayfiles import ArrayFile, netcdf, zarr

_CHUNK_PX = 256
_MOMENT_TAGS = ("moment", "month", "local_hour", "utc_hour")


@dataclass(frozen=True)
class CubeAxes:
    """The axes of a cube.

    Attributes:
        frame: of every map.
        months: ascending; empty if the month is unknown throughout.
        hours: ascending, local or UTC; empty if the hour is unknown throughout.
        is_utc: which hours these are.
    """

    frame: Frame
    months: tuple[int, ...]
    hours: tuple[float, ...]
    is_utc: bool

    @classmethod
    def of(cls, frame: Frame, moments: Sequence[Moment]) -> CubeAxes:
        """The axes of moments that fill a cube: each month with each hour once.

        Raises:
            ConfigError: they do not.
        """
        is_utc = any(moment.utc is not None for moment in moments)
        months = sorted({moment.month for moment in moments if moment.month is not None})
        hours = sorted({hour for moment in moments if (hour := _hour(moment)) is not None})
        plan = cls(frame, tuple(months), tuple(hours), is_utc)
        # None where the axis is missing, and so never equal to a moment that knows it.
        wanted = set(product((*months,) or (None,), (*hours,) or (None,)))
        given = [(moment.month, _hour(moment)) for moment in moments]
        is_mixed = is_utc and any(moment.hour is not None for moment in moments)
        if is_mixed or not given or len(given) != len(wanted) or set(given) != wanted:
            raise ConfigError(
                "a cube needs every one of its months at every one of its hours, once, "
                "and either local hours or UTC"
            )
        return plan

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes."""
        times = (*(["month"] if self.months else []), *(["hour"] if self.hours else []))
        return (*times, *self.frame.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return (*(len(axis) for axis in (self.months, self.hours) if axis), *self.frame.shape)

    @property
    def chunks(self) -> tuple[int, ...]:
        """One moment each, and part of the raster."""
        rows, columns = self.frame.shape
        times = (1,) * (len(self.shape) - 2)
        return (*times, min(rows, _CHUNK_PX), min(columns, _CHUNK_PX))

    def at(self, moment: Moment) -> tuple[int, ...]:
        """Where on the axes of time a moment lies.

        Raises:
            ConfigError: nowhere.
        """
        try:
            month = [self.months.index(moment.month or 0)] if self.months else []
            hour = [self.hours.index(_hour(moment) or 0.0)] if self.hours else []
        except ValueError:
            raise ConfigError(f"{moment}: not one of the moments of this cube") from None
        return (*month, *hour)


def write_cube(
    maps: Iterable[MapData], path: Path, *, moments: Sequence[Moment] | None = None
) -> Path:
    """Write maps of one query on one frame, moment by moment, into one file; complete or absent.

    Only one map is in memory at a time if ``maps`` makes them as they are asked for, as
    :func:`psm.mapping.map_queries` does.

    Args:
        maps: at each moment, in any order.
        path: ``.nc`` (NetCDF 4) or ``.zarr`` (Zarr v3).
        moments: all of them: months, hours or every month at every hour. They may be left out
            where ``maps`` is a list.

    Returns:
        The path.

    Raises:
        ConfigError: another suffix; the moments are no cube; the maps are not those of one query at
            just these moments on one frame.
        MissingExtra: h5netcdf is not installed.
    """
    openers = {".nc": netcdf, ".zarr": zarr}
    if path.suffix.lower() not in openers:
        raise ConfigError(f"{path}: a cube is written as {' or '.join(openers)}")
    if moments is None:
        if not isinstance(maps, Sequence):
            raise ConfigError("a cube of maps that are yet to be made needs its moments")
        moments = [soundscape.moment for soundscape in maps]
    coming = iter(maps)
    first = next(coming, None)
    if first is None:
        raise ConfigError("a cube needs at least one map")
    plan = CubeAxes.of(first.frame, moments)
    missing = {plan.at(moment) for moment in moments}
    with openers[path.suffix.lower()](path, _globals(first)) as target:
        _head(target, plan, first)
        for soundscape in chain([first], coming):
            if soundscape.frame != plan.frame or _asked(soundscape) != _asked(first):
                raise ConfigError("the maps of a cube must share one frame and one query")
            at = plan.at(soundscape.moment)
            if at not in missing:
                raise ConfigError(f"{soundscape.moment}: two maps of this moment in one cube")
            missing.remove(at)
            for band in first.bands:
                target.put(band.name, at, soundscape.values(band.name))
        if missing:
            raise ConfigError(f"{len(missing)} of {len(moments)} moments of the cube have no map")
    return path


def _hour(moment: Moment) -> float | None:
    return moment.hour if moment.utc is None else moment.utc


def _asked(soundscape: MapData) -> dict[str, str]:
    """What all maps of a cube have in common."""
    return {name: v for name, v in soundscape.tags.items() if name not in _MOMENT_TAGS}


def _head(target: ArrayFile, plan: CubeAxes, first: MapData) -> None:
    frame = plan.frame
    for name, values in zip(frame.dims, (frame.y, frame.x), strict=True):
        target.add(name, (name,), values, dict(first.data[name].attrs))
    if plan.months:
        words = {"long_name": "month of the year", "units": "1", "axis": "T"}
        target.add("month", ("month",), np.array(plan.months, np.int32), words)
    if plan.hours:
        scale = "UTC" if plan.is_utc else "local mean solar time"
        words = {"long_name": f"hour of the day, {scale}", "units": "h", "time_scale": scale}
        target.add("hour", ("hour",), np.array(plan.hours, np.float64), words)
    crs = CRS.from_user_input(frame.crs)
    wkt = crs.to_wkt()
    grid = {
        **{name: value for name, value in crs.to_cf().items() if value != "unknown"},
        "crs_wkt": wkt,
        "spatial_ref": wkt,
        "GeoTransform": " ".join(f"{value!r}" for value in frame.transform.to_gdal()),
    }
    target.add("spatial_ref", (), np.array(0, np.int32), grid)
    for band in first.bands:
        attributes = {**band.attributes, "grid_mapping": "spatial_ref"}
        target.announce(band.name, plan.dims, plan.shape, plan.chunks, attributes)


def _globals(soundscape: MapData) -> dict[str, str]:
    tags = _asked(soundscape)
    return {
        "Conventions": "CF-1.11",
        "title": f"Soundscape map of {soundscape.query.label}",
        "source": f"{soundscape.model}, {tags['software']}",
        "references": soundscape.attribution,
        **tags,
    }
