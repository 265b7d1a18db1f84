"""Sound levels of a recording: equivalent, A-weighted, and what is exceeded how often.

0 dB of full scale (dBFS) is a root mean square of 1, so that a sine as loud as a file can hold has
-3.01 dBFS. A recorder whose gain is known turns that into sound pressure: its calibration is the
dB that are added.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32, Float64

from psm.indices.settings import LEVELS, IndexSettings

# Poles of the weighting in hertz, and its correction to 0 dB at 1 kHz: IEC 61672-1:2013, annex E.
_POLES_HZ = (20.598997, 107.65265, 737.86223, 12194.217)
_CORRECTION = 10.0 ** (2.0 / 20.0)

_CHUNK_S, _MARGIN_S = 30.0, 0.5


def a_weighting(hertz: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Gain of the A-weighting at some frequencies, as a factor of the amplitude.

    IEC 61672-1:2013, equation E.6.

    Args:
        hertz: frequencies.

    Returns:
        ``(n,)``, 1 at 1 kHz to a hundredth of a dB.
    """
    f = np.square(np.asarray(hertz, float))
    first, second, third, fourth = (pole**2 for pole in _POLES_HZ)
    gain = fourth * f**2 / ((f + first) * np.sqrt((f + second) * (f + third)) * (f + fourth))
    weighted: Float64[np.ndarray, " n"] = _CORRECTION * gain
    return weighted


def a_weighted(
    samples: Float32[np.ndarray, " samples"], rate_hz: int
) -> Float64[np.ndarray, " samples"]:
    """A recording as the A-weighting hears it, exact up to the highest frequency.

    In chunks with a margin, longer than the weighting rings: an hour at once would fill the memory.
    Both ends are mirrored, since a rumble that is cut off is a click, which weighs more than it.

    Args:
        samples: mono.
        rate_hz: of them.

    Returns:
        As many samples; their phases are as they were.
    """
    import scipy.fft

    chunk, margin = round(_CHUNK_S * rate_hz), round(_MARGIN_S * rate_hz)
    weighted = np.empty(len(samples))
    for first in range(0, len(samples), chunk):
        last = min(first + chunk, len(samples))
        begin, end = max(0, first - margin), min(len(samples), last + margin)
        missing = (margin - (first - begin), margin - (end - last))
        part = np.pad(
            samples[begin:end].astype(np.float64), missing, mode="reflect", reflect_type="odd"
        )
        size = scipy.fft.next_fast_len(len(part), real=True)
        gain = a_weighting(scipy.fft.rfftfreq(size, 1.0 / rate_hz))
        filtered = scipy.fft.irfft(scipy.fft.rfft(part, size) * gain, size)
        weighted[first:last] = filtered[margin : margin + last - first]
    return weighted


def sound_levels(
    samples: Float32[np.ndarray, " samples"], rate_hz: int, settings: IndexSettings
) -> tuple[dict[str, float], str]:
    """Levels of a recording in dB of full scale, and why some are not known.

    ``leq`` is the root mean square of all of it; ``laeq`` the same A-weighted; ``la10``, ``la50``
    and ``la90`` are the A-weighted levels that 10, 50 and 90 % of its blocks exceed (ISO 1996-1).

    Args:
        samples: mono; full scale is 1. An offset is taken off.
        rate_hz: of them.
        settings: length of a block.

    Returns:
        By the names of :data:`~psm.indices.settings.LEVELS`, NaN where there is nothing to hear;
        and the reason.
    """
    nothing = dict.fromkeys(LEVELS, math.nan)
    centred = (samples - samples.mean(dtype=np.float64)).astype(np.float32)
    whole = float(np.mean(np.square(centred, dtype=np.float64)))
    if whole == 0.0:
        return nothing, "no levels: digital silence"
    weighted = np.square(a_weighted(centred, rate_hz))
    size = min(len(weighted), max(1, round(settings.block_s * rate_hz)))
    blocks = weighted[: len(weighted) // size * size].reshape(-1, size).mean(axis=1)
    return levels_of(whole, float(weighted.mean()), blocks), ""


def levels_of(
    power: float, weighted: float, blocks: Float64[np.ndarray, " blocks"]
) -> dict[str, float]:
    """The levels, from powers.

    Args:
        power: mean square.
        weighted: the same, A-weighted.
        blocks: the same of short blocks.
    """
    exceeded = np.quantile(blocks, (0.9, 0.5, 0.1))
    return dict(zip(LEVELS, map(decibels, (power, weighted, *exceeded)), strict=True))


def decibels(power: float) -> float:
    """Level of a mean square; NaN of nothing."""
    return 10.0 * math.log10(power) if power > 0.0 else math.nan
