"""What somebody measured: a column of a table, or a raster, with where and when it was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from psm.data import delimited
from psm.data.dates import day_comes_first
from psm.errors import ConfigError, CorruptRecording, MissingData
from psm.evaluation.against.points import Points
from psm.importing import values
from psm.importing.tablereader import (
    SYNONYMS,
    TableEntry,
    column_names,
    match_columns,
    recordings_of,
)
from psm.importing.tablerows import month_and_hour
from psm.mapping.moment import Moment
from psm.seeding import generator

LEAST_POINTS = 10
"""Fewer say nothing."""

MOST_POINTS = 20_000
"""Of more, so many are drawn at random."""

_PLACE_AND_TIME = ("latitude", "longitude", "date", "time", "month", "hour")
_COLUMNS = {
    **{name: SYNONYMS[name] for name in _PLACE_AND_TIME},
    "value": ("truth", "measured", "observed", "measurement"),
}
_YES_OR_NO = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True, eq=False)
class Truth:
    """N numbers that were measured.

    Attributes:
        name: of what was measured.
        origin: the file.
        points: where and when.
        value: ``(n,)`` what was measured.
        left_out: how many rows or pixels could not be used, by reason.
        remarks: what else has to be said of it, in sentences.
        provenance: what a map of ours that is taken for the truth stands on; empty for others.
    """

    name: str
    origin: str
    points: Points
    value: Float[np.ndarray, " n"]
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    provenance: str = ""

    def __len__(self) -> int:
        return len(self.value)

    def kept(self, mask: Bool[np.ndarray, " n"], reason: str) -> Truth:
        """The points of a mask; the others are counted as left out for a reason.

        Args:
            mask: ``(n,)`` which are kept.
            reason: why the others are not.

        Returns:
            The rest of it.
        """
        if mask.all():
            return self
        left_out = Counter(self.left_out)
        left_out[reason] += int((~mask).sum())
        return replace(
            self, points=self.points.part(mask), value=self.value[mask], left_out=dict(left_out)
        )

    def drawn(self, seed: int, most: int = MOST_POINTS) -> tuple[Truth, Int[np.ndarray, " some"]]:
        """At most so many of the points, drawn at random.

        Args:
            seed: which.
            most: how many.

        Returns:
            These, with a remark where some are not among them, and their numbers.
        """
        if len(self) <= most:
            return self, np.arange(len(self))
        rows = np.sort(generator(seed, "truth").permutation(len(self))[:most])
        some = replace(
            self,
            points=self.points.part(rows),
            value=self.value[rows],
            remarks=(*self.remarks, f"{most:,} of {len(self):,} points, drawn at random"),
        )
        return some, rows

    def at(self, *, month: int | None, hour: float | None) -> Truth:
        """The same with a month and an hour where the file does not say them.

        Args:
            month: 1..12; ``None`` stays unknown.
            hour: local, in [0, 24).

        Returns:
            The same points.

        Raises:
            InvalidContext: month or hour is out of range.
        """
        given = Moment(month=month, hour=hour)
        of, at = (np.nan if one is None else one for one in (given.month, given.hour))
        points = self.points
        months = np.where(np.isfinite(points.month), points.month, of)
        hours = np.where(np.isfinite(points.hour), points.hour, at)
        return replace(self, points=replace(points, month=months, hour=hours))

    def require_enough(self) -> Truth:
        """Itself, if there is anything to compare.

        Raises:
            ConfigError: there are too few points, or all have one value.
        """
        why = "; ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        if len(self) < LEAST_POINTS:
            raise ConfigError(
                f"{self.origin}: {len(self)} points of {self.name} can be used, and it takes "
                f"{LEAST_POINTS} to compare anything" + (f" (left out: {why})" if why else "")
            )
        if np.ptp(self.value) == 0.0:
            raise ConfigError(
                f"{self.origin}: {self.name} is {self.value[0]:g} at all {len(self):,} points: "
                "nothing to compare"
            )
        return self


def read_table(
    path: Path, *, value: str | None = None, columns: Mapping[str, str] | None = None
) -> Truth:
    """The truth of a CSV, TSV or Parquet file of points.

    Latitude, longitude, month and hour are found by their usual names, dates and times too. The
    words true and false, yes and no, are 1 and 0. What cannot be used is counted by reason.

    Args:
        path: of the table.
        value: name of the column that was measured; by default one that is called so.
        columns: names of other columns, by ours.

    Returns:
        One point a row that can be used.

    Raises:
        MissingData: there is no such file.
        ConfigError: it is no such table, or the column holds words.
    """
    if not path.is_file():
        raise MissingData(f"--against {path}: no such file")
    names = column_names(path)
    chosen = {**(columns or {}), **({"value": value} if value is not None else {})}
    matched = match_columns(
        names, chosen, str(path), needed=("latitude", "longitude"), known=_COLUMNS
    )
    if "value" not in matched:
        raise ConfigError(f"{path}: which column was measured? --value NAME, of {', '.join(names)}")
    (name,) = matched["value"]
    entries = list(recordings_of(path, matched))
    day_first = day_comes_first(entry.said.get("date", "") for entry in entries)
    rows: list[tuple[float, ...]] = []
    left_out: Counter[str] = Counter()
    for entry in entries:
        try:
            rows.append(_row(entry, day_first))
        except CorruptRecording as problem:
            left_out[str(problem)] += 1
    if not rows and left_out[_NO_NUMBER]:
        first = next(entry for entry in entries if entry.said.get("value"))
        raise ConfigError(
            f"{path}: line {first.line}: {name} holds {first.said['value']!r:.60}, no number"
        )
    lat, lon, month, hour, measured = np.array(rows, float).reshape(-1, 5).T
    points = Points.of(lat=lat, lon=lon, month=month, hour=hour)
    return Truth(name, str(path), points, measured, dict(left_out))


_NO_NUMBER = "value is not a number"


def _row(entry: TableEntry, day_first: bool | None) -> tuple[float, ...]:
    """Latitude, longitude, month, hour and value of a row; NaN for an unknown time.

    Raises:
        CorruptRecording: it cannot be used.
    """
    said = entry.said
    if entry.problem:
        raise CorruptRecording(entry.problem)
    lat = values.degrees(said["latitude"], "latitude", 90.0)
    lon = values.degrees(said["longitude"], "longitude", 180.0)
    month, hour, _ = month_and_hour(said, day_first=day_first)
    text = said["value"]
    if not text:
        raise CorruptRecording("no value")
    value = _YES_OR_NO.get(text.lower(), delimited.number(text))
    if value is None:
        raise CorruptRecording(_NO_NUMBER)
    unknown = float("nan")
    return lat, lon, unknown if month is None else month, unknown if hour is None else hour, value
