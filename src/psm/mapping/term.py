"""Terms of a query: a text in one or several wordings, or a recording, with a weight."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from psm.errors import ConfigError

TEMPLATES = ("{}", "the sound of {}", "a recording of {}")
"""Wordings that any noun phrase can be asked in."""

_WEIGHT = re.compile(r"(?P<what>.*?)\s*\*\s*(?P<weight>[^*]*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Term:
    """One term of a query: a sound to listen for, or, with a negative weight, not to hear.

    Attributes:
        wordings: ways to say the same thing; they count as one.
        audio: a recording instead.
        weight: share among the wanted terms; of an unwanted one, how strictly it is excluded.

    Raises:
        ConfigError: neither or both of words and a recording, an empty wording, or no weight.
    """

    wordings: tuple[str, ...] = ()
    audio: Path | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.wordings, str):
            raise ConfigError("a term takes a tuple of wordings, not one string")
        wordings = tuple(" ".join(text.split()) for text in self.wordings)
        object.__setattr__(self, "wordings", tuple(dict.fromkeys(wordings)))
        if self.audio is not None:
            object.__setattr__(self, "audio", Path(self.audio))
        if not all(self.wordings):
            raise ConfigError("a query text is empty: say what to listen for, as 'church bells'")
        if bool(self.wordings) == (self.audio is not None):
            raise ConfigError("a term of a query is either words or a recording")
        if not math.isfinite(self.weight) or self.weight == 0.0:
            raise ConfigError(
                f"{self.name}: a weight of {self.weight:g} says nothing; "
                "use 2 to weigh more, 0.5 to weigh less, a minus to exclude"
            )

    @classmethod
    def parse(cls, text: str) -> Term:
        """A term as people type it: ``frogs``, ``frogs*2``, ``frogs|toads``, ``-traffic``.

        ``|`` stands between wordings of one thing, ``*`` before a weight, ``-`` before what is
        not wanted.

        Args:
            text: one term.

        Returns:
            The term.

        Raises:
            ConfigError: it cannot be read so.
        """
        what, weight = _weight(text.strip())
        if what.startswith(("-", "−")):
            what, weight = what[1:], -weight
        if "|" in what and not all(part.strip() for part in what.split("|")):
            raise ConfigError(
                f"{text!r}: an empty wording beside |; write synonyms as 'frogs|toads'"
            )
        return cls(wordings=tuple(what.split("|")), weight=weight)

    @classmethod
    def parse_audio(cls, text: str | Path) -> Term:
        """A recording as people type it: ``rain.wav``, ``rain.wav*2``, ``rain.wav*-1``.

        Args:
            text: path of the file, perhaps with a weight.

        Returns:
            The term.

        Raises:
            ConfigError: the weight is none.
        """
        if Path(text).exists() or "*" not in str(text):
            return cls(audio=Path(text))
        what, weight = _weight(str(text))
        return cls(audio=Path(what), weight=weight)

    def negated(self) -> Term:
        """The same, unwanted instead of wanted or the other way round."""
        return replace(self, weight=-self.weight)

    @property
    def is_wanted(self) -> bool:
        """Whether to hear it, rather than not to."""
        return self.weight > 0.0

    @property
    def name(self) -> str:
        """The term without its weight."""
        return self.audio.name if self.audio else f"“{' | '.join(self.wordings)}”"

    @property
    def label(self) -> str:
        """The term with the size of its weight, where that is not 1."""
        size = abs(self.weight)
        return self.name if size == 1.0 else f"{self.name} ×{size:g}"


def _weight(text: str) -> tuple[str, float]:
    found = _WEIGHT.fullmatch(text)
    if found is None:
        return text, 1.0
    try:
        weight = float(found["weight"])
    except ValueError:
        raise ConfigError(
            f"{text!r}: after * comes the weight of a term, a number, as in 'frogs*2'"
        ) from None
    return found["what"], weight
