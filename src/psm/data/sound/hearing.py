"""What can be heard of a recording: values that are sound, channels that do not cancel, a band.

A model hears one channel, between two frequencies. A recording may be loud and yet hold nothing for
it: calls of bats, two channels in opposite phase that cancel when they are mixed, an offset.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64

from psm.errors import UnusableSound

SILENT_DB = -66.0
"""Root mean square below which a recording counts as silent: no more than a few steps of 16 bits
are left of a sound there, and hiss is all that a louder volume brings out."""

NOTHING_DB = -90.0
"""Root mean square of less than a step of 16 bits: there is nothing."""

_FLOOR_DB = -120.0
_FAR_BEYOND = 32.0  # 30 dB above full scale: no recorder does that, a wrong format does
_LOUDER_DB = 20.0  # above the band: sound that the recording is about
_CANCELLED = 0.1
"""Power of the mix beside that of channels that have nothing to do with each other: of two as loud,
those whose correlation is below -0.9."""

_FRAME_S = 0.1  # long enough to tell the lowest band from an offset
_BLOCK_FRAMES = 16


def require_sound(samples: Float32[np.ndarray, "samples channels"]) -> None:
    """Refuse values that are no sound.

    Raises:
        UnusableSound: some are NaN or infinite, or so large that they are in other units.
    """
    low, high = float(samples.min(initial=0.0)), float(samples.max(initial=0.0))
    if not math.isfinite(low + high):  # either is NaN where any sample is
        raise UnusableSound("NaN or infinite samples", fix="export the recording again")
    peak = max(high, -low)
    if peak > _FAR_BEYOND:
        raise UnusableSound(
            "samples far beyond full scale", detail=f"{peak:.3g} times",
            fix="full scale is 1: divide them",
        )  # fmt: skip


def mixed_down(samples: Float32[np.ndarray, "samples channels"]) -> Float32[np.ndarray, " samples"]:
    """Mono: the mean of all channels, ten times as fast as ``mean(axis=1)``."""
    mono: Float32[np.ndarray, " samples"] = samples[:, 0].copy()
    for channel in range(1, samples.shape[1]):
        mono += samples[:, channel]
    mono /= samples.shape[1]
    return mono


@dataclass(frozen=True)
class Hearing:
    """Levels of a recording as a model hears it, mixed down.

    Attributes:
        band_hz: lowest and highest frequency that is heard.
        heard_db: root mean square between them, of full scale; -120 for nothing at all. At least
            that, of what is not silent.
        above_db: of what is higher.
        whole_db: of the channels as they were recorded.
        cancel: whether the channels are in opposite phase, and cancel in the mix.
    """

    band_hz: tuple[float, float]
    heard_db: float
    above_db: float
    whole_db: float
    cancel: bool

    @property
    def is_silent(self) -> bool:
        """Whether hardly anything is heard."""
        return self.cancel or self.heard_db < SILENT_DB

    @property
    def is_lost(self) -> bool:
        """Whether there is sound, and nothing of it is heard."""
        is_above = self.above_db > self.heard_db + _LOUDER_DB and self.above_db > SILENT_DB
        is_outside = self.heard_db < NOTHING_DB and self.whole_db >= SILENT_DB
        return self.heard_db < SILENT_DB and (is_above or is_outside)

    def require(self) -> None:
        """Refuse a recording of whose sound nothing is heard. Silence is a recording.

        Raises:
            UnusableSound: it is such a one.
        """
        low, high = self.band_hz
        band = f"{low:g} Hz and {high / 1000:g} kHz"
        if self.cancel:
            raise UnusableSound(
                "the channels cancel each other: they are in opposite phase",
                fix="turn the phase of one, or keep one of them",
            )
        if self.is_lost:
            raise UnusableSound(
                f"nothing to hear between {band}", detail=f"{self.heard_db:.0f} dB there",
                fix="a model hears no more than that",
            )  # fmt: skip


def hearing(
    samples: Float32[np.ndarray, "samples channels"], rate_hz: int, band_hz: tuple[float, float]
) -> Hearing:
    """Measure a recording as it was made, before it is mixed down or resampled.

    Args:
        samples: at least one.
        rate_hz: of them.
        band_hz: lowest and highest frequency that is heard.
    """
    band = _Band(rate_hz, band_hz)
    _, heard, above = band.powers(mixed_down(samples), enough=10 ** (SILENT_DB / 10))
    return Hearing(
        band_hz=band_hz,
        heard_db=_db(heard),
        above_db=_db(above),
        whole_db=_db(max(_power(channel) for channel in samples.T)),
        cancel=_may_cancel(samples) and _do_cancel(samples, band),
    )


def warning_of(
    found: Hearing,
    samples: Float32[np.ndarray, "samples channels"],
    rate_hz: int,
    window_s: float | None,
) -> str | None:
    """What has to be said to somebody who asks for a recording in which hardly anything is heard.

    Args:
        found: what was measured of it.
        samples, rate_hz: of it.
        window_s: length of its middle, if that is all that a model hears.
    """
    if found.is_silent:
        if found.heard_db < NOTHING_DB:
            return "silence: there is nothing to hear in it"
        return f"hardly a sound in it ({found.heard_db:.0f} dB of full scale)"
    size = len(samples) if window_s is None else round(window_s * rate_hz)
    first = (len(samples) - size) // 2
    if first > 0 and hearing(samples[first : first + size], rate_hz, found.band_hz).is_silent:
        return f"hardly a sound in its middle {window_s:g} s, which is all that the model hears"
    return None


@dataclass(frozen=True)
class _Band:
    rate_hz: int
    band_hz: tuple[float, float]

    def powers(
        self, samples: Float32[np.ndarray, " samples"], enough: float = math.inf
    ) -> tuple[float, float, float]:
        """Mean square below, inside and above the band; no more is added up than is enough."""
        import scipy.fft  # as in psm.data.audio

        size = min(2 ** math.ceil(math.log2(_FRAME_S * self.rate_hz)), samples.size)
        hop = max(1, size // 2)
        window = np.hanning(size + 2)[1:-1].astype(np.float32)
        hertz = scipy.fft.rfftfreq(size, 1 / self.rate_hz)
        edges = [0, *np.searchsorted(hertz, self.band_hz), len(hertz)]
        frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
        # Each counts for as many samples as one moves on, all together for the whole.
        scale = 2 / size / float(np.square(window).mean()) / len(frames)
        found = np.zeros(3)
        for first in range(0, len(frames), _BLOCK_FRAMES):
            spectrum = scipy.fft.rfft(frames[first : first + _BLOCK_FRAMES] * window)
            parts = spectrum.view(np.float32).reshape(*spectrum.shape, 2)
            power = np.einsum("fbp,fbp->b", parts, parts).astype(np.float64)
            found += [scale / size * power[low:high].sum() for low, high in pairwise(edges)]
            if found[1] > enough:
                break
        return float(found[0]), float(found[1]), float(found[2])


def _may_cancel(samples: Float32[np.ndarray, "samples channels"]) -> bool:
    """Whether so little is left in the mean, of all sound or of its highs, that one has to look."""
    count = samples.shape[1]
    if count == 1:
        return False
    apart = sum(_swings(channel) for channel in samples.T) / count**2
    left = _swings(mixed_down(samples))
    return bool((left < 0.5 * apart).any())


def _swings(samples: Float32[np.ndarray, " samples"]) -> Float64[np.ndarray, " 2"]:
    """Power around the mean, and of the steps from one sample to the next."""
    around = samples - samples.mean()
    steps = np.diff(around)
    return np.array([np.vdot(around, around), np.vdot(steps, steps)], np.float64)


def _do_cancel(samples: Float32[np.ndarray, "samples channels"], band: _Band) -> bool:
    each = [band.powers(np.ascontiguousarray(channel))[1] for channel in samples.T]
    _, heard, _ = band.powers(mixed_down(samples))
    return _db(max(each)) >= SILENT_DB and heard < _CANCELLED * sum(each) / len(each) ** 2


def _power(samples: Float32[np.ndarray, " samples"]) -> float:
    each = np.ascontiguousarray(samples)
    return float(np.vdot(each, each)) / samples.size


def _db(power: float) -> float:
    return max(_FLOOR_DB, 10.0 * math.log10(max(power, 1e-18)))
