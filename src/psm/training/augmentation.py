"""Augmentation of log-mels in training: the same recording heard elsewhere, by another recorder.

Most of it is domain randomisation (Tobin et al. 2017, "Domain randomization for transferring deep
neural networks from simulation to the real world"): a tower that learns from synthesised sound
meets rooms, distances, backgrounds, microphones and codecs of every kind, so that real recordings
are one kind more. What happens to a row is drawn first and depends on the generator alone; then the
batch is changed as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from psm.data.audio import POWER_FLOOR, AudioConfig, band_centres_hz
from psm.data.augmentation import AudioAugmentation
from psm.training import acoustics
from psm.training.acoustics import Mel

_SILENCE_DB = np.float32(10.0 * np.log10(POWER_FLOOR))
_LN_60_DB = np.log(1e6)

_KNOTS = 7
_AIR = ((300.0, 1000.0, 3000.0, 8000.0, 15000.0), (0.0, 1.5, 6.0, 16.0, 30.0))
"""Loss in dB by frequency of what is far away."""
_DECAY_OF_BANDS = ((300.0, 2000.0, 14000.0), (1.2, 1.0, 0.4))
"""Reverberation time of a band as a share of the room's: walls and air take the high ones."""
_OTHERS_DB = (9.0, 30.0)
_NOISE_DB = (5.0, 45.0)
"""How far below the recording a background is."""
_LEVEL_S = 0.5


@dataclass(frozen=True)
class Room:
    """Echoes: ``wet`` is their power beside the sound's own, ``keeps`` what a frame leaves."""

    wet: Float32[np.ndarray, "rows 1 1"]
    keeps: Float32[np.ndarray, "rows 1 bands"]


@dataclass(frozen=True)
class Background:
    """What is behind each row: how loud in each band, from which frame on, of which origin.

    ``origin`` is the row of the batch that is mixed in, or the pattern of noise; -1 is nothing.
    """

    origin: Int[np.ndarray, " rows"]
    level_db: Float32[np.ndarray, "rows bands"]
    shift: Int[np.ndarray, " rows"]

    def as_loud_as(
        self,
        scale: Float32[np.ndarray, " some"],
        rows: Int[np.ndarray, " some"],
        power: Float32[np.ndarray, "some windows frames bands"],
    ) -> Float32[np.ndarray, "some windows frames bands"]:
        """What is behind some ``rows``, ``power`` before, whose own loudness is ``scale``."""
        level = scale[:, None] * acoustics.power_of(self.level_db[rows])
        behind: Mel = acoustics.rolled(power, self.shift[rows]) * level[:, None, None]
        return behind


@dataclass(frozen=True)
class Variation:
    """What was drawn for each row of a batch. See :class:`AudioAugmentation` for what each is.

    Attributes:
        frames: of the recording, by which each frame is replaced: a shift and a tempo.
        pitch_bands: shift along the bands.
        before_db: of each band, at the place.
        room: echoes there.
        others: the row of the batch that is mixed in.
        noises: the noise that is mixed in.
        after_db: of each band, in the recorder.
        levelled: share of the changes of level that the recorder takes away.
        depth_db: below the loudest band that the recorder keeps.
        masks: for each, start and width in frames, start and width in bands.
        gain_db: of the whole.
    """

    frames: Int[np.ndarray, "rows frames"]
    pitch_bands: Float32[np.ndarray, " rows"]
    before_db: Float32[np.ndarray, "rows bands"]
    room: Room
    others: Background
    noises: Background
    after_db: Float32[np.ndarray, "rows bands"]
    levelled: Float32[np.ndarray, " rows"]
    depth_db: Float32[np.ndarray, " rows"]
    masks: Int[np.ndarray, "rows masks 4"]
    gain_db: Float32[np.ndarray, " rows"]

    def rows(self, index: slice) -> Variation:
        """What happens to the rows at ``index``, whose origins stay rows of the whole batch."""
        return Variation(*(_rows(getattr(self, field.name), index) for field in fields(self)))


