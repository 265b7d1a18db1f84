"""Dates and times as people and archives write them: each part is known or unknown by itself.

:func:`read_date` reads what is written; :func:`local_time` also turns it into civil time of the
place, where the text or the archive says which clock it was read from. A text is understood whole,
or the part that is not stays unknown, with the reason: nothing is guessed.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psm.data.dateforms.clocktimes import WrittenTime, leading_time
from psm.data.dateforms.days import DAY_OF_ZERO, NO_SUCH_DAY, WrittenDay, leading_day
from psm.data.dateforms.intervals import duration, ends, is_duration
from psm.errors import ConfigError

NOT_UNDERSTOOD = "not understood"
TIME_NOT_UNDERSTOOD = "time not understood"
INTERVAL = "an interval"
BARE_NUMBER = "a bare number: seconds since 1970 or a day of a spreadsheet?"
NEVER_SET = "the first day of a clock that was never set"
TOO_EARLY = "before 1900"

_LONGEST_TEXT = 200
_NUMBERS = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2(?:\d{4}|\d{2})(?![\d.])", re.ASCII)
_BARE = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_YEAR_OR_DAY = re.compile(r"\d{4}|\d{8}")
_PACKED = re.compile(r"(\d{8})(\d{4}|\d{6})")
_GLUE = re.compile(r"[T_]|\s*,?\s*(?:at\s|um\s|à\s)?\s*", re.IGNORECASE)
_DAY = timedelta(days=1)

_FIRST_YEAR = 1900
# Where the clocks of phones, cameras, recorders and databases begin.
_NEVER_SET = frozenset({(1900, 1, 1), (1904, 1, 1), (1970, 1, 1), (1980, 1, 1)})
_MILLENNIUM = (2000, 1, 1)


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
    """The parts of a date and a time that are known; ``None`` for the others.

    Attributes:
        year, month, day, time: as on the clock where they were written.
        offset: of that clock from UTC, where it is written beside the time.
        problem: why a part is unknown that the text seems to name; empty where all is understood.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    time: datetime.time | None = None
    offset: timedelta | None = field(default=None, compare=False)
    problem: str = field(default="", compare=False)

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

    Time zones are not applied: the time is the one on the clock where it was written. A day of
    midnight to the second is taken for a date without time, as archives write it; 24:00 is the
    midnight after the day. Of a date that begins with the year, day or month may be 00. Of an
    interval that is shorter than a day the beginning is known, of others what both ends share.

    Args:
        text: a date, a time or both, or an interval of them.
        day_first: what 3/4/2020 means; with ``None`` its day and month are unknown.
    """
    whole = " ".join(unicodedata.normalize("NFKC", text or "").replace("\u2212", "-").split())
    if len(whole) > _LONGEST_TEXT or not whole.isprintable():
        return DateParts(problem=NOT_UNDERSTOOD)
    if (both := ends(whole)) is not None:
        return _interval(*both, day_first)
    return _moment(whole, day_first)


def recording_date(text: str | None, *, day_first: bool | None = False) -> DateParts:
    """:func:`read_date`, and nothing of days at which nothing was recorded.

    These are days before 1900, and those at which clocks begin that were never set.
    """
    found = read_date(text, day_first=day_first)
    if found.year is None:
        return found
    if found.year < _FIRST_YEAR:
        return DateParts(problem=TOO_EARLY)
    day = (found.year, found.month, found.day)
    # On the first of January 2000 people recorded; clocks that begin there say midnight.
    if day in _NEVER_SET or (day == _MILLENNIUM and (found.time is None or found.time.hour == 0)):
        return DateParts(problem=NEVER_SET)
    return found


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
    found = recording_date(text, day_first=None)
    offset = found.offset
    if clock is Clock.NONE:
        found, offset = DateParts(found.year, found.month, found.day), None
    if offset is None and clock is Clock.UTC:
        offset = timedelta(0)
    moment = found if offset is None else _converted(found, offset, timezone)
    return DateParts() if _is_after(moment, listed) else moment


def _moment(text: str, day_first: bool | None) -> DateParts:
    """A day and a time in either order, or one of them."""
    if not text:
        return DateParts()
    if (packed := _PACKED.fullmatch(text)) is not None and text[:2] in ("19", "20"):
        text = f"{packed[1]}T{packed[2]}"
    elif _BARE.fullmatch(text) and not _YEAR_OR_DAY.fullmatch(text):
        return DateParts(problem=BARE_NUMBER)
    day = leading_day(text, day_first)
    if day is None:
        return _time_first(text, day_first)
    glue = _GLUE.match(day.rest)
    assert glue is not None  # it may be empty
    rest = day.rest[glue.end() :]
    time = leading_time(rest, after_day=True, glued=glue[0] in ("T", "t", "_")) if rest else None
    if time is not None and day.year is None and re.fullmatch(r"\s*\d{4}", time.rest):
        day, time = replace(day, year=int(time.rest)), replace(time, rest="")
    if time is not None and not time.rest.strip():
        return _joined(day, time)
    if not rest:
        return DateParts(day.year, day.month, day.day, problem=day.problem)
    # Words behind a day leave it as it is; more numbers may be another day.
    if re.search(r"\d{3}|\d[/-]\d|\d\.\d+\.", rest):
        return DateParts(problem=NOT_UNDERSTOOD)
    return DateParts(day.year, day.month, day.day, problem=day.problem or TIME_NOT_UNDERSTOOD)


def _time_first(text: str, day_first: bool | None) -> DateParts:
    time = leading_time(text.removeprefix("T"), after_day=False)
    if time is None:
        return DateParts(problem=NOT_UNDERSTOOD)
    rest = time.rest.strip(" ,")
    if not rest:
        return _joined(WrittenDay(), time)
    day = leading_day(rest, day_first)
    if day is None or day.rest.strip():
        return DateParts(problem=NOT_UNDERSTOOD)
    return _joined(day, time)


def _joined(day: WrittenDay, time: WrittenTime) -> DateParts:
    problem = day.problem or time.problem
    if day.problem in (NO_SUCH_DAY, DAY_OF_ZERO):  # nor can its time be trusted
        return DateParts(day.year, day.month, problem=problem)
    found = DateParts(day.year, day.month, day.day, time.time, time.offset, problem)
    if time.is_next_day:
        if day.year and day.month and day.day:
            try:
                after = datetime.date(day.year, day.month, day.day) + _DAY
            except (ValueError, OverflowError):
                return DateParts(problem=NOT_UNDERSTOOD)
            return replace(found, year=after.year, month=after.month, day=after.day)
        return replace(found, month=None, day=None)
    if time.time == datetime.time(0):
        return replace(found, time=None)
    return found


def _interval(begin: str, end: str, day_first: bool | None) -> DateParts:
    """The beginning of less than a day; of anything longer what both ends share."""
    if is_duration(begin) or is_duration(end):
        return _lasting(begin, end, day_first)
    first, last = _moment(begin, day_first), _moment(end, day_first)
    is_known = (first.month or first.year or first.time) and not first.problem
    if not is_known or last.problem or not end:
        return DateParts(problem=first.problem or last.problem or INTERVAL)
    if first.year is None and last.time is not None and last.year is None:
        return first  # 06:00/07:00
    one, other = _instant(first), _instant(last)
    if one is not None and other is not None:
        if other < one:
            return DateParts(problem=INTERVAL)
        if first.time is not None and other - one < _DAY:
            return first
    shared = DateParts(first.year, problem=INTERVAL) if first.year == last.year else DateParts()
    if shared.year is not None and first.month == last.month:
        shared = replace(shared, month=first.month)
        if first.day == last.day and first.day is not None:
            return replace(shared, day=first.day, problem="" if first == last else INTERVAL)
    return replace(shared, problem=INTERVAL)


def _lasting(begin: str, end: str, day_first: bool | None) -> DateParts:
    """An interval of which one end is a length of time."""
    length = duration(begin) or duration(end)
    known = _moment(end if is_duration(begin) else begin, day_first)
    at = _instant(known)
    if length is None or at is None or known.time is None or length >= _DAY:
        return DateParts(problem=known.problem or INTERVAL)
    if is_duration(begin):
        try:
            at -= length
        except OverflowError:
            return DateParts(problem=INTERVAL)
        return DateParts(at.year, at.month, at.day, at.time(), known.offset)
    return known


def _instant(found: DateParts) -> datetime.datetime | None:
    if found.year is None or found.month is None or found.day is None:
        return None
    try:
        date = datetime.date(found.year, found.month, found.day)
    except ValueError:
        return None
    return datetime.datetime.combine(date, found.time or datetime.time())


def _converted(found: DateParts, offset: timedelta, timezone: str) -> DateParts:
    if found.year is None or found.month is None or found.day is None:
        # By itself neither day nor hour can be turned.
        return DateParts(found.year, found.month, problem=found.problem)
    if not timezone or not 1 < found.year < 9999:
        return DateParts(found.year, problem=found.problem)
    date, zone = datetime.date(found.year, found.month, found.day), _zone(timezone)

    def local(time: datetime.time) -> datetime.datetime:
        return (datetime.datetime.combine(date, time, tzinfo=UTC) - offset).astimezone(zone)

    if found.time is not None:
        there = local(found.time)
        return DateParts(there.year, there.month, there.day, there.time(), problem=found.problem)
    # A date alone: what is the same at the place all that day long is known.
    first, last = local(datetime.time.min), local(datetime.time.max)
    return DateParts(
        first.year if first.year == last.year else None,
        first.month if first.month == last.month else None,
        first.day if first.day == last.day else None,
        problem=found.problem,
    )


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"time zone {name!r} is not known on this machine: pip install -U tzdata"
        ) from None


def _is_after(found: DateParts, listed: datetime.date | None) -> bool:
    if found.year is None or listed is None:
        return False
    # A day of grace: it may be tomorrow there.
    latest = listed + _DAY
    earliest = (found.year, found.month or 1, found.day or 1)
    return earliest > (latest.year, latest.month, latest.day)
