"""The four audio sources: how many recordings each gives, when it records, what it listens for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.data.recording import AUDIO_SOURCES, AudioSource
from psm.earth.sounds import SOUNDS, Sound

Floats = NDArray[np.float64]

SHARES: dict[AudioSource, float] = {
    AudioSource.YFCC: 0.30,
    AudioSource.INAT: 0.35,
    AudioSource.APOREE: 0.20,
    AudioSource.FREESOUND: 0.15,
}
"""Share of each source in the recordings, about that of GeoSound."""

ROUND_THE_CLOCK: dict[AudioSource, float] = {
    AudioSource.YFCC: 0.45,
    AudioSource.INAT: 0.90,
    AudioSource.APOREE: 0.70,
    AudioSource.FREESOUND: 0.80,
}
"""Share of recordings whose hour is drawn evenly round the clock; the rest come by day."""

_ANIMALS = (
    Sound.DAWN_CHORUS, Sound.SONGBIRDS, Sound.GULLS, Sound.OWLS, Sound.CRICKETS, Sound.CICADAS,
    Sound.FROGS, Sound.WOLVES,
)  # fmt: skip
_FARM = (Sound.DOGS, Sound.ROOSTERS, Sound.CATTLE, Sound.SHEEP)
_WEATHER = (Sound.WAVES, Sound.WIND, Sound.RAIN, Sound.THUNDER, Sound.STREAM)
_MACHINES = (
    Sound.TRAFFIC, Sound.HORNS, Sound.SIRENS, Sound.TRAINS, Sound.AIRCRAFT, Sound.CONSTRUCTION,
)  # fmt: skip
_PEOPLE = (Sound.VOICES, Sound.CHURCH_BELLS, Sound.CAMPFIRE, Sound.ROWING, Sound.SNOW_STEPS)

_BIAS: dict[AudioSource, tuple[tuple[tuple[Sound, ...], float], ...]] = {
    AudioSource.INAT: (
        (_ANIMALS, 3.5), (_FARM, 0.8), (_WEATHER, 0.4), (_MACHINES, 0.2), (_PEOPLE, 0.2),
    ),
    AudioSource.YFCC: (
        (_ANIMALS, 0.4), (_FARM, 1.0), (_WEATHER, 0.7), (_MACHINES, 1.8), (_PEOPLE, 3.0),
    ),
    AudioSource.APOREE: (
        (_ANIMALS, 1.0), (_FARM, 1.5), (_WEATHER, 1.5), (_MACHINES, 0.8), (_PEOPLE, 1.0),
    ),
    AudioSource.FREESOUND: (
        (_ANIMALS, 0.5), (_FARM, 0.8), (_WEATHER, 2.5), (_MACHINES, 2.5), (_PEOPLE, 0.7),
    ),
}  # fmt: skip


def source_bias(source: AudioSource | str) -> Floats:
    """What a source listens for: multipliers ``(28,)`` on the odds."""
    bias = np.ones(len(SOUNDS))
    for sounds, factor in _BIAS[AudioSource(source)]:
        bias[[SOUNDS.index(sound) for sound in sounds]] = factor
    return bias


def source_biases() -> Floats:
    """:func:`source_bias` of every source, ``(4, 28)`` in the order of ``AUDIO_SOURCES``."""
    return np.stack([source_bias(source) for source in AUDIO_SOURCES])


def hour_weight(source: AudioSource | str, hour: ArrayLike) -> Floats:
    """Density of a source's recordings over the local hour, 1 = even; its mean over 24 h is 1."""
    share = ROUND_THE_CLOCK[AudioSource(source)]
    by_day = (np.asarray(hour, float) >= 6.0) & (np.asarray(hour, float) < 20.0)
    return np.asarray(share + (1.0 - share) * by_day * 24.0 / 14.0)
