"""Tables of measurements: a place, a time as far as it is known, and columns of numbers.

Any CSV, TSV or Parquet file that ``psm data import`` understands: places by whatever people call
their columns, dates as they write them. A row that cannot be used is counted by its reason, with
the first line; a column that cannot be used is an error.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from psm.data import delimited
from psm.data.dates import day_comes_first
from psm.data.delimited import DelimitedRow
from psm.errors import ConfigError, CorruptRecording, MissingData
from psm.evaluation.against.points import Points
from psm.importing import values
from psm.importing.tablereader import SYNONYMS, column_names, match_columns, table_rows
from psm.importing.tablerows import month_and_hour
from psm.importing.values import plain

LEAST_ROWS, LEAST_PLACES = 20, 5
"""Of a column: of fewer nobody can say how good a map is at places left out."""

UNITS: Mapping[str, tuple[float, float]] = {
    "%": (0.0, 100.0), "dB": (-200.0, 200.0), "dBA": (-200.0, 200.0), "dB(A)": (-200.0, 200.0),
    "dBFS": (-200.0, 20.0), "Hz": (0.0, math.inf), "kHz": (0.0, math.inf),
    "m": (-math.inf, math.inf), "s": (0.0, math.inf),
}  # fmt: skip
"""Smallest and largest number of units that have such; a number beyond is a mistake of the table.
"""

_PLACED = ("latitude", "longitude", "date", "time", "month", "hour")
_MOST_OUT = 0.5  # share of a column beyond the range of its unit that is an error, not a slip


@dataclass(frozen=True, eq=False)
class Measurements:
    """Rows of a table that have a place, and their numbers.

    Attributes:
        origin: the file.
        points: where and when, n rows.
        columns: by name, ``(n,)`` numbers, NaN where there is none.
        lines: ``(n,)`` of the table.
        left_out: rows without a usable place or time, by reason.
        not_numbers: by column, cells that hold something else, by reason.
    """

    origin: Path
    points: Points
    columns: Mapping[str, Float[np.ndarray, " n"]]
    lines: np.ndarray
    left_out: Mapping[str, int]
    not_numbers: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, eq=False)
class Column:
    """One column, ready to be fitted.

    Attributes:
        name: of the column.
        points: of its rows.
        values: ``(n,)`` finite numbers within the range.
        low, high: ends of the range.
        unit: of the numbers.
        left_out: rows that are not here, by reason.
        is_bounded: whether both ends are such that numbers may lie at them, as of a share or a
            rating; those of decibels are only beyond belief.
    """

    name: str
    points: Points
    values: Float[np.ndarray, " n"]
    low: float
    high: float
    unit: str
    left_out: Mapping[str, int]
    is_bounded: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """Of what a map of it may show; infinite where there is none."""
        is_open = np.isfinite([self.low, self.high]).all() and not self.is_bounded
        return (-math.inf, math.inf) if is_open else (self.low, self.high)


def read_measurements(
    path: Path, columns: Sequence[str], chosen: Mapping[str, str] | None = None
) -> Measurements:
    """The rows of a table that have a place.

    Args:
        path: CSV, TSV or Parquet.
        columns: names of the columns of numbers.
        chosen: columns by our names (latitude, longitude, date, time, month, hour), where they are
            called otherwise than anybody would guess.

    Raises:
        MissingData: there is no such file.
        ConfigError: it is no such table, a column is not there, or no row has a place.
    """
    if not path.is_file():
        raise MissingData(f"{path}: no such file")
    names = column_names(path)
    for name in columns:
        if name not in names:
            raise ConfigError(f"{path}: no column {name!r}; there are {', '.join(names)[:300]}")
    known = {ours: SYNONYMS[ours] for ours in _PLACED}
    matched = match_columns(
        names, chosen or {}, str(path), needed=("latitude", "longitude"), known=known
    )
    rows = table_rows(path)
    day_first = day_comes_first(_said(row, matched).get("date", "") for row in rows)
    places: list[tuple[float, float, float, float]] = []
    kept: list[DelimitedRow] = []
    left_out = _Reasons()
    for row in rows:
        try:
            places.append(_place_and_time(row, _said(row, matched), day_first=day_first))
            kept.append(row)
        except CorruptRecording as problem:
            left_out.add(str(problem), row.line)
    if not kept:
        raise ConfigError(
            f"{path}: no row has a place that can be used ({left_out.words or 'it is empty'})"
        )
    lat, lon, month, hour = np.array(places).T
    numbers, others = {}, {}
    for name in columns:
        reasons = _Reasons()
        numbers[name] = np.array([_number(row, name, reasons) for row in kept])
        others[name] = reasons.counts
    points = Points.of(lat=lat, lon=lon, month=month, hour=hour)
    lines = np.array([row.line for row in kept])
    return Measurements(path, points, numbers, lines, left_out.counts, others)


def column_of(
    table: Measurements,
    name: str,
    *,
    unit: str = "1",
    low: float | None = None,
    high: float | None = None,
) -> Column:
    """One column of a table, checked.

    Args:
        table: of :func:`read_measurements`.
        name: of the column.
        unit: of its numbers.
        low, high: ends of its range; by default those of the unit.

    Raises:
        ConfigError: it has too few numbers or places, always the same, or most of them beyond the
            range.
    """
    origin, numbers = table.origin, table.columns[name]
    ends = UNITS.get(unit, (-math.inf, math.inf))
    ends = (ends[0] if low is None else low, ends[1] if high is None else high)
    if not ends[0] < ends[1]:
        raise ConfigError(f"range {ends[0]:g} to {ends[1]:g}: the first has to be the smaller")
    is_number = np.isfinite(numbers)
    is_out = is_number & ((numbers < ends[0]) | (numbers > ends[1]))
    if not is_number.any():
        why = "; ".join(table.not_numbers[name]) or "it is empty"
        raise ConfigError(f"{origin}: column {name!r} holds no numbers ({why})")
    if is_out.sum() > _MOST_OUT * is_number.sum():
        first = int(np.flatnonzero(is_out)[0])
        raise ConfigError(
            f"{origin}: {is_out.sum()} of {is_number.sum()} numbers of {name!r} lie outside of "
            f"{ends[0]:g} to {ends[1]:g} (line {table.lines[first]}: {numbers[first]:g}); is the "
            f"unit {unit} right? say --unit or --range"
        )
    kept = is_number & ~is_out
    left_out = {**table.left_out, **table.not_numbers[name]}
    if is_out.any():
        first = int(np.flatnonzero(is_out)[0])
        reason = f"outside of {ends[0]:g} to {ends[1]:g} (line {table.lines[first]})"
        left_out[reason] = int(is_out.sum())
    points, values_ = table.points.part(kept), numbers[kept]
    places = len(np.unique(np.round(np.stack([points.lat, points.lon]), 3), axis=1).T)
    if len(values_) < LEAST_ROWS or places < LEAST_PLACES:
        raise ConfigError(
            f"{origin}: {len(values_)} numbers of {name!r} at {places} places; a map takes "
            f"{LEAST_ROWS} at {LEAST_PLACES} places at the least"
        )
    if float(np.ptp(values_)) == 0.0:
        raise ConfigError(
            f"{origin}: column {name!r} is {values_[0]:g} in every row; there is nothing to map"
        )
    is_bounded = unit == "%" or (low is not None and high is not None)
    return Column(name, points, values_, *ends, unit, left_out, is_bounded)


class _Reasons:
    """Reasons of rows that cannot be used, each with its first line and how many rows it has."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._line: dict[str, int] = {}

    def add(self, reason: str, line: int) -> None:
        self._count[reason] += 1
        self._line.setdefault(reason, line)

    @property
    def counts(self) -> dict[str, int]:
        return {f"{why} (line {self._line[why]})": n for why, n in self._count.items()}

    @property
    def words(self) -> str:
        return "; ".join(self.counts)


def _said(row: DelimitedRow, columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {ours: plain(row.cells.get(names[0])) for ours, names in columns.items()}


def _place_and_time(
    row: DelimitedRow, said: Mapping[str, str], *, day_first: bool | None
) -> tuple[float, float, float, float]:
    if row.problem:
        raise CorruptRecording(row.problem)
    lat = values.degrees(said["latitude"], "latitude", 90.0)
    lon = values.degrees(said["longitude"], "longitude", 180.0)
    month, hour, _ = month_and_hour(said, day_first=day_first)
    return lat, lon, math.nan if month is None else month, math.nan if hour is None else hour


def _number(row: DelimitedRow, name: str, reasons: _Reasons) -> float:
    text = plain(row.cells.get(name))
    value = delimited.number(text) if text else None
    if value is None:
        reasons.add(f"{text[:30]!r} is no number" if text else "no number", row.line)
        return math.nan
    return value
