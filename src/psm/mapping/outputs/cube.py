"""Data cubes: maps of one query at many months and hours as NetCDF or Zarr, by CF conventions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, product
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from pyproj import CRS

from psm.errors import ConfigError
from psm.geodata.frame import Frame
from psm.mapping.map_data import MapData
from psm.mapping.moment import Moment
from psm.mapping.outputs.arrayfiles import ArrayFile, netcdf, zarr

_CHUNK_PX = 256
_MOMENT_TAGS = ("moment", "month", "local_hour", "utc_hour")

NOMINAL_YEAR, NOMINAL_DAY, NOMINAL_HOUR = 2001, 15, 12.0
"""Maps are of a month and an hour of any year; files of a date. 2001 has no leap day, the 15th and
noon are the middle of a month and of a day of which no more is known; January, of an unknown month.
"""


@dataclass(frozen=True)
class CubeAxes:
    """The axes of a cube: time, if any is known, and those of the maps.

    Times go by month, then by hour.

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
        return (*(["time"] if len(self.times) else []), *self.frame.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return (*([len(self.times)] if len(self.times) else []), *self.frame.shape)

    @property
    def chunks(self) -> tuple[int, ...]:
        """One moment each, and part of the raster."""
        rows, columns = self.frame.shape
        times = (1,) * (len(self.shape) - 2)
        return (*times, min(rows, _CHUNK_PX), min(columns, _CHUNK_PX))

    @property
    def times(self) -> list[tuple[int | None, float | None]]:
        """Month and hour along the axis of time; empty where neither is known."""
        if not self.months and not self.hours:
            return []
        return list(product((*self.months,) or (None,), (*self.hours,) or (None,)))

    @property
    def seconds(self) -> Int64[np.ndarray, " times"]:
        """The times as seconds of the nominal year."""
        start = datetime(NOMINAL_YEAR, 1, 1)
        dates = [
            datetime(NOMINAL_YEAR, month or 1, NOMINAL_DAY)
            + timedelta(hours=NOMINAL_HOUR if hour is None else hour)
            for month, hour in self.times
        ]
        return np.array([round((date - start).total_seconds()) for date in dates], np.int64)

    def at(self, moment: Moment) -> tuple[int, ...]:
        """Where on the axis of time a moment lies.

        Raises:
            ConfigError: nowhere.
        """
        if not self.times and (moment.month, _hour(moment)) == (None, None):
            return ()
        try:
            return (self.times.index((moment.month, _hour(moment))),)
        except ValueError:
            raise ConfigError(f"{moment}: not one of the moments of this cube") from None


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
    if plan.times:
        _add_times(target, plan)
    crs = CRS.from_user_input(frame.crs)
    wkt = crs.to_wkt()
    grid = {
        **{name: value for name, value in crs.to_cf().items() if value != "unknown"},
        "crs_wkt": wkt,
        "spatial_ref": wkt,
        "GeoTransform": " ".join(f"{value!r}" for value in frame.transform.to_gdal()),
    }
    target.add("spatial_ref", (), np.array(0, np.int32), grid)
    axes = {"month": plan.months, "hour": plan.hours}
    for band in first.bands:
        attributes = {**band.attributes, "grid_mapping": "spatial_ref"}
        if known := [name for name, axis in axes.items() if axis]:
            attributes["coordinates"] = " ".join(known)
        target.announce(band.name, plan.dims, plan.shape, plan.chunks, attributes)


def _add_times(target: ArrayFile, plan: CubeAxes) -> None:
    """Time as a date that other software reads, and beside it the month and hour that are meant."""
    scale = "UTC" if plan.is_utc else "local mean solar time"
    seconds = plan.seconds
    unit, step = ("hours", 3600) if not (seconds % 3600).any() else ("seconds", 1)
    day = "the 15th of each month" if plan.months else "15 January, for any month"
    hour = f"hours are {scale}" if plan.hours else "12:00, for any hour"
    about = {
        "standard_name": "time",
        "long_name": "month and hour as a date of a nominal year",
        "units": f"{unit} since {NOMINAL_YEAR}-01-01 00:00:00",
        "units_metadata": "leap_seconds: none",
        "calendar": "standard",
        "axis": "T",
        "comment": f"the year {NOMINAL_YEAR} stands for any year; {day}; {hour}",
    }
    target.add("time", ("time",), (seconds // step).astype(np.int32), about)
    months, hours = zip(*plan.times, strict=True)
    if plan.months:
        words = {"long_name": "month of the year", "units": "1"}
        target.add("month", ("time",), np.array(months, np.int32), words)
    if plan.hours:
        words = {"long_name": f"hour of the day, {scale}", "units": "h", "time_scale": scale}
        target.add("hour", ("time",), np.array(hours, np.float64), words)


def _globals(soundscape: MapData) -> dict[str, str]:
    tags = _asked(soundscape)
    return {
        "Conventions": "CF-1.11",
        "title": f"Soundscape map of {soundscape.query.label}",
        "source": f"{soundscape.model}, {tags['software']}",
        "references": soundscape.attribution,
        "history": f"{tags['software']}: maps of {soundscape.query.label} by {soundscape.model}",
        **tags,
    }
