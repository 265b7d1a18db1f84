"""Lengths as people write them: ``500m``, ``2km``."""

from __future__ import annotations

import re

from psm.errors import ConfigError

_LENGTH = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*(m|km)", re.IGNORECASE)


def is_length(text: str) -> bool:
    """Whether ``text`` is a number of metres or kilometres."""
    return _LENGTH.fullmatch(text.strip()) is not None


def parse_length(text: str) -> float:
    """Metres of ``500m``, ``2km`` or ``1.5 km``.

    Args:
        text: a number and a unit.

    Returns:
        Metres.

    Raises:
        ConfigError: no number, no unit, or nothing above zero.
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is no length: write a number and m or km, as 500m or 2km")
    metres = float(found[1]) * (1000.0 if found[2].lower() == "km" else 1.0)
    if metres <= 0.0:
        raise ConfigError(f"{text!r}: a length needs to be above zero, as 500m or 2km")
    return metres


def format_length(metres: float) -> str:
    """``500 m``, ``2 km``.

    Args:
        metres: a length.

    Returns:
        The length in words.
    """
    return f"{metres / 1000.0:g} km" if metres >= 1000.0 else f"{metres:g} m"
