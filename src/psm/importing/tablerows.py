"""Rows of a table of recordings: key, split, date and the other cells of each."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TypeVar

from psm.data import delimited
from psm.data.dateforms.clocktimes import leading_time
from psm.data.dateforms.days import month_named
from psm.data.dates import DateParts, day_comes_first, recording_date
from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.data.splits import BUFFER, IN_BUFFER
from psm.errors import CorruptRecording
from psm.importing import values
from psm.importing.tablereader import TableEntry

ANOTHER_CLOCK = "hour: the time is in UTC or of a zone far away"
"""Doubt of a time that is not the local one, and cannot be turned into it without its zone."""

# Civil time is at most so far from that of the sun, and most clocks of recorders from civil time.
_SOLAR_WITHIN = timedelta(hours=4)

Name = TypeVar("Name", bound=StrEnum)


@dataclass(frozen=True)
class TableRow:
    """One row of a table of recordings.

    Attributes:
        key: of the recording.
        split: as the table writes it, or by place.
        problem: why the recording cannot be used, as far as it takes the whole table to know that.
        said: texts by our names of columns; empty where the table says nothing.
        day_first: what 3/4/2020 means in this table.
        detail: what is particular about the problem.
    """

    key: str
    split: str
    problem: str
    said: Mapping[str, str]
    day_first: bool | None
    detail: str = ""

    @property
    def part_s(self) -> tuple[float, float] | None:
        """Begin and end of a clip in its file, in seconds; ``None`` where it is all of the file."""
        said = self.said
        return (float(said["begin_s"]), float(said["end_s"])) if said.get("begin_s") else None

    def recording(self, gsd_m: float | None) -> Recording:
        """The recording, with metres per pixel of its tile where the row does not say them.

        Raises:
            CorruptRecording: it cannot be used.
        """
        said = self.said
        if self.problem:
            raise CorruptRecording(self.problem, *filter(None, (self.detail,)))
        if not said["caption"]:
            raise CorruptRecording("no caption")
        month, hour, _ = month_and_hour(said, day_first=self.day_first)
        return values.recording(
            key=self.key,
            lat=said["latitude"],
            lon=said["longitude"],
            audio_source=_member(AudioSource, said.get("audio_source", ""), None),
            caption_source=_member(
                CaptionSource, said.get("caption_source", ""), CaptionSource.META
            ),
            caption=said["caption"],
            split=values.split(self.split),
            month=month,
            hour=hour,
            licence=said.get("licence") or "unknown",
            gsd_m=self._gsd_m(gsd_m),
            sounds=tuple(filter(None, said.get("sounds", "").split("\n"))),
        )

    def _gsd_m(self, otherwise: float | None) -> float:
        said = self.said.get("gsd_m")
        gsd_m = number(said, "gsd_m") if said else otherwise
        if gsd_m is None or gsd_m <= 0:
            raise CorruptRecording("no gsd_m")
        return gsd_m

    def doubts(self) -> tuple[str, ...]:
        """What is unknown of the recording though the table names it, in words for a report."""
        doubt = month_and_hour(self.said, day_first=self.day_first)[2]
        return (doubt,) if doubt else ()


def month_and_hour(
    said: Mapping[str, str], *, day_first: bool | None
) -> tuple[int | None, float | None, str]:
    """From columns of their own, or from a date and a time; and why one is unknown.

    Args:
        said: texts by our names of columns: date, time, month, hour, and longitude, by which a
            time with a zone is told from local time.
        day_first: what 3/4/2020 means in this table.

    Raises:
        CorruptRecording: month or hour is none.
    """
    text = " ".join(filter(None, (said.get("date"), said.get("time"))))
    found = recording_date(text, day_first=day_first)
    month, hour, doubt = _on_local_clock(found, said.get("longitude", ""))
    if said.get("month"):
        month = _month(said["month"])
    if said.get("hour"):
        hour = _hour(said["hour"])
    is_known = month is not None and hour is not None
    return month, hour, "" if is_known or not doubt else doubt


def _month(said: str) -> int:
    """A month as a whole number or by its name."""
    if (named := month_named(said)) is not None:
        return named
    value = number(said, "month")
    if value != int(value):
        raise CorruptRecording("month is not a whole number")
    if not 1 <= value <= 12:
        raise CorruptRecording("month outside 1..12")
    return int(value)


def _hour(said: str) -> float:
    """An hour as a number or as on a clock; 24 is midnight."""
    value = delimited.number(said)
    if value is None:
        clock = leading_time(said, after_day=False)
        if clock is None or clock.time is None or clock.rest.strip():
            raise CorruptRecording("hour is not a number")
        return clock.time.hour + clock.time.minute / 60.0
    if not 0 <= value <= 24:
        raise CorruptRecording("hour outside [0, 24)")
    return value % 24.0


def _on_local_clock(found: DateParts, longitude: str) -> tuple[int | None, float | None, str]:
    """Month and hour where the recording was made, and why one of them is unknown."""
    doubt = f"date: {found.problem}" if found.problem else ""
    lon = delimited.degrees(longitude)
    if found.offset is None or found.time is None or lon is None:
        return found.month, found.hour, doubt
    solar = timedelta(hours=lon / 15.0)
    if found.offset and abs(found.offset - solar) <= _SOLAR_WITHIN:
        return found.month, found.hour, doubt
    if found.year is None or found.month is None or found.day is None:
        return found.month, None, ANOTHER_CLOCK
    at = datetime.datetime.combine(datetime.date(found.year, found.month, found.day), found.time)
    months = {(at - found.offset + solar + off).month for off in (_SOLAR_WITHIN, -_SOLAR_WITHIN)}
    return months.pop() if len(months) == 1 else None, None, ANOTHER_CLOCK


def rows_of(entries: Iterable[TableEntry], splits: Iterable[str]) -> list[TableRow]:
    """Give each recording of a table its key and its split.

    Args:
        entries: what the table says, of :func:`psm.importing.tablereader.recordings_of`.
        splits: of each, as :func:`psm.importing.placesplits.splits_of` chooses them.
    """
    entries = list(entries)
    day_first = day_comes_first(entry.said.get("date", "") for entry in entries)
    rows: list[TableRow] = []
    seen: set[str] = set()
    for entry, split in zip(entries, splits, strict=True):
        problem = entry.problem or (IN_BUFFER if split == BUFFER else "")
        try:
            name = values.key(entry.said.get("key") or _without_suffix(entry.said["audio"]))
        except CorruptRecording as nameless:
            name, problem = f"line {entry.line}", problem or str(nameless)
        if name in seen:
            problem = entry.problem or "another recording has the same key"
        if not entry.problem:
            seen.add(name)
        rows.append(TableRow(name, split, problem, entry.said, day_first, entry.detail))
    return rows


def _without_suffix(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.name else name


def number(said: str, name: str) -> float:
    """The number in a cell; ``name`` is for the error.

    Raises:
        CorruptRecording: it is none, or not finite.
    """
    value = delimited.number(said)
    if value is None:
        raise CorruptRecording(f"{name} is not a number")
    return value


def _member(kind: type[Name], said: str, otherwise: Name | None) -> Name | None:
    return kind(said.lower()) if said.lower() in list(kind) else otherwise
