"""Vocabulary of sounds: suggested in the search, and held against places and recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from psm.earth.phrases import PHRASES, QUERY_PHRASES
from psm.errors import ConfigError, MissingData

_MOST_SOUNDS = 2000


@dataclass(frozen=True)
class Vocabulary:
    """Sounds in words.

    Attributes:
        sounds: one phrase a sound.
        phrases: what is suggested: these, and other ways to say them.
    """

    sounds: tuple[str, ...]
    phrases: tuple[str, ...]

    @classmethod
    def of_earth(cls) -> Vocabulary:
        """The 28 sounds of the simulated Earth."""
        sounds = tuple(QUERY_PHRASES.values())
        others = (name for phrases in PHRASES.values() for name in phrases.names)
        return cls(sounds, tuple(dict.fromkeys((*sounds, *others))))

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """A text file with a sound in each line.

        Raises:
            MissingData: it cannot be read.
            ConfigError: there is no sound in it, or there are too many.
        """
        try:
            lines = [" ".join(line.split()) for line in path.read_text().splitlines()]
        except (OSError, UnicodeDecodeError) as problem:
            raise MissingData(f"{path}: not readable as a vocabulary ({problem})") from None
        sounds = tuple(dict.fromkeys(line for line in lines if line))
        if not 1 <= len(sounds) <= _MOST_SOUNDS:
            raise ConfigError(
                f"{path}: {len(sounds)} sounds; write 1 to {_MOST_SOUNDS}, one a line"
            )
        return cls(sounds, sounds)

    def likeliest(
        self, probability: Float[np.ndarray, " sounds"], count: int = 5
    ) -> list[tuple[str, float]]:
        """The likeliest sounds and their probabilities, likeliest first."""
        order = np.argsort(-np.asarray(probability), kind="stable")[:count]
        return [(self.sounds[k], round(float(probability[k]), 5)) for k in order]

    def suggest(self, prefix: str, count: int = 8) -> list[str]:
        """Phrases that begin so, then those with a word that does, then those that hold it."""
        wanted = " ".join(prefix.lower().split())
        if not wanted:
            return list(self.sounds[:count])

        def rank(phrase: str) -> int:
            low = phrase.lower()
            if low.startswith(wanted):
                return 0
            return 1 if f" {wanted}" in low else 2

        fitting = [phrase for phrase in self.phrases if wanted in phrase.lower()]
        return sorted(fitting, key=rank)[:count]
