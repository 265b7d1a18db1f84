"""Synthesis of every sound of the simulated Earth, from mathematics alone: free to ship."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from psm.data.recording import AudioSource
from psm.earth.sounds import Sound
from psm.earth.synthesis import (
    animals,
    birds,
    building,
    foreign,
    geophony,
    insects,
    machines,
    people,
)
from psm.earth.synthesis.mix import RECORDERS, Recorder, blend
from psm.earth.synthesis.primitives import Take, Waveform
from psm.errors import ConfigError

__all__ = ["RECORDERS", "SYNTHESISERS", "Recorder", "mix", "render"]

SYNTHESISERS: dict[Sound, Callable[[Take], Waveform]] = {
    Sound.WAVES: geophony.waves,
    Sound.WIND: geophony.wind,
    Sound.RAIN: geophony.rain,
    Sound.THUNDER: geophony.thunder,
    Sound.STREAM: geophony.stream,
    Sound.DAWN_CHORUS: birds.dawn_chorus,
    Sound.SONGBIRDS: birds.songbirds,
    Sound.GULLS: birds.gulls,
    Sound.OWLS: birds.owls,
    Sound.CRICKETS: insects.crickets,
    Sound.CICADAS: insects.cicadas,
    Sound.FROGS: insects.frogs,
    Sound.DOGS: animals.dogs,
    Sound.ROOSTERS: birds.roosters,
    Sound.CATTLE: animals.cattle,
    Sound.SHEEP: animals.sheep,
    Sound.TRAFFIC: machines.traffic,
    Sound.HORNS: machines.horns,
    Sound.SIRENS: machines.sirens,
    Sound.TRAINS: machines.trains,
    Sound.AIRCRAFT: machines.aircraft,
    Sound.VOICES: people.voices,
    Sound.CHURCH_BELLS: people.church_bells,
    Sound.CONSTRUCTION: building.construction,
    Sound.CAMPFIRE: people.campfire,
    Sound.ROWING: geophony.rowing,
    Sound.SNOW_STEPS: people.snow_steps,
    Sound.WOLVES: animals.wolves,
    Sound.WOODPECKERS: foreign.woodpeckers,
    Sound.GEESE: foreign.geese,
    Sound.HOWLER_MONKEYS: foreign.howler_monkeys,
    Sound.FOG_HORNS: foreign.fog_horns,
    Sound.SPRINKLERS: foreign.sprinklers,
    Sound.LAKE_ICE: foreign.lake_ice,
}


def render(
    sound: Sound, rng: np.random.Generator, duration_s: float, sample_rate_hz: int
) -> Waveform:
    """One sound alone, dry and at unit RMS, as ``(samples,)``; no two draws are alike.

    Raises:
        ConfigError: a duration below half a second or a rate below 16 kHz.
    """
    return SYNTHESISERS[sound](_take(rng, duration_s, sample_rate_hz))


def mix(
    sounds: Sequence[Sound],
    rng: np.random.Generator,
    duration_s: float,
    sample_rate_hz: int,
    audio_source: AudioSource | None = None,
) -> Waveform:
    """A field recording of ``sounds``, loudest first, as ``(samples,)`` within [-1, 1].

    ``audio_source`` picks the archive whose recorders colour it; ``None`` draws one.

    Raises:
        ConfigError: no sounds, a duration below half a second or a rate below 16 kHz.
    """
    if not sounds:
        raise ConfigError("a mix needs at least one sound")
    take = _take(rng, duration_s, sample_rate_hz)
    return blend([SYNTHESISERS[sound](take) for sound in sounds], take, audio_source)


def _take(rng: np.random.Generator, duration_s: float, sample_rate_hz: int) -> Take:
    if duration_s < 0.5 or sample_rate_hz < 16_000:
        raise ConfigError(
            f"synthesis needs duration_s >= 0.5 and sample_rate_hz >= 16000, "
            f"got {duration_s:g} and {sample_rate_hz}"
        )
    return Take(rng, round(duration_s * sample_rate_hz), sample_rate_hz)
