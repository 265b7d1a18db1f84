"""Bounds of a deployment, and whether a recording lies between two of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from psm.data.dates import DateParts, read_date

_CLOCK = re.compile(r"\d[:hT.]\d{2}(?!\.\d)|\d\s*[ap]\.?m|\d\s*(?:uhr|h)\b|\d[T_ ]\d{4}", re.I)
# Civil time is at most so far from that of the sun: clocks without offset are known to within it.
_SOLAR_WITHIN = timedelta(hours=4)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Bound:
    """Begin or end of a deployment.

    Attributes:
        at: on the clock where it was written. A day alone begins at its midnight and ends with it.
        last: the latest moment that still counts, for an end.
        offset: of that clock from UTC, where it is written.
    """

    at: datetime
    last: datetime
    offset: timedelta | None = None


def bound_of(text: str, *, day_first: bool) -> Bound | str | None:
    """The bound that a text names; a reason where it names none, ``None`` where it is empty.

    Args:
        text: a day, or a day and a time, in any form that :func:`psm.data.dates.read_date` reads.
        day_first: what 3/4/2020 means.
    """
    if not text:
        return None
    found = read_date(text, day_first=day_first)
    if found.problem or found.year is None or found.month is None or found.day is None:
        return f"{text[:40]!r} is no day: {found.problem or 'write it as 2024-04-30 15:00'}"
    day = date(found.year, found.month, found.day)
    if _says_no_time(found, text):
        midnight = datetime.combine(day, time())
        return Bound(midnight, midnight + _DAY - timedelta.resolution)
    at = datetime.combine(day, found.time or time())
    return Bound(at, at, found.offset)


def is_inside(
    clock: datetime, offset: timedelta | None, begin: Bound | None, end: Bound | None, lon: float
) -> bool | None:
    """Whether a time lies within a deployment; ``None`` where an offset would have to be known.

    Args:
        clock: of the recording.
        offset: of that clock from UTC, where it is known.
        begin, end: of the deployment, open where ``None``.
        lon: of the site, by which clocks are known that say no offset.
    """
    after = True if begin is None else _is_after(clock, offset, begin.at, begin.offset, lon)
    before = True if end is None else _is_after(end.last, end.offset, clock, offset, lon)
    if after is False or before is False:
        return False
    return True if after and before else None


def _is_after(
    one: datetime, offset: timedelta | None, other: datetime, others: timedelta | None, lon: float
) -> bool | None:
    """Whether ``one`` is not before ``other``."""
    if offset is None and others is None:
        return one >= other
    first, last = _moments(one, offset, others, lon)
    begin, end = _moments(other, others, offset, lon)
    if first >= end:
        return True
    return False if last < begin else None


def _moments(
    clock: datetime, offset: timedelta | None, others: timedelta | None, lon: float
) -> tuple[datetime, datetime]:
    """Earliest and latest moment in UTC that a clock may mean.

    One without an offset is the civil time of the site. So is the other, where its offset is near
    the sun's: then it is the same clock.
    """
    if offset is not None:
        return clock - offset, clock - offset
    solar = timedelta(hours=lon / 15.0)
    if others and abs(others - solar) <= _SOLAR_WITHIN:
        return clock - others, clock - others
    return clock - solar - _SOLAR_WITHIN, clock - solar + _SOLAR_WITHIN


def _says_no_time(found: DateParts, text: str) -> bool:
    # Midnight is read as a day without a time: archives write it so, and tables of deployments not.
    return found.time is None and not (found.offset is not None or _CLOCK.search(text))
