"""Times as archives write them, to local civil time: each part known or unknown by itself."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psm.collect.archives.archive import Clock
from psm.data.dates import Written, parts
from psm.errors import ConfigError

_FIRST_YEAR = 1900
# Where the clocks of phones, cameras and recorders begin that were never set.
_NEVER_SET = frozenset({(1904, 1, 1), (1970, 1, 1), (1980, 1, 1)})
_DATE = re.compile(r"\s*(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?"
_RANGE = re.compile(r"((?:^|\s)\d{1,2}:\d{2})\s*(?:-|–|to)\s*\d{1,2}:\d{2}\s*$")
_OFFSET = re.compile(
    rf"(?P<clock>{_CLOCK})\s*"
    r"(?:(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})|Z|UTC|GMT)"
    r"\s*(?:\([^)]*\))?(?P<year>\s+\d{4})?\s*$"  # "Sat Mar 14 09:26:53 UTC 2015"
)
_LARGEST_OFFSET = timedelta(hours=14)


@dataclass(frozen=True)
class Moment:
    """Local civil time, as far as it is known; ``hour`` in [0, 24)."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: float | None = None


def when(text: str, clock: Clock, timezone: str, *, listed: datetime.date | None = None) -> Moment:
    """When a recording was made, by the clock on the wall there.

    A zone that is written beside the time says more than the archive's habit: such a time is an
    instant, and is turned into local time whatever ``clock`` says.

    Args:
        text: date and time as the archive writes them.
        clock: what they are in.
        timezone: IANA name of the zone of the place; nothing is converted without.
        listed: day on which the archive was asked; what lies after it is a mistake.

    Raises:
        ConfigError: this machine does not know the zone.
    """
    if clock is Clock.UPLOAD:
        return Moment()
    offset, bare = _without_zone(text)
    found = _read(bare)
    if clock is Clock.NONE:
        found, offset = Written(found.year, found.month, found.day), None
    if offset is None and clock is Clock.UTC:
        offset = timedelta(0)
    moment = _as_written(found) if offset is None else _converted(found, offset, timezone)
    return moment if _is_possible(moment, listed) else Moment()


def _read(text: str) -> Written:
    """The parts of a date whose day or month may be 00, and whose time may be anything."""
    match = _DATE.match(text)
    if match is None:
        return parts(text, day_first=None)  # 3/4/2020 is March for some, April for others
    year, month, day = int(match[1]), int(match[3]), int(match[4])
    if year == 0 or month == 0:
        return Written(year=year or None)
    if day == 0:
        return Written(year=year, month=month if month <= 12 else None)
    whole = parts(text)
    return whole if whole.month is not None else parts(match[0])


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


def _as_written(found: Written) -> Moment:
    time = found.time
    hour = None if time is None else time.hour + time.minute / 60.0
    return Moment(found.year, found.month, found.day, hour)


def _converted(found: Written, offset: timedelta, timezone: str) -> Moment:
    if found.year is None or found.month is None or found.day is None:
        return Moment(found.year, found.month)  # by itself neither day nor hour can be turned
    if not timezone or not 1 < found.year < 9999:
        return Moment(found.year)
    if found.time is not None:
        local = _local(found, found.time, offset, timezone)
        return Moment(local.year, local.month, local.day, local.hour + local.minute / 60.0)
    # A date alone: what is the same at the place all that day long is known.
    first = _local(found, datetime.time.min, offset, timezone)
    last = _local(found, datetime.time.max, offset, timezone)
    return Moment(
        first.year if first.year == last.year else None,
        first.month if first.month == last.month else None,
        first.day if first.day == last.day else None,
    )


def _local(
    found: Written, time: datetime.time, offset: timedelta, timezone: str
) -> datetime.datetime:
    assert found.year is not None
    assert found.month is not None
    assert found.day is not None
    date = datetime.date(found.year, found.month, found.day)
    instant = datetime.datetime.combine(date, time, tzinfo=UTC) - offset
    return instant.astimezone(_zone(timezone))


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"time zone {name!r} is not known on this machine: pip install -U tzdata"
        ) from None


def _is_possible(moment: Moment, listed: datetime.date | None) -> bool:
    if moment.year is None:
        return True
    if moment.year < _FIRST_YEAR or (moment.year, moment.month, moment.day) in _NEVER_SET:
        return False
    if listed is None:
        return True
    # A day of grace: it may be tomorrow there.
    latest = listed + timedelta(days=1)
    earliest = (moment.year, moment.month or 1, moment.day or 1)
    return earliest <= (latest.year, latest.month, latest.day)
