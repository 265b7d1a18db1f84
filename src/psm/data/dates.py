"""Dates and times as people and archives write them: each part is known or unknown by itself.

:func:`read_date` reads what is written; :func:`local_time` also turns it into civil time of the
place, where the text or the archive says which clock it was read from.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import parser

from psm.errors import ConfigError

# Two days that differ in every part: what a text leaves open differs in the results.
_DEFAULTS = (datetime.datetime(2000, 1, 1, 0, 0), datetime.datetime(2004, 2, 2, 1, 1))
_ZONE = re.compile(r"\s*(GMT[+-]\d{4}\s*\([A-Z]+\)|\b(?:UTC|GMT|[A-Z]{1,3}[SD]T)\b)")
_STAMP = re.compile(r"\b(\d{8})_(\d{6})\b")  # as recorders name their files
_NUMBERS = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2\d{2,4}\b")
_YEAR_FIRST = re.compile(r"\s*(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?"
_RANGE = re.compile(r"((?:^|\s)\d{1,2}:\d{2})\s*(?:-|–|to)\s*\d{1,2}:\d{2}\s*$")
_OFFSET = re.compile(
    rf"(?P<clock>{_CLOCK})\s*"
    r"(?:(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})|Z|UTC|GMT)"
    r"\s*(?:\([^)]*\))?(?P<year>\s+\d{4})?\s*$"  # "Sat Mar 14 09:26:53 UTC 2015"
)
_LARGEST_OFFSET = timedelta(hours=14)

_FIRST_YEAR = 1900
# Where the clocks of phones, cameras and recorders begin that were never set.
_NEVER_SET = frozenset({(1904, 1, 1), (1970, 1, 1), (1980, 1, 1)})


class Clock(StrEnum):
    """Which clock a written time was read from."""

    LOCAL = "local"
    """Civil time where the recording was made."""
    UTC = "utc"
    NONE = "none"
    """The time is of something else, as the upload: only the date counts."""
    UPLOAD = "upload"
    """Date and time are those of the upload: neither counts."""


@dataclass(frozen=True)
class DateParts:
    """The parts of a date and a time that are known; ``None`` for the others."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    time: datetime.time | None = None

    @property
    def hour(self) -> float | None:
        """The time in hours to the minute, in [0, 24)."""
        return None if self.time is None else self.time.hour + self.time.minute / 60.0


def month_and_hour(
    text: str | None, *, day_first: bool | None = False
) -> tuple[int | None, float | None]:
    """Month (1..12) and local hour [0, 24) that ``text`` names; ``None`` for what it leaves open.

    Args and rules are those of :func:`read_date`.
    """
    found = read_date(text, day_first=day_first)
    return found.month, found.hour


def read_date(text: str | None, *, day_first: bool | None = False) -> DateParts:
    """What ``text`` names of a date and a time.

    Time zones are dropped, not applied: the time is the one on the clock where it was written. A
    day of midnight to the second is taken for a date without time, as archives write it. Of a date
    that begins with the year, day or month may be 00, and the time unreadable.

    Args:
        text: a date, a time or both.
        day_first: what 3/4/2020 means; with ``None`` its day and month are unknown.
    """
    match = _YEAR_FIRST.match(text or "")
    if match is None:
        return _parsed(text or "", day_first)
    year, month, day = int(match[1]), int(match[3]), int(match[4])
    if year == 0 or month == 0:
        return DateParts(year=year or None)
    if day == 0:
        return DateParts(year=year, month=month if month <= 12 else None)
    whole = _parsed(text or "", False)
    return whole if whole.month is not None else _parsed(match[0], False)


def day_comes_first(texts: Iterable[str]) -> bool | None:
    """Whether dates as 3/4/2020 begin with the day, as far as others among ``texts`` show it."""
    found = [(int(n[1]), int(n[3])) for n in map(_NUMBERS.match, texts) if n is not None]
    day, month = (any(pair[place] > 12 for pair in found) for place in (0, 1))
    return None if day == month else day


