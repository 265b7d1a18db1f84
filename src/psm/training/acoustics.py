"""What rooms, backgrounds and recorders do to log-mels: arrays in, arrays out.

Sound adds in power; a log-mel is in dB.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int
from scipy.ndimage import uniform_filter1d

from psm.data.audio import POWER_FLOOR, AudioConfig, log_mel
from psm.seeding import generator

Mel = Float32[np.ndarray, "rows windows frames bands"]
Rows = Float32[np.ndarray, " rows"]

PER_DB = np.float32(np.log(10.0) / 10.0)
"""Natural logarithm of the power that a dB stands for."""
NOISE_PATTERNS = 12

_LOUD_SHARE = 5


def power_of(level_db: np.ndarray) -> np.ndarray:
    """Power of a level in dB."""
    return np.exp(PER_DB * level_db)


def level_of(power: np.ndarray) -> np.ndarray:
    """Level in dB of a power, silence at the floor of a log-mel."""
    level_db: np.ndarray = np.log(np.maximum(power, np.float32(POWER_FLOOR))) / PER_DB
    return level_db


def echo(
    power: Mel, wet: Float32[np.ndarray, "rows 1 1"], keeps: Float32[np.ndarray, "rows 1 bands"]
) -> None:
    """Add echoes that decay exponentially in power, in place; nothing moves back in time.

    Args:
        power: of the recordings.
        wet: power of all echoes of a sound beside its own; 0 is no room.
        keeps: what a frame keeps of the echoes of the one before.
    """
    rows = np.flatnonzero(wet[:, 0, 0] > 0)
    dry, keeps = power[rows], keeps[rows]
    tail, feeds = np.zeros_like(dry[:, :, 0]), wet[rows] * (1.0 - keeps)
    for frame in range(dry.shape[2]):
        tail *= keeps
        tail += feeds * dry[:, :, frame]
        dry[:, :, frame] += tail
    power[rows] = dry


def loudness(power: Mel) -> Rows:
    """Mean power of the loudest fifth of frames: fair to short and to steady sounds alike."""
    frames = power.mean(axis=-1).reshape(len(power), -1)
    loud = frames.shape[1] // _LOUD_SHARE + 1
    top: Rows = np.partition(frames, -loud, axis=1)[:, -loud:].mean(axis=1)
    return top.clip(POWER_FLOOR)


def moved(mel: Mel, frames: Int[np.ndarray, "rows frames"]) -> Mel:
    """Each row's frames, chosen by number."""
    chosen: Mel = mel[np.arange(len(mel))[:, None], :, frames].swapaxes(1, 2)
    return chosen


def rolled(mel: Mel, shift: Int[np.ndarray, " rows"]) -> Mel:
    """Each row begun ``shift`` frames later, its beginning put behind its end."""
    return moved(mel, (np.arange(mel.shape[2]) + shift[:, None]) % mel.shape[2])


def pitched(mel: Mel, shift: Rows) -> Mel:
    """Each row's bands moved up by a shift that need not be whole; linear between bands."""
    if not shift.any():
        return mel
    bands = mel.shape[-1]
    whole = np.floor(shift).astype(np.int64)
    source = np.arange(bands) - whole[:, None]
    near, next_lower = (np.clip(source - below, 0, bands - 1) for below in (0, 1))
    part = shift - whole
    out = np.empty_like(mel)
    for row, share in enumerate(part):  # as a product of matrices it takes several times as long
        out[row] = mel[row].take(near[row], axis=-1)
        out[row] *= 1.0 - share
        out[row] += share * mel[row].take(next_lower[row], axis=-1)
    return out


def levelled(mel: Mel, share: Rows, window: int) -> None:
    """Take away ``share`` of the changes of level over ``window`` frames, in place."""
    rows = np.flatnonzero(share)
    if not rows.size:
        return
    level = mel[rows].max(axis=-1)
    level -= level.mean(axis=-1, keepdims=True)
    smooth = uniform_filter1d(level, max(1, window), axis=-1, mode="nearest")
    mel[rows] -= (share[rows, None, None] * smooth)[..., None]


def masked(mel: Mel, masks: Int[np.ndarray, "rows masks 4"]) -> None:
    """Blank stretches of time and runs of bands by the mean of the row, in place."""
    for row, mean in enumerate(mel.mean(axis=(1, 2, 3))):
        for frame, frames, band, bands in masks[row]:
            mel[row, :, frame : frame + frames] = mean
            mel[row, :, :, band : band + bands] = mean


def smooth_curves(
    knots: Float32[np.ndarray, "rows knots"], bands: int
) -> Float32[np.ndarray, "rows bands"]:
    """Curves that are linear between knots, evenly spaced along the bands."""
    place = np.linspace(0.0, knots.shape[1] - 1.0, bands)
    low = np.minimum(place.astype(np.int64), knots.shape[1] - 2)
    weight = (place - low).astype(np.float32)
    curves: Float32[np.ndarray, "rows bands"]
    curves = knots[:, low] * (1.0 - weight) + knots[:, low + 1] * weight
    return curves


@lru_cache(maxsize=2)
def noise_patterns(
    audio: AudioConfig, frames: int
) -> Float32[np.ndarray, "patterns 1 frames bands"]:
    """Power of steady noise, which flickers about a mean of one, more so in narrow bands."""
    samples = max(audio.n_fft, (frames - 1) * audio.hop)
    white = generator(0, "noise").standard_normal((NOISE_PATTERNS, samples), dtype=np.float32)
    power = power_of(log_mel(white, audio)[:, None, :frames])
    patterns: Float32[np.ndarray, "patterns 1 frames bands"] = power / power.mean(2, keepdims=True)
    patterns.setflags(write=False)
    return patterns
