"""Time zones of places, by timezonefinder, which the extra ``collect`` brings."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from psm.extras import require


def has_timezones() -> bool:
    """Whether time zones can be looked up here."""
    return find_spec("timezonefinder") is not None


def timezone_at(*, lat: float, lon: float) -> str:
    """IANA name of the time zone; at sea the nautical one, as ``Etc/GMT+5``.

    Raises:
        MissingExtra: timezonefinder is not installed.
    """
    return str(_finder().timezone_at(lat=lat, lng=lon) or "")


@lru_cache(maxsize=1)
def _finder() -> Any:
    return require("timezonefinder", "collect").TimezoneFinder(in_memory=True)