def local_time(
    text: str, clock: Clock, timezone: str, *, listed: datetime.date | None = None
) -> DateParts:
    """Local civil time of a recording, as far as it is known.

    A zone that is written beside the time says more than the archive's habit: such a time is an
    instant, and is turned into local time whatever ``clock`` says.

    Args:
        text: date and time as the archive writes them; of 3/4/2020 the year alone is known.
        clock: what they are in.
        timezone: IANA name of the zone of the place; nothing is converted without.
        listed: day on which the archive was asked; what lies after it is a mistake.

    Raises:
        ConfigError: this machine does not know the zone.
    """
    if clock is Clock.UPLOAD:
        return DateParts()
    offset, bare = _without_zone(text)
    found = read_date(bare, day_first=None)
    if clock is Clock.NONE:
        found, offset = DateParts(found.year, found.month, found.day), None
    if offset is None and clock is Clock.UTC:
        offset = timedelta(0)
    moment = found if offset is None else _converted(found, offset, timezone)
    return moment if _is_possible(moment, listed) else DateParts()


def _parsed(text: str, day_first: bool | None) -> DateParts:
    text = _STAMP.sub(r"\1T\2", _ZONE.sub(" ", text))
    # dateutil would read the day before the month in 2020-04-03 too.
    turned = bool(day_first) and _NUMBERS.match(text) is not None
    try:
        first, second = (
            parser.parse(text, default=default, dayfirst=turned) for default in _DEFAULTS
        )
    except (ValueError, OverflowError):
        return DateParts()
    is_open = first.hour != second.hour or first.time() == datetime.time(0)
    is_clear = not (day_first is None and _is_ambiguous(text))
    return DateParts(
        year=first.year if first.year == second.year else None,
        month=first.month if first.month == second.month and is_clear else None,
        day=first.day if first.day == second.day and is_clear else None,
        time=None if is_open else first.time(),
    )


def _is_ambiguous(text: str) -> bool:
    numbers = _NUMBERS.match(text)
    if numbers is None:
        return False
    day, month = int(numbers[1]), int(numbers[3])
    return day != month and max(day, month) <= 12


def _without_zone(text: str) -> tuple[timedelta | None, str]:
    """The offset from UTC that is written behind a time, and the text without it."""
    if _RANGE.search(text):  # "06:00-07:00" is from six to seven, not seven hours west
        return None, _RANGE.sub(r"\1", text)
    match = _OFFSET.search(text)
    if match is None:
        return None, text
    bare = text[: match.end("clock")] + (match["year"] or "")
    if match["sign"] is None:
        return timedelta(0), bare
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    if offset > _LARGEST_OFFSET:
        return None, bare
    return (-offset if match["sign"] == "-" else offset), bare


def _converted(found: DateParts, offset: timedelta, timezone: str) -> DateParts:
    if found.year is None or found.month is None or found.day is None:
        return DateParts(found.year, found.month)  # by itself neither day nor hour can be turned
    if not timezone or not 1 < found.year < 9999:
        return DateParts(found.year)
    date, zone = datetime.date(found.year, found.month, found.day), _zone(timezone)

    def local(time: datetime.time) -> datetime.datetime:
        return (datetime.datetime.combine(date, time, tzinfo=UTC) - offset).astimezone(zone)

    if found.time is not None:
        there = local(found.time)
        return DateParts(there.year, there.month, there.day, there.time())
    # A date alone: what is the same at the place all that day long is known.
    first, last = local(datetime.time.min), local(datetime.time.max)
    return DateParts(
        first.year if first.year == last.year else None,
        first.month if first.month == last.month else None,
        first.day if first.day == last.day else None,
    )


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"time zone {name!r} is not known on this machine: pip install -U tzdata"
        ) from None


def _is_possible(found: DateParts, listed: datetime.date | None) -> bool:
    if found.year is None:
        return True
    if found.year < _FIRST_YEAR or (found.year, found.month, found.day) in _NEVER_SET:
        return False
    if listed is None:
        return True
    # A day of grace: it may be tomorrow there.
    latest = listed + timedelta(days=1)
    earliest = (found.year, found.month or 1, found.day or 1)
    return earliest <= (latest.year, latest.month, latest.day)
