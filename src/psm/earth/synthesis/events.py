"""Short sounds placed in time: one by one, in series, or by the thousand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import scipy.fft

from psm.earth.synthesis.primitives import Take, Waveform, amplitude

_DENSE = 1500  # events beyond which convolution beats pasting


def paste(out: Waveform, event: Waveform, onset: int, gain: float = 1.0) -> None:
    """Add ``event`` into ``out`` at sample ``onset``; what falls outside is lost."""
    first, last = max(0, onset), min(out.size, onset + event.size)
    if last > first:
        out[first:last] += np.float32(gain) * event[first - onset : last - onset]


def sequence(
    take: Take,
    onsets_s: Iterable[float],
    sounds: Sequence[Waveform],
    *,
    spread_db: float = 2.0,
) -> Waveform:
    """Paste ``sounds`` in turn at the onsets, at levels that vary by ``spread_db``."""
    out = take.silence()
    for index, onset_s in enumerate(onsets_s):
        level = amplitude(float(take.rng.normal(0.0, spread_db)))
        paste(out, sounds[index % len(sounds)], round(onset_s * take.rate_hz), level)
    return out


def scatter(
    take: Take, rate_per_s: float, grains: Sequence[Waveform], *, spread_db: float
) -> Waveform:
    """Many short events (drops, bubbles, crackles) as a Poisson process.

    Few are pasted one by one; thousands by block convolution of impulses with each grain.
    """
    longest = max(grain.size for grain in grains)
    count = int(take.rng.poisson(rate_per_s * (take.samples + longest) / take.rate_hz))
    onsets = take.rng.integers(0, take.samples + longest, count)
    levels = np.float32(10.0) ** (take.rng.standard_normal(count, np.float32) * (spread_db / 20.0))
    levels *= take.rng.integers(0, 2, count) * 2.0 - 1.0
    out = np.zeros(take.samples + 2 * longest, np.float32)
    if count < _DENSE:
        for index, (onset, level) in enumerate(zip(onsets.tolist(), levels, strict=True)):
            grain = grains[index % len(grains)]
            out[onset : onset + grain.size] += level * grain
        return out[longest : longest + take.samples]
    block = max(512, 1 << (longest - 1).bit_length())
    rows = -(-out.size // block)
    spectrum = np.zeros((rows, block + 1), np.complex64)
    for index, grain in enumerate(grains):
        impulses = np.zeros(rows * block, np.float32)
        impulses[onsets[index :: len(grains)]] = levels[index :: len(grains)]
        spectrum += scipy.fft.rfft(impulses.reshape(rows, block), 2 * block) * scipy.fft.rfft(
            grain, 2 * block
        )
    pieces = scipy.fft.irfft(spectrum, 2 * block)
    pieces[1:, :block] += pieces[:-1, block:]
    return np.asarray(pieces[:, :block].reshape(-1)[longest : longest + take.samples])
