"""Mixes sounds into a field recording: a scene at its distances, taken by somebody's recorder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from jaxtyping import Float32

from psm.data.recording import AudioSource
from psm.earth.synthesis.primitives import Take, Waveform, amplitude
from psm.earth.synthesis.timbre import noise_spectrum, spectral_gain

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """How one archive's recordings are coloured; every pair is a range to draw from."""

    background_db: Range
    hiss_db: Range
    low_cut_hz: Range
    high_cut_hz: Range
    tilt_db_per_octave: Range
    peak: Range
    overload: float
    """Chance that the level was set too high and the peaks are squashed."""


RECORDERS: dict[AudioSource, Recorder] = {
    # Home video: a small microphone, automatic gain, handling and a noisy street behind.
    AudioSource.YFCC: Recorder(
        background_db=(-34, -12),
        hiss_db=(-55, -30),
        low_cut_hz=(60, 300),
        high_cut_hz=(6000, 15000),
        tilt_db_per_octave=(-1.0, 1.8),
        peak=(0.3, 1.0),
        overload=0.25,
    ),
    # Naturalists: a telephone or a shotgun microphone aimed at one animal, often far away.
    AudioSource.INAT: Recorder(
        background_db=(-38, -14),
        hiss_db=(-50, -22),
        low_cut_hz=(50, 500),
        high_cut_hz=(9000, 16000),
        tilt_db_per_octave=(-0.8, 1.5),
        peak=(0.1, 0.9),
        overload=0.05,
    ),
    # Field recordists: wide band and quiet, with the place around the sound.
    AudioSource.APOREE: Recorder(
        background_db=(-36, -14),
        hiss_db=(-75, -45),
        low_cut_hz=(20, 90),
        high_cut_hz=(14000, 16000),
        tilt_db_per_octave=(-1.2, 0.8),
        peak=(0.15, 0.9),
        overload=0.02,
    ),
    # Sound designers: close, clean, normalised.
    AudioSource.FREESOUND: Recorder(
        background_db=(-60, -20),
        hiss_db=(-85, -45),
        low_cut_hz=(20, 120),
        high_cut_hz=(10000, 16000),
        tilt_db_per_octave=(-1.0, 1.2),
        peak=(0.6, 0.99),
        overload=0.05,
    ),
}


def loudness(waveform: Waveform, rate_hz: int) -> float:
    """RMS of the loudest fifth of 50 ms frames: fair to short and to steady sounds alike."""
    frame = max(1, min(waveform.size, rate_hz // 20))
    whole = waveform[: waveform.size // frame * frame].reshape(-1, frame)
    power = np.sort(np.square(whole).mean(axis=1))
    return float(np.sqrt(power[-max(1, power.size // 5) :].mean())) + 1e-9


def blend(
    waveforms: Sequence[Waveform], take: Take, source: AudioSource | None
) -> Float32[np.ndarray, " samples"]:
    """Place sounds (loudest first) in one scene and record it, all in the frequency domain."""
    chosen = source or AudioSource(str(take.rng.choice([s.value for s in AudioSource])))
    recorder = RECORDERS[chosen]
    size = scipy.fft.next_fast_len(take.samples, real=True)
    scene = np.zeros(size // 2 + 1, np.complex64)
    room = _room(take, size)
    level_db = 0.0
    for waveform in waveforms:
        spectrum = scipy.fft.rfft(waveform, size)
        far = take.between(0.0, 1.0) ** 2  # most are near
        air = spectral_gain(
            size,
            take.rate_hz,
            ((500, 0.0), (3000, -5.0 * far), (8000, -16.0 * far), (15000, -30.0 * far)),
        )
        wet = amplitude(take.between(-30, -14) + 16.0 * far)
        gain = amplitude(level_db) / loudness(waveform, take.rate_hz)
        scene += np.float32(gain) * spectrum * air * (1.0 + np.float32(wet) * room)
        level_db -= take.between(1.0, 9.0)
    scene += np.float32(amplitude(take.between(*recorder.background_db))) * _background(take, size)
    scene *= _colour(take, recorder, size)
    hiss = noise_spectrum(take, size, ((100, take.between(-12, 0)), (4000, 0.0), (14000, 2.0)))
    scene += np.float32(amplitude(take.between(*recorder.hiss_db))) * hiss
    return _record(take, recorder, scipy.fft.irfft(scene, size)[: take.samples])


def _room(take: Take, size: int) -> Float32[np.ndarray, " bins"]:
    """The spectrum of a decaying noise tail of unit energy: a street, a wood, a hall."""
    tail = take.cut(min(take.seconds, take.log_between(0.1, 1.5)))
    time = np.arange(tail.samples, dtype=np.float32) / tail.samples
    decaying = take.rng.standard_normal(tail.samples, dtype=np.float32) * np.exp(-6.0 * time)
    decaying /= np.sqrt(np.square(decaying).sum())
    return np.asarray(scipy.fft.rfft(decaying, size))


def _background(take: Take, size: int) -> Float32[np.ndarray, " bins"]:
    """The far, shapeless noise of any place: mostly low."""
    curve = (
        (40, 0.0),
        (150, take.between(-6, 0)),
        (600, take.between(-18, -6)),
        (2500, take.between(-34, -14)),
        (9000, take.between(-50, -20)),
        (15000, -50.0),
    )
    return noise_spectrum(take, size, curve)


def _colour(take: Take, recorder: Recorder, size: int) -> Float32[np.ndarray, " bins"]:
    """Microphone and codec: low cut, tilt about 1 kHz, one broad peak, high cut."""
    low = take.log_between(*recorder.low_cut_hz)
    tilt = take.between(*recorder.tilt_db_per_octave)
    points = {
        f: tilt * float(np.log2(f / 1000.0))
        for f in (30, 62, 125, 250, 500, 1000, 2000, 4000, 8000, 15900)
    }
    bump = list(points)[take.count(2, 8)]
    points[bump] += take.between(-4.0, 4.0)
    for frequency in points:
        points[frequency] -= 12.0 * max(0.0, float(np.log2(low / frequency)))
    gain = spectral_gain(size, take.rate_hz, tuple(points.items()))
    if take.chance(0.5):  # a codec's wall
        wall = round(take.between(*recorder.high_cut_hz) * size / take.rate_hz)
        gain[wall:] *= np.float32(amplitude(-60))
    return gain


def _record(take: Take, recorder: Recorder, waveform: Waveform) -> Waveform:
    """Set the level; sometimes too high, sometimes with a fade, never beyond full scale."""
    peak = take.between(*recorder.peak)
    scaled = waveform / (np.abs(waveform).max() + 1e-9)
    if take.chance(recorder.overload):
        drive = take.between(1.5, 5.0)
        scaled = np.tanh(drive * scaled) / np.tanh(drive)
    if take.chance(0.1):
        edge = take.cut(take.between(0.2, 2.0)).samples
        edge = min(edge, waveform.size)
        fade = np.linspace(0.0, 1.0, edge, dtype=np.float32)
        if take.chance(0.5):
            scaled[:edge] *= fade
        else:
            scaled[-edge:] *= fade[::-1]
    return np.asarray(peak * scaled, np.float32)
