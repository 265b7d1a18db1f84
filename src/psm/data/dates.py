"""Dates as people write them: which month and which hour they name, and which they leave open."""

from __future__ import annotations

import datetime
import re

from dateutil import parser

# Two days that differ in every part: what a text leaves open differs in the results.
_DEFAULTS = (datetime.datetime(2000, 1, 1, 0, 0), datetime.datetime(2004, 2, 2, 1, 1))
_ZONE = re.compile(r"\s*(GMT[+-]\d{4}\s*\([A-Z]+\)|\b(?:UTC|GMT|[A-Z]{1,3}[SD]T)\b)")


def month_and_hour(text: str | None) -> tuple[int | None, float | None]:
    """Month (1..12) and local hour [0, 24) that ``text`` names; ``None`` for what it leaves open.

    Time zones are dropped, not applied: the hour is the one on the clock where it was written. A
    day of midnight to the second is taken for a date without time, as archives write it.
    """
    try:
        first, second = (
            parser.parse(_ZONE.sub(" ", text or ""), default=default) for default in _DEFAULTS
        )
    except (ValueError, OverflowError):
        return None, None
    month = first.month if first.month == second.month else None
    is_open = first.hour != second.hour or first.time() == datetime.time(0)
    hour = None if is_open else first.hour + first.minute / 60.0
    return month, hour
