"""Listening to the simulated Earth: what a place sounds like at a month and an hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32

from psm.data.recording import AudioSource
from psm.earth.sounds import Sound
from psm.earth.soundscape import odds, probability, sample_sounds
from psm.earth.synthesis import mix
from psm.earth.worlds import OUR_EARTH, World
from psm.errors import ConfigError
from psm.files import atomic_path
from psm.seeding import generator

SAMPLE_RATE_HZ = 32_000
_SCENE_S = 5.0
_FADE_S = 0.5


@dataclass(frozen=True)
class Listening:
    """A rendered soundscape and what it was drawn from.

    Attributes:
        waveform: mono samples in [-1, 1] at ``SAMPLE_RATE_HZ``.
        probability: chance of hearing each sound in one clip, likeliest first.
        heard: the sounds of each five-second scene that was drawn.
    """

    waveform: Float32[np.ndarray, " samples"]
    probability: dict[Sound, float]
    heard: list[list[Sound]]

    def write(self, path: Path) -> None:
        """Write the waveform as 16-bit WAV."""
        with atomic_path(path) as aside:
            soundfile.write(aside, self.waveform, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")


def listen(
    *,
    lat: float,
    lon: float,
    month: int,
    hour: float,
    duration_s: float = 20.0,
    seed: int = 0,
    world: World = OUR_EARTH,
) -> Listening:
    """Render a place: scenes of five seconds drawn from its true distribution, cross-faded.

    Args:
        lat, lon: degrees.
        month: 1..12.
        hour: local mean solar time in [0, 24).
        duration_s: length, 1 to 600 seconds.
        seed: another seed gives another stay at the same place.
        world: where the place is; its microphones are left at home.

    Raises:
        InvalidContext: place or time out of range.
        ConfigError: duration out of range.
    """
    if not 1.0 <= duration_s <= 600.0:
        raise ConfigError(f"duration {duration_s:g} s: give 1 to 600 seconds")
    here = odds(lat=lat, lon=lon, month=month, hour=hour, world=world)[0]
    chance = probability(here[None])[0]
    rng = generator(seed, "listen")
    fade, scene = round(_FADE_S * SAMPLE_RATE_HZ), round(_SCENE_S * SAMPLE_RATE_HZ)
    size = round(duration_s * SAMPLE_RATE_HZ)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    waveform = np.zeros(size + scene + fade, np.float32)
    heard = []
    for start in range(0, size, scene):
        drawn = np.flatnonzero(sample_sounds(here, rng))
        sounds = [world.sounds[k] for k in rng.permutation(drawn)]
        clip = mix(sounds, rng, _SCENE_S + _FADE_S, SAMPLE_RATE_HZ, AudioSource.APOREE)
        # Every scene at the same loudness: a listener hears the place, not the recorder's gain.
        clip = 0.1 * clip / max(float(np.sqrt(np.mean(clip**2))), 1e-6)
        clip[-fade:] *= ramp[::-1]
        if start:
            clip[:fade] *= ramp
        waveform[start : start + len(clip)] += clip
        heard.append(sounds)
    order = np.argsort(-chance)
    return Listening(
        np.clip(waveform[:size], -1.0, 1.0),
        {world.sounds[k]: float(chance[k]) for k in order},
        heard,
    )
