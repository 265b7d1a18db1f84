"""The time axis of synthesis: the span to fill, slow curves over it, phase, and events in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.fft
from jaxtyping import Float, Float32, UInt32

Waveform: TypeAlias = Float32[np.ndarray, " samples"]
Track: TypeAlias = Float[np.ndarray, " samples"]
Phase: TypeAlias = UInt32[np.ndarray, " samples"]

_SINE, _SINE_SHIFT = np.sin(2 * np.pi * np.arange(8192) / 8192).astype(np.float32), 32 - 13
_CONTROL = 32  # samples between control points: one millisecond
_RAMP = np.arange(_CONTROL, dtype=np.float32) / _CONTROL
_DENSE = 1500  # events beyond which convolution beats pasting


@dataclass(frozen=True, slots=True)
class Take:
    """The span to fill: a random stream, a length in samples and a sample rate."""

    rng: np.random.Generator
    samples: int
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate_hz

    def cut(self, seconds: float) -> Take:
        """A shorter (or longer) take on the same random stream."""
        return Take(self.rng, max(16, round(seconds * self.rate_hz)), self.rate_hz)

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return float(self.rng.uniform(low, high))

    def log_between(self, low: float, high: float) -> float:
        """Uniform on a logarithmic scale: natural for frequencies, rates and lengths."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def count(self, low: int, high: int) -> int:
        """An integer in [low, high], both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)

    def silence(self) -> Waveform:
        """Zeros to paste into."""
        return np.zeros(self.samples, np.float32)

    def axis(self) -> Float32[np.ndarray, " samples"]:
        """Position within the take, 0 to 1."""
        return np.arange(self.samples, dtype=np.float32) * np.float32(1.0 / self.samples)

    def poisson(self, rate_per_s: float) -> Float[np.ndarray, " events"]:
        """Onsets in seconds of a Poisson process, starting a little before the take."""
        count = self.rng.poisson(rate_per_s * (self.seconds + 0.5))
        return np.sort(self.rng.uniform(-0.5, self.seconds, count))

    def regular(self, period_s: float, jitter: float = 0.0) -> Float[np.ndarray, " events"]:
        """Onsets in seconds at a random phase; ``jitter`` is a share of the period."""
        start = self.between(-1.0, 0.0) * period_s
        onsets = np.arange(start, self.seconds, period_s)
        return onsets + self.rng.normal(0.0, jitter * period_s, onsets.size)


def amplitude(level_db: float) -> float:
    """Decibels to a linear factor."""
    return float(10.0 ** (level_db / 20.0))


def _smooth(take: Take, values: Float32[np.ndarray, " knots"]) -> Float32[np.ndarray, " coarse"]:
    """A smooth curve through equally spaced knots, at the control rate."""
    position = np.linspace(0.0, values.size - 1.001, take.samples // _CONTROL + 2)
    whole = position.astype(np.int32)
    part = (position - whole).astype(np.float32)
    part = part * part * (3.0 - 2.0 * part)
    return np.asarray(values[whole] * (1.0 - part) + values[whole + 1] * part, np.float32)


def _upsampled(take: Take, coarse: Float32[np.ndarray, " coarse"]) -> Track:
    """Straight lines between control points: envelopes are slow, so this loses nothing."""
    fine = coarse[:-1, None] + np.diff(coarse)[:, None] * _RAMP
    return np.asarray(fine.reshape(-1)[: take.samples])


def _knots(take: Take, rate_hz: float, low: float, high: float) -> Float32[np.ndarray, " knots"]:
    count = max(4, int(take.seconds * rate_hz * 2) + 3)
    return take.rng.uniform(low, high, count).astype(np.float32)


def wobble(take: Take, rate_hz: float, low: float, high: float) -> Track:
    """A smooth random curve between ``low`` and ``high`` that turns about ``rate_hz`` a second."""
    return _upsampled(take, _smooth(take, _knots(take, rate_hz, low, high)))


def fading(take: Take, rate_hz: float, low_db: float, high_db: float) -> Track:
    """A random gain that wanders between two levels in dB."""
    level = _smooth(take, _knots(take, rate_hz, low_db, high_db))
    return _upsampled(take, np.float32(10.0) ** (level / np.float32(20.0)))


def glide(take: Take, *points: float) -> Track:
    """A curve through equally spaced ``points``, rounded at each."""
    return _upsampled(take, _smooth(take, np.asarray(points, np.float32)))


def glide_db(take: Take, *levels_db: float) -> Track:
    """A gain that moves through equally spaced levels in dB."""
    level = _smooth(take, np.asarray(levels_db, np.float32))
    return _upsampled(take, np.float32(10.0) ** (level / np.float32(20.0)))


def swell(take: Take, attack: float = 0.1, release: float = 0.3) -> Track:
    """An envelope that rises and falls by half cosines over shares of the take."""
    short = take.samples < 128 * _CONTROL
    step = 1 if short else _CONTROL
    position = np.arange(0, take.samples + step, step, dtype=np.float32) / take.samples
    rise = np.minimum(1.0, position / np.float32(max(attack, 1e-3)))
    fall = np.minimum(1.0, (1.0 - position) / np.float32(max(release, 1e-3)))
    level = np.clip(np.minimum(rise, fall), 0.0, 1.0)
    curve = np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(np.pi) * level)
    return curve[: take.samples] if short else _upsampled(take, np.append(curve, curve[-1]))


def decay(take: Take, time_s: float) -> Track:
    """Exponential decay to 1/e in ``time_s``, with a click-free start of one millisecond."""
    fall = np.exp(take.axis() * np.float32(-take.seconds / time_s))
    edge = min(take.samples, take.rate_hz // 1000)
    fall[:edge] *= np.arange(edge, dtype=np.float32) / edge
    return np.asarray(fall)


def phase(take: Take, frequency_hz: Track | float) -> Phase:
    """Cycles turned since a random start, in 2**-32 turns: integers wrap round by themselves."""
    start = take.rng.integers(0, 2**32, dtype=np.uint32)
    per_hertz = 2.0**32 / take.rate_hz
    if isinstance(frequency_hz, np.ndarray):
        # By way of 64 bits: above the rate a tone turns more than once a sample.
        steps = (frequency_hz * np.float32(per_hertz)).astype(np.int64).astype(np.uint32)
        return np.asarray(start + np.cumsum(steps, dtype=np.uint32))
    step = np.uint32(round(frequency_hz * per_hertz))
    return np.asarray(start + np.arange(take.samples, dtype=np.uint32) * step)


def _turns(take: Take, rate_hz: float) -> Track:
    """Position within each period, 0 to 1."""
    return phase(take, rate_hz).astype(np.float32) * np.float32(2.0**-32)


def tone(take: Take, frequency_hz: Track | float) -> Waveform:
    """A sine that follows ``frequency_hz``."""
    return np.asarray(_SINE[phase(take, frequency_hz) >> _SINE_SHIFT])


def pulses(take: Take, rate_hz: float, duty: float = 1.0) -> Track:
    """A train of raised-cosine pulses that fill ``duty`` of each period."""
    position = np.minimum(_turns(take, rate_hz) / np.float32(duty), np.float32(1.0))
    return np.asarray(np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(2 * np.pi) * position))


def sweep(take: Take, rate_hz: float, peak: float) -> Track:
    """Up and down between 0 and 1 by half cosines, highest at ``peak`` of each period."""
    position = _turns(take, rate_hz)
    rise = np.minimum(position / np.float32(peak), (1 - position) / np.float32(1 - peak))
    return np.asarray(np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(np.pi) * rise))


def blows(take: Take, rate_hz: float, sharpness: float) -> Track:
    """A train of sudden onsets that die away by ``exp(-sharpness)`` within each period."""
    return np.asarray(np.exp(_turns(take, rate_hz) * np.float32(-sharpness)))


def unit(waveform: Waveform) -> Waveform:
    """Scale to unit RMS; silence stays silent."""
    power = float(np.sqrt(np.mean(np.square(waveform), dtype=np.float64)))
    return np.asarray(waveform / np.float32(power), np.float32) if power > 0 else waveform


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
