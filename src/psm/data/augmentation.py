"""Settings of the augmentation of log-mels; :mod:`psm.training.augmentation` does it."""

from __future__ import annotations

from dataclasses import dataclass

from psm.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioAugmentation:
    """How much log-mels vary in training; 0 leaves a step out. The defaults move and mask alone.

    Attributes:
        gain_db: standard deviation of the level.
        tilt_db: standard deviation of a slope from the lowest band to the highest.
        masks: how many stretches of time, and how many runs of bands, are blanked (SpecAugment,
            Park et al. 2019).
        equaliser_db: standard deviation of smooth curves over the bands.
        pitch_bands: standard deviation of a shift along the bands.
        stretch: standard deviation of the logarithm of the tempo.
        distance: chance of distance: the air and what stands in the way take the high bands.
        room: chance of a room, whose echoes decay in power.
        mixture: chance of another recording of the batch, behind this one.
        noise: chance of a steady noise of any colour, behind it too.
        band_limit: chance of a recorder or a codec that cuts the lowest and the highest bands.
        gate: chance of a floor under which nothing is kept, as of codecs and noise reduction.
        levelling: chance of an automatic gain.

    Raises:
        ConfigError: a negative number, or a chance above one.
    """

    gain_db: float = 6.0
    tilt_db: float = 4.0
    masks: int = 1
    equaliser_db: float = 0.0
    pitch_bands: float = 0.0
    stretch: float = 0.0
    distance: float = 0.0
    room: float = 0.0
    mixture: float = 0.0
    noise: float = 0.0
    band_limit: float = 0.0
    gate: float = 0.0
    levelling: float = 0.0

    def __post_init__(self) -> None:
        chances = ("distance", "room", "mixture", "noise", "band_limit", "gate", "levelling")
        sizes = ("gain_db", "tilt_db", "masks", "equaliser_db", "pitch_bands", "stretch")
        for name in (*chances, *sizes):
            value = getattr(self, name)
            if value < 0 or (name in chances and value > 1):
                limits = "in [0, 1]" if name in chances else "at least 0"
                raise ConfigError(f"audio_augmentation.{name} must be {limits}, got {value:g}")
