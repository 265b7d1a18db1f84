"""What is believed of a recording before memory is spent on it."""

from __future__ import annotations

MOST_CHANNELS = 16
RATES_HZ = (1000, 768_000)
"""Slowest and fastest: a seismometer, a bat detector."""

ENDLESS_S = 400 * 86_400.0
"""A header that says more says nothing: it was never finished, or it lies."""


def is_plausible(*, channels: int, rate_hz: int) -> bool:
    """Whether somebody may have recorded that."""
    return 1 <= channels <= MOST_CHANNELS and RATES_HZ[0] <= rate_hz <= RATES_HZ[1]


def is_cut_short(*, found_s: float, said_s: float) -> bool:
    """Whether less sound was found than a header says; decoders drop a little at the ends."""
    return found_s < 0.98 * said_s - 0.1
