"""Timbre: shaped noise, harmonic sources, and voices by the source-filter model (Fant 1960)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float, Float32

from psm.earth.synthesis.primitives import (
    Take,
    Track,
    Waveform,
    amplitude,
    glide,
    phase,
    unit,
    wobble,
)

Curve: TypeAlias = Sequence[tuple[float, float]]
"""A spectral shape as (frequency in Hz, level in dB) points, joined on a logarithmic axis."""
Formants: TypeAlias = Sequence[tuple[float, float, float]]
"""Resonances as (centre in Hz, bandwidth in Hz, level in dB)."""

_TABLE, _TABLE_SHIFT = 2048, 32 - 11
_GAIN_STRIDE = 16  # neighbouring bins of a long spectrum share a gain: the ear cannot tell
_PHASORS = np.exp(2j * np.pi * np.arange(8192) / 8192).astype(np.complex64)


@lru_cache(maxsize=8)
def _log_frequency(bins: int, size: int, rate_hz: int) -> Float[np.ndarray, " groups"]:
    centres = np.arange(0, bins, _GAIN_STRIDE) + (_GAIN_STRIDE - 1) / 2
    return np.asarray(np.log(np.maximum(centres * rate_hz / size, 1.0)))


def spectral_gain(size: int, rate_hz: int, curve: Curve) -> Float32[np.ndarray, " bins"]:
    """Linear gain of each ``rfft`` bin of ``size`` samples under ``curve``."""
    bins = size // 2 + 1
    frequencies, levels = zip(*curve, strict=True)
    coarse = np.interp(_log_frequency(bins, size, rate_hz), np.log(frequencies), levels)
    gain = (10.0 ** (coarse / 20.0)).astype(np.float32)
    return np.repeat(gain, _GAIN_STRIDE)[:bins]


def noise_spectrum(take: Take, size: int, curve: Curve) -> Complex64[np.ndarray, " bins"]:
    """The spectrum of noise of unit power under ``curve``: random phases make it Gaussian."""
    gain = spectral_gain(size, take.rate_hz, curve)
    gain *= np.float32(size / 2**0.5 / np.sqrt(float(np.square(gain).sum(dtype=np.float64))))
    return np.asarray(_PHASORS[take.rng.integers(0, _PHASORS.size, gain.size, np.uint16)] * gain)


def noise(take: Take, curve: Curve) -> Waveform:
    """Gaussian noise of unit power with the given spectral shape."""
    size = scipy.fft.next_fast_len(take.samples, real=True)
    return np.asarray(scipy.fft.irfft(noise_spectrum(take, size, curve), size)[: take.samples])


def white(take: Take) -> Waveform:
    """White noise of unit power, evenly distributed: the cheapest kind."""
    return (take.rng.random(take.samples, np.float32) - np.float32(0.5)) * np.float32(12.0**0.5)


def band(centre_hz: float, octaves: float, skirt_db: float = 24.0) -> Curve:
    """A band ``octaves`` wide with skirts falling ``skirt_db`` per octave."""
    low, high = centre_hz * 2.0 ** (-octaves / 2), centre_hz * 2.0 ** (octaves / 2)
    return ((low / 4, -2 * skirt_db), (low, 0.0), (high, 0.0), (high * 4, -2 * skirt_db))


def harmonics(take: Take, frequency_hz: Track | float, slope: float, top: int = 60) -> Waveform:
    """A periodic source whose k-th harmonic has amplitude ``k**-slope``, below Nyquist."""
    highest = float(np.max(frequency_hz))
    count = int(np.clip(0.45 * take.rate_hz / highest, 1, top))
    order = np.arange(1, count + 1)
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex64)
    angles = take.rng.uniform(0.0, 2.0 * np.pi, count)
    spectrum[1 : count + 1] = order**-slope * np.exp(1j * angles)
    table = scipy.fft.irfft(spectrum, _TABLE)
    table = (table / table.std()).astype(np.float32)
    return np.asarray(table[phase(take, frequency_hz) >> _TABLE_SHIFT], np.float32)


def formant_gain(
    size: int, rate_hz: int, formants: Formants, floor_db: float
) -> Float32[np.ndarray, " bins"]:
    """Linear gain of parallel resonances over a floor, for each ``rfft`` bin of ``size``.

    The floor falls above 3 kHz, as throats do, or every call would ring up to Nyquist.
    """
    frequency = np.fft.rfftfreq(size, 1.0 / rate_hz).astype(np.float32)
    gain = np.float32(amplitude(floor_db)) / (1.0 + np.square(frequency / np.float32(3000.0)))
    for centre, width, level in formants:
        gain += amplitude(level) / np.sqrt(1.0 + np.square((frequency - centre) / (width / 2)))
    return np.asarray(gain, np.float32)


def shape(take: Take, source: Waveform, *tracts: Formants, floor_db: float = -30.0) -> Waveform:
    """Pass ``source`` through a vocal tract, or glide from one tract into the next."""
    size = scipy.fft.next_fast_len(source.size, real=True)
    spectrum = scipy.fft.rfft(source, size)
    out = np.zeros(source.size, np.float32)
    for index, formants in enumerate(tracts):
        gain = formant_gain(size, take.rate_hz, formants, floor_db)
        voice = unit(scipy.fft.irfft(spectrum * gain, size)[: source.size])
        weights = np.eye(len(tracts))[index]
        out += voice * glide(take, *weights) if len(tracts) > 1 else voice
    return out


def call(
    take: Take,
    pitch_hz: Track,
    *,
    slope: float,
    formants: Formants,
    breath: float = 0.05,
    jitter: float = 0.01,
    floor_db: float = -30.0,
) -> Waveform:
    """An animal's or person's voice: jittered harmonics plus breath, through a vocal tract."""
    shaken = pitch_hz * (1.0 + wobble(take, 30.0, -jitter, jitter))
    source = harmonics(take, shaken, slope)
    source += np.float32(breath) * white(take)
    return shape(take, source, formants, floor_db=floor_db)
