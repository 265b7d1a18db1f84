"""Microphone of a foreign world: a second colour over that of the archives' own recorders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage
from jaxtyping import Float32

from psm.earth.synthesis.primitives import Take, amplitude
from psm.earth.synthesis.timbre import Curve, noise, spectral_gain

_CONTROL_S = 0.25
"""How fast an automatic gain follows the level."""


@dataclass(frozen=True, kw_only=True)
class Microphone:
    """What is done to every recording, in this order.

    Attributes:
        response: levels in dB at frequencies in Hz, joined on a logarithmic axis.
        hum_hz: of the mains.
        hum_db, hiss_db: their levels relative to the recording.
        levelling: share of the differences in level that an automatic gain takes out, 0 to 1.
        ceiling: share of the peak at which the signal is cut off, 0 to 1.
    """

    response: Curve
    hum_hz: float
    hum_db: float
    hiss_db: float
    levelling: float
    ceiling: float

    def heard(
        self, waveform: Float32[np.ndarray, " samples"], rng: np.random.Generator, rate_hz: int
    ) -> Float32[np.ndarray, " samples"]:
        """A recording as this microphone takes it.

        Args:
            waveform: within [-1, 1].
            rng: of its noise.
            rate_hz: sample rate.

        Returns:
            As many samples, with the same peak.
        """
        take = Take(rng, waveform.size, rate_hz)
        peak = float(np.abs(waveform).max())
        size = scipy.fft.next_fast_len(waveform.size, real=True)
        coloured = scipy.fft.rfft(waveform, size) * spectral_gain(size, rate_hz, self.response)
        sound = scipy.fft.irfft(coloured, size)[: waveform.size]
        sound += _rms(sound) * self._noise(take)
        frames = round(_CONTROL_S * rate_hz)
        level = np.sqrt(scipy.ndimage.uniform_filter1d(np.square(sound), frames, mode="nearest"))
        quiet = np.maximum(level, 0.02 * level.max() + 1e-9)
        sound = sound * (quiet / quiet.max()) ** -self.levelling
        sound = np.clip(sound / (np.abs(sound).max() + 1e-9), -self.ceiling, self.ceiling)
        return np.asarray(peak / self.ceiling * sound, np.float32)

    def _noise(self, take: Take) -> Float32[np.ndarray, " samples"]:
        hiss = noise(take, ((60, -20.0), (500, -6.0), (3000, 0.0), (12000, 3.0)))
        turns = take.axis() * np.float32(2.0 * np.pi * self.hum_hz * take.seconds)
        start = take.between(0.0, 2.0 * np.pi)
        hum = sum(np.sin(k * (turns + start)) / k for k in (1, 2, 3, 5))
        return np.asarray(amplitude(self.hiss_db) * hiss + amplitude(self.hum_db) * hum, np.float32)


def _rms(waveform: Float32[np.ndarray, " samples"]) -> float:
    return float(np.sqrt(np.mean(np.square(waveform), dtype=np.float64)))


def draw_microphone(rng: np.random.Generator) -> tuple[Microphone, str]:
    """The microphone of a foreign world, and a sentence on it."""
    low_hz, high_hz = float(rng.uniform(90, 260)), float(rng.uniform(6000, 10500))
    peak_hz = float(np.exp(rng.uniform(np.log(600), np.log(3500))))
    peak_db = float(rng.choice([-1.0, 1.0]) * rng.uniform(5.0, 10.0))
    levels = {
        hertz: peak_db * float(np.exp(-0.5 * (np.log2(hertz / peak_hz) / 0.7) ** 2))
        - 9.0 * max(0.0, float(np.log2(low_hz / hertz)))
        - 40.0 * max(0.0, float(np.log2(hertz / high_hz)))
        for hertz in np.geomspace(40.0, 15900.0, 33).tolist()
    }
    microphone = Microphone(
        response=tuple(levels.items()),
        hum_hz=float(rng.choice([50.0, 60.0, 100.0])),
        hum_db=float(rng.uniform(-40.0, -22.0)),
        hiss_db=float(rng.uniform(-34.0, -20.0)),
        levelling=float(rng.uniform(0.2, 0.7)),
        ceiling=float(rng.uniform(0.55, 0.9)),
    )
    return microphone, (
        f"From {low_hz:.0f} Hz to {high_hz / 1000:.1f} kHz, {peak_db:+.0f} dB around "
        f"{peak_hz / 1000:.1f} kHz; hiss at {microphone.hiss_db:.0f} dB, hum of "
        f"{microphone.hum_hz:.0f} Hz; an automatic gain takes out {microphone.levelling:.0%} of "
        f"the differences, and the peaks are cut at {microphone.ceiling:.0%}."
    )
