"""Dates as people write them: which month and which hour they name, and which they leave open."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dateutil import parser

# Two days that differ in every part: what a text leaves open differs in the results.
_DEFAULTS = (datetime.datetime(2000, 1, 1, 0, 0), datetime.datetime(2004, 2, 2, 1, 1))
_ZONE = re.compile(r"\s*(GMT[+-]\d{4}\s*\([A-Z]+\)|\b(?:UTC|GMT|[A-Z]{1,3}[SD]T)\b)")
_STAMP = re.compile(r"\b(\d{8})_(\d{6})\b")  # as recorders name their files
_NUMBERS = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2\d{2,4}\b")


@dataclass(frozen=True)
class Written:
    """The parts of a date and a time that a text names; ``None`` for what it leaves open."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    time: datetime.time | None = None


def month_and_hour(
    text: str | None, *, day_first: bool | None = False
) -> tuple[int | None, float | None]:
    """Month (1..12) and local hour [0, 24) that ``text`` names; ``None`` for what it leaves open.

    Args and rules are those of :func:`parts`.
    """
    found = parts(text, day_first=day_first)
    return found.month, None if found.time is None else found.time.hour + found.time.minute / 60.0


def parts(text: str | None, *, day_first: bool | None = False) -> Written:
    """What ``text`` names of a date and a time.

    Time zones are dropped, not applied: the time is the one on the clock where it was written. A
    day of midnight to the second is taken for a date without time, as archives write it.

    Args:
        text: a date, a time or both.
        day_first: what 3/4/2020 means; with ``None`` its day and month are unknown.
    """
    text = _STAMP.sub(r"\1T\2", _ZONE.sub(" ", text or ""))
    # dateutil would read the day before the month in 2020-04-03 too.
    turned = bool(day_first) and _NUMBERS.match(text) is not None
    try:
        first, second = (
            parser.parse(text, default=default, dayfirst=turned) for default in _DEFAULTS
        )
    except (ValueError, OverflowError):
        return Written()
    is_open = first.hour != second.hour or first.time() == datetime.time(0)
    is_clear = not (day_first is None and _is_ambiguous(text))
    return Written(
        year=first.year if first.year == second.year else None,
        month=first.month if first.month == second.month and is_clear else None,
        day=first.day if first.day == second.day and is_clear else None,
        time=None if is_open else first.time(),
    )


def day_comes_first(texts: Iterable[str]) -> bool | None:
    """Whether dates as 3/4/2020 begin with the day, as far as others among ``texts`` show it."""
    found = [(int(n[1]), int(n[3])) for n in map(_NUMBERS.match, texts) if n is not None]
    day, month = (any(pair[place] > 12 for pair in found) for place in (0, 1))
    return None if day == month else day


def _is_ambiguous(text: str) -> bool:
    numbers = _NUMBERS.match(text)
    if numbers is None:
        return False
    day, month = int(numbers[1]), int(numbers[3])
    return day != month and max(day, month) <= 12
