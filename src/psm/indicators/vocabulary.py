"""Sounds with what each of them is: of animals, of the ground and the sky, or of people.

Biophony, geophony and anthropophony are those of Krause 1987 and Pijanowski et al. 2011,
"Soundscape ecology: the science of sound in the landscape", BioScience 61. The four kinds of
sources are those of the questionnaire of ISO/TS 12913-2:2018: traffic noise, other noise, sounds of
human beings, natural sounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Bool

from psm.data import delimited
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import Sound
from psm.errors import ConfigError, MissingData


class SoundClass(StrEnum):
    """What makes a sound, as soundscape ecology asks."""

    BIOPHONY = "biophony"
    GEOPHONY = "geophony"
    ANTHROPOPHONY = "anthropophony"


class SoundSource(StrEnum):
    """What makes a sound, as the questionnaire of ISO/TS 12913-2 asks."""

    TRAFFIC = "traffic"
    OTHER = "other"
    PEOPLE = "people"
    NATURE = "nature"


_BIOPHONY = (Sound.DAWN_CHORUS, Sound.SONGBIRDS, Sound.GULLS, Sound.OWLS, Sound.CRICKETS,
             Sound.CICADAS, Sound.FROGS, Sound.DOGS, Sound.ROOSTERS, Sound.CATTLE, Sound.SHEEP,
             Sound.WOLVES, Sound.WOODPECKERS, Sound.GEESE, Sound.HOWLER_MONKEYS)  # fmt: skip
_GEOPHONY = (Sound.WAVES, Sound.WIND, Sound.RAIN, Sound.THUNDER, Sound.STREAM, Sound.LAKE_ICE)
_TRAFFIC = (Sound.TRAFFIC, Sound.HORNS, Sound.TRAINS, Sound.AIRCRAFT)
_PEOPLE = (Sound.VOICES, Sound.CAMPFIRE, Sound.ROWING, Sound.SNOW_STEPS)

_Kind = TypeVar("_Kind", bound=StrEnum)


def class_of(sound: Sound) -> SoundClass:
    """What makes a sound of a simulated Earth. Animals of farms and dogs are animals.

    Args:
        sound: any.
    """
    if sound in _BIOPHONY:
        return SoundClass.BIOPHONY
    return SoundClass.GEOPHONY if sound in _GEOPHONY else SoundClass.ANTHROPOPHONY


def source_of(sound: Sound) -> SoundSource:
    """The same as ISO/TS 12913-2 asks; bells, sirens, building sites and fog horns are other noise.

    Args:
        sound: any.
    """
    if class_of(sound) is not SoundClass.ANTHROPOPHONY:
        return SoundSource.NATURE
    if sound in _TRAFFIC:
        return SoundSource.TRAFFIC
    return SoundSource.PEOPLE if sound in _PEOPLE else SoundSource.OTHER


@dataclass(frozen=True)
class NamedSound:
    """A sound that is asked for, and what it is.

    Attributes:
        text: of the query.
        kind: biophony, geophony or anthropophony.
        source: as a questionnaire asks.
    """

    text: str
    kind: SoundClass
    source: SoundSource


@dataclass(frozen=True)
class Vocabulary:
    """All sounds that are expected to be heard.

    Attributes:
        sounds: at least one.
        name: of it, for people.
    """

    sounds: tuple[NamedSound, ...]
    name: str

    def __len__(self) -> int:
        return len(self.sounds)

    @property
    def texts(self) -> list[str]:
        """The queries."""
        return [sound.text for sound in self.sounds]

    def of_kind(self, kind: SoundClass) -> Bool[np.ndarray, " sounds"]:
        """Which of the sounds are of a class.

        Args:
            kind: of them.
        """
        return np.array([sound.kind is kind for sound in self.sounds])

    def of_source(self, source: SoundSource) -> Bool[np.ndarray, " sounds"]:
        """Which of the sounds come from a source.

        Args:
            source: of them.
        """
        return np.array([sound.source is source for sound in self.sounds])


def vocabulary_of(queries: Iterable[tuple[Sound, str]]) -> Vocabulary:
    """The vocabulary of a simulated Earth.

    Args:
        queries: its sounds, each with the text that asks for it.
    """
    sounds = tuple(NamedSound(text, class_of(s), source_of(s)) for s, text in queries)
    return Vocabulary(sounds, f"the {len(sounds)} sounds of the simulated Earth")


OURS = vocabulary_of(QUERY_PHRASES.items())
"""The 28 sounds that any model is asked for, if nothing else is said."""


def read_vocabulary(path: Path) -> Vocabulary:
    """A vocabulary of one's own: a CSV with columns sound, class and, if wanted, source.

    Without a source, biophony and geophony are nature, and anthropophony is other noise.

    Args:
        path: of the table.

    Returns:
        Its sounds.

    Raises:
        MissingData: it cannot be read.
        ConfigError: it is no such table; the message names the line.
    """
    try:
        rows = list(delimited.rows_of(path))
    except (OSError, ValueError) as problem:
        raise MissingData(f"{path}: not readable as a vocabulary ({problem})") from None
    sounds = []
    for row in rows:
        where = f"{path}, line {row.line}"
        if row.problem:
            raise ConfigError(f"{where}: {row.problem}")
        lacking = [name for name in ("sound", "class") if not row.cells.get(name, "").strip()]
        if lacking:
            raise ConfigError(f"{where}: no {lacking[0]}; columns are sound, class and source")
        kind = _member(SoundClass, row.cells["class"], where)
        natural = kind is not SoundClass.ANTHROPOPHONY
        said = row.cells.get("source") or (SoundSource.NATURE if natural else SoundSource.OTHER)
        text = " ".join(row.cells["sound"].split())
        sounds.append(NamedSound(text, kind, _member(SoundSource, said, where)))
    _require(sounds, path)
    return Vocabulary(tuple(sounds), path.name)


def _member(kind: type[_Kind], said: str, where: str) -> _Kind:
    known: Sequence[str] = list(kind)
    plain = said.strip().lower()
    if plain not in known:
        raise ConfigError(f"{where}: {said!r} is none of {', '.join(known)}")
    return kind(plain)


def _require(sounds: Sequence[NamedSound], path: Path) -> None:
    if not sounds:
        raise ConfigError(f"{path}: no sounds in it; columns are sound, class and source")
    texts = [sound.text for sound in sounds]
    if twice := [text for text in texts if texts.count(text) > 1]:
        raise ConfigError(f"{path}: {twice[0]!r} stands there twice")
