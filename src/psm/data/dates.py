"""Dates as people write them: which month and which hour they name, and which they leave open."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

from dateutil import parser

# Two days that differ in every part: what a text leaves open differs in the results.
_DEFAULTS = (datetime.datetime(2000, 1, 1, 0, 0), datetime.datetime(2004, 2, 2, 1, 1))
_ZONE = re.compile(r"\s*(GMT[+-]\d{4}\s*\([A-Z]+\)|\b(?:UTC|GMT|[A-Z]{1,3}[SD]T)\b)")
_STAMP = re.compile(r"\b(\d{8})_(\d{6})\b")  # as recorders name their files
_NUMBERS = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2\d{2,4}\b")


def month_and_hour(
    text: str | None, *, day_first: bool | None = False
) -> tuple[int | None, float | None]:
    """Month (1..12) and local hour [0, 24) that ``text`` names; ``None`` for what it leaves open.

    Time zones are dropped, not applied: the hour is the one on the clock where it was written. A
    day of midnight to the second is taken for a date without time, as archives write it.

    Args:
        text: a date, a time or both.
        day_first: what 3/4/2020 means; with ``None`` its month is unknown.
    """
    text = _STAMP.sub(r"\1T\2", _ZONE.sub(" ", text or ""))
    # dateutil would read the day before the month in 2020-04-03 too.
    turned = bool(day_first) and _NUMBERS.match(text) is not None
    try:
        first, second = (
            parser.parse(text, default=default, dayfirst=turned) for default in _DEFAULTS
        )
    except (ValueError, OverflowError):
        return None, None
    month = first.month if first.month == second.month else None
    if day_first is None and _is_ambiguous(text):
        month = None
    is_open = first.hour != second.hour or first.time() == datetime.time(0)
    hour = None if is_open else first.hour + first.minute / 60.0
    return month, hour


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
