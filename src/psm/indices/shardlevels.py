"""Levels from the log-mels of a shard: what is left of a recording whose sound is not kept.

The bands of a log-mel add up to the power of the spectrum between its first and last frequency, so
that levels can be read off it. Acoustic indices cannot: they are of spectrograms with even bins.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Float64

from psm.data.audio import POWER_FLOOR, AudioConfig, band_centres_hz, band_heights
from psm.data.framing import Framing
from psm.indices.levels import a_weighting, levels_of
from psm.indices.settings import LEVELS, IndexSettings

NO_SOUND = "no indices: a shard keeps log-mels and no sound"


def log_mel_levels(
    mel: Float[np.ndarray, "windows frames bands"], framing: Framing, settings: IndexSettings
) -> dict[str, float]:
    """Levels in dB of full scale, of what lies between the lowest and the highest mel band.

    Args:
        mel: log-mels as :func:`psm.data.audio.log_mel` makes them.
        framing: how they were made. Of CLAP's four channels the shrunk whole is left out.
        settings: length of a block.

    Returns:
        As :func:`psm.indices.levels.sound_levels`; NaN where nothing is above the floor.
    """
    audio = framing.audio
    kept = np.ones(len(mel), bool)
    if framing.fused:
        kept[0 if framing.shrunk_first else 3 :: 4] = False
    power = 10.0 ** (mel[kept].astype(np.float64) / 10.0)
    power[power <= POWER_FLOOR * 1.01] = 0.0  # float16 rounds the floor itself
    power *= _per_mean_square(audio) / band_heights(audio)
    gain = np.square(a_weighting(band_centres_hz(audio)))
    whole, weighted = power.sum(axis=-1), power @ gain
    if not whole.any():
        return dict.fromkeys(LEVELS, math.nan)
    blocks = _blocks(weighted, audio, settings)
    return levels_of(float(whole.mean()), float(weighted.mean()), blocks)


def _per_mean_square(audio: AudioConfig) -> float:
    """Mean square of a signal for a unit of the power of its frames: one-sided, periodic Hann."""
    return 2.0 / (audio.n_fft * (3.0 / 8.0 * audio.n_fft))


def _blocks(
    power: Float64[np.ndarray, "windows frames"], audio: AudioConfig, settings: IndexSettings
) -> Float64[np.ndarray, " blocks"]:
    size = max(1, round(settings.block_s * audio.sample_rate_hz / audio.hop))
    size = min(size, power.shape[1])
    whole = power[:, : power.shape[1] // size * size]
    return np.asarray(whole.reshape(-1, size).mean(axis=1))
