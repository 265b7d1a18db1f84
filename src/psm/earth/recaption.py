"""An Earth whose captions are silent about some sounds: what a model knows that nobody named.

Places, tiles and sound stay as they are, byte by byte. In the training and validation splits the
captions are written anew without the held-out sounds, and the labels leave them out; the test split
keeps both. A model trained there has heard the sounds and never read a word for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from psm.data.members import RECORDING
from psm.data.recording import CaptionSource, Recording
from psm.data.shards import shards_in, tar_writer
from psm.data.splits import TEST
from psm.data.tars import read_samples
from psm.earth.builder import claim, near_town
from psm.earth.captionwriter import caption
from psm.earth.manifest import manifest_of
from psm.earth.sounds import SOUNDS, Sound
from psm.earth.wording import OUR_WORDING, Wording
from psm.earth.worlds import world_of
from psm.errors import ConfigError, MissingData
from psm.files import atomic_path, sweep
from psm.locking import alone_in
from psm.progress import track
from psm.seeding import generator

HELD_OUT: tuple[Sound, ...] = SOUNDS[1::7]
"""Every seventh sound from the second on: wind, owls, sheep, church bells.

From the first on it would be voices too, whose name is also in phrases for church bells.
"""

HELD_OUT_KEY = "without_captions_of"

_NEUTRAL: dict[CaptionSource, tuple[str, ...]] = {
    CaptionSource.META: ("Field recording", "Stereo recording", "Ambience", "Untitled recording"),
    CaptionSource.QWEN: (
        "The audio is a field recording.",
        "This is a recording made outdoors.",
        "The recording captures the surroundings.",
    ),
    CaptionSource.PENGI: ("a field recording", "ambient sound", "an outdoor recording"),
}
"""Captions of recordings in which there is nothing else to name."""


def recaption(earth: Path, out: Path, sounds: Sequence[Sound | str] = HELD_OUT) -> int:
    """Copy an Earth with captions that leave some sounds out; shards that are there are kept.

    Args:
        earth: folder of a built Earth.
        out: another folder.
        sounds: that no caption and no label of training and validation may name.

    Returns:
        How many recordings were given another caption or other labels.

    Raises:
        ConfigError: a sound that the simulated Earth does not know, none at all, or ``out`` is
            ``earth``.
        MissingData: ``earth`` holds no built Earth.
        SettingsChanged: ``out`` holds another Earth.
    """
    world = world_of(earth)
    try:
        silent = tuple(sorted({Sound(sound) for sound in sounds}, key=world.column))
    except ValueError as problem:
        raise ConfigError(f"{problem}; known sounds: {', '.join(world.sounds)}") from None
    if not silent or earth.resolve() == out.resolve():
        raise ConfigError("recaption: give at least one sound, and another folder than the Earth's")
    shards = shards_in(earth)
    manifest = manifest_of(earth)
    if manifest is None or not shards:
        raise MissingData(f"{earth}: no built Earth; build one with `psm earth build`")
    with alone_in(out, "recaptioning an Earth"):
        claim(out, {**manifest, HELD_OUT_KEY: list(silent)})
        sweep(out)
        missing = [shard for shard in shards if not (out / shard.name).exists()]
        return sum(
            _rewrite(shard, out / shard.name, silent, world.wording)
            for shard in track(missing, "writing captions", len(missing))
        )


def held_out_sounds(earth: Path) -> tuple[Sound, ...]:
    """The sounds that the captions of an Earth are silent about; none, unless it says so."""
    known, named = world_of(earth).sounds, (manifest_of(earth) or {}).get(HELD_OUT_KEY, ())
    return tuple(Sound(sound) for sound in named if sound in known)


def silenced(
    recording: Recording, sounds: Sequence[Sound], wording: Wording = OUR_WORDING
) -> Recording:
    """A recording whose caption and labels leave ``sounds`` out; itself where it holds none."""
    if recording.split == TEST or not set(recording.sounds) & set(sounds):
        return recording
    told = [Sound(sound) for sound in recording.sounds if sound not in sounds]
    rng = generator(0, "recaption", recording.key)
    town = near_town(recording.lat, recording.lon)
    source = recording.caption_source
    if told:
        words = caption(told, source, rng, town, recording.month, recording.hour, wording)
    else:
        words = _neutral(source, rng, town)
    return replace(recording, caption=words, sounds=tuple(sound.value for sound in told))


def _neutral(source: CaptionSource, rng: np.random.Generator, town: str | None) -> str:
    words = _NEUTRAL[source][int(rng.integers(len(_NEUTRAL[source])))]
    is_placed = source is CaptionSource.META and town is not None and rng.random() < 0.65
    return f"{words} near {town}" if is_placed else words


def _rewrite(shard: Path, out: Path, sounds: Sequence[Sound], wording: Wording) -> int:
    changed = 0
    with atomic_path(out) as aside, aside.open("wb") as stream:
        writer = tar_writer(stream)
        for sample in read_samples(shard):
            old = Recording.from_json(json.loads(sample[RECORDING]))
            new = silenced(old, sounds, wording)
            changed += new is not old
            about = json.dumps(new.to_json(), sort_keys=True).encode()
            members = {k: v for k, v in sample.items() if not k.startswith("__")}
            writer.write({"__key__": old.key, **members, RECORDING: about})
        writer.close()
    return changed
