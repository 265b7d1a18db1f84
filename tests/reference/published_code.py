"""What the published code does and nothing here depends on, built from its recorded examples."""

from __future__ import annotations

import datetime
import random
import re
from collections.abc import Sequence

from dateutil import parser

_PUBLISHED_ZONE = re.compile(r"\s*(?:GMT[+-]\d{4}.*|\b(?:UTC|[A-Z][SD]T)\b(?P<rest>.*))$")


def published_month_and_hour(text: str, today: datetime.date) -> tuple[int, int] | None:
    """Month and hour of a date as published: what the text leaves open is taken from ``today``.

    A date without a time counts as hour 0. ``None`` where the published code finds no date, which
    includes a time zone in the middle. Built from the recorded examples.
    """
    zone = _PUBLISHED_ZONE.search(text)
    if zone is not None and (zone["rest"] or "").strip():
        return None
    midnight = datetime.datetime.combine(today, datetime.time())
    try:
        found = parser.parse(_PUBLISHED_ZONE.sub("", text), default=midnight)
    except (ValueError, OverflowError):
        return None
    return found.month, found.hour


def published_context_dropout(valid: Sequence[bool], rate: float, rng: random.Random) -> list[bool]:
    """Which items of a batch keep a field: a fixed share is dropped, absent ones counted in.

    Ours drops every item by chance instead, and in training only.
    """
    present = [item for item, known in enumerate(valid) if known]
    rng.shuffle(present)
    absent = len(valid) - len(present)
    dropped = set(present[: max(0, int(len(valid) * rate) - absent)])
    return [known and item not in dropped for item, known in enumerate(valid)]