class Augmenter:
    """Draws what happens to the rows of a batch, and does it.

    Args:
        settings: how much.
        audio: how the log-mels are framed.
    """

    def __init__(self, settings: AudioAugmentation, audio: AudioConfig) -> None:
        self.settings = settings
        self.audio = audio

    def draw(self, rng: np.random.Generator, rows: int, frames: int, bands: int) -> Variation:
        """What happens to each row of a batch of log-mels."""
        wish, audio = self.settings, replace(self.audio, n_mels=bands)
        centres_hz = band_centres_hz(audio)

        def spread(deviation: float, *shape: int) -> np.ndarray:
            return _single(rng.normal(0.0, 1.0, (rows, *shape)) * deviation)

        def between(low: float, high: float, *shape: int) -> np.ndarray:
            return _single(rng.uniform(low, high, (rows, *shape)))

        def curves(deviation_db: float) -> np.ndarray:
            """Smooth curves over the bands, some nearly flat and some not."""
            return acoustics.smooth_curves(
                spread(deviation_db, _KNOTS) * np.abs(spread(1.0, 1)), bands
            )

        def chosen(chance: float) -> np.ndarray:
            return rng.random(rows) < chance

        def limit(chance: float) -> np.ndarray:
            """Walls below and above what a recorder or a codec keeps, in dB."""
            low, high = between(-0.2, 0.1, 1) * bands, between(0.6, 1.05, 1) * bands
            band = np.arange(bands)
            loss = np.clip(4.0 * (low - band), 0, 30) + np.clip(20.0 * (band - high), 0, 70)
            return _single(loss * chosen(chance)[:, None])

        position = np.arange(frames) * np.exp(spread(wish.stretch, 1))
        position = np.where(position < frames, position, position - frames)
        far = between(0.0, 1.0, 1) ** 1.5 * chosen(wish.distance)[:, None]
        decay_s = np.exp(between(np.log(0.2), np.log(2.5), 1, 1))
        decay_s = decay_s * np.interp(centres_hz, *_DECAY_OF_BANDS)
        wet = 10.0 ** between(-1.5, 0.6, 1, 1) * chosen(wish.room)[:, None, None]
        colour = curves(8.0) - between(-3.0, 6.0, 1) * np.log2(centres_hz / 1000.0)
        return Variation(
            frames=(np.rint(position).astype(np.int64) + rng.integers(frames, size=(rows, 1)))
            % frames,
            pitch_bands=spread(wish.pitch_bands),
            before_db=_single(
                curves(wish.equaliser_db)
                + spread(wish.tilt_db, 1) * np.linspace(-1.0, 1.0, bands)
                - far * np.interp(centres_hz, *_AIR)
            ),
            room=Room(
                _single(wet),
                _single(np.exp(-_LN_60_DB * audio.hop / audio.sample_rate_hz / decay_s)),
            ),
            others=Background(
                np.where(chosen(wish.mixture), rng.permutation(rows), -1),
                _single(curves(6.0) - between(*_OTHERS_DB, 1)),
                rng.integers(frames, size=rows),
            ),
            noises=Background(
                np.where(chosen(wish.noise), rng.integers(acoustics.NOISE_PATTERNS, size=rows), -1),
                _single(colour - _mean_db(colour) - between(*_NOISE_DB, 1)),
                rng.integers(frames, size=rows),
            ),
            after_db=curves(0.5 * wish.equaliser_db) - limit(wish.band_limit),
            levelled=between(0.2, 0.8) * chosen(wish.levelling),
            depth_db=np.where(chosen(wish.gate), between(30.0, 80.0), np.float32(np.inf)),
            masks=rng.integers(
                (frames, frames // 8 + 1, bands, bands // 8 + 1), size=(rows, wish.masks, 4)
            ),
            gain_db=spread(wish.gain_db),
        )

    def apply(self, variation: Variation, mel: Mel, others: Mel) -> Mel:
        """The log-mels ``mel`` as varied; ``others`` are those mixed in, of equal shape.

        Of ``others`` only the rows count whose origin is not -1. Silence stays as it is.
        """
        moved = acoustics.moved(mel, variation.frames)
        heard = acoustics.pitched(moved, variation.pitch_bands) + variation.before_db[:, None, None]
        heard = self._surrounded(heard, variation, others)
        heard += variation.after_db[:, None, None]
        frames_per_s = self.audio.sample_rate_hz / self.audio.hop
        acoustics.levelled(heard, variation.levelled, round(_LEVEL_S * frames_per_s))
        loudest = heard.max(axis=(1, 2, 3), keepdims=True)
        np.maximum(heard, loudest - variation.depth_db[:, None, None, None], out=heard)
        acoustics.masked(heard, variation.masks)
        heard += variation.gain_db[:, None, None, None]
        is_silent = mel.max(axis=(1, 2, 3)) <= _SILENCE_DB + 1.0
        heard[is_silent] = mel[is_silent]
        return heard

    def _surrounded(self, heard: Mel, variation: Variation, others: Mel) -> Mel:
        """Echoes and backgrounds, which add in power, for the rows that have any."""
        room, behind, noise = variation.room, variation.others, variation.noises
        rows = np.flatnonzero((room.wet[:, 0, 0] > 0) | (behind.origin >= 0) | (noise.origin >= 0))
        if not rows.size:
            return heard
        power = acoustics.power_of(heard[rows])
        acoustics.echo(power, room.wet[rows], room.keeps[rows])
        loudness = acoustics.loudness(power)
        inside = np.flatnonzero(behind.origin[rows] >= 0)
        if inside.size:
            added = acoustics.power_of(others[rows[inside]])
            scale = loudness[inside] / acoustics.loudness(added)
            power[inside] += behind.as_loud_as(scale, rows[inside], added)
        inside = np.flatnonzero(noise.origin[rows] >= 0)
        if inside.size:
            frames, bands = heard.shape[-2:]
            patterns = acoustics.noise_patterns(replace(self.audio, n_mels=bands), frames)
            added = patterns[noise.origin[rows[inside]]]
            power[inside] += noise.as_loud_as(loudness[inside], rows[inside], added)
        heard[rows] = acoustics.level_of(power)
        return heard


def _mean_db(curves_db: Float32[np.ndarray, "rows bands"]) -> Float32[np.ndarray, "rows 1"]:
    """Mean over the bands, in power."""
    return acoustics.level_of(acoustics.power_of(curves_db).mean(axis=1, keepdims=True))


def _single(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32, copy=False)


def _rows(part: Any, index: slice) -> Any:
    if isinstance(part, np.ndarray):
        return part[index]
    return type(part)(*(_rows(getattr(part, field.name), index) for field in fields(part)))
