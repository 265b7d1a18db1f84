"""Caption writers in three styles: a recordist, and two captioning models.

Sounds always come loudest first. ``meta`` is a title or note, often with the place, and often names
only what stands out; ``qwen`` describes in full sentences; ``pengi`` is a terse list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psm.data.recording import CaptionSource
from psm.earth.sounds import Sound
from psm.earth.wording import OUR_WORDING, Wording
from psm.errors import ConfigError

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


TIME_WORDS: tuple[tuple[tuple[str, ...], float, float], ...] = (
    (("night", "dark"), 19.0, 5.5),
    (("dawn", "morning"), 3.5, 11.0),
    (("evening",), 17.0, 22.0),
)
"""Words that claim an hour, and from when to when (local, round midnight) the claim is true."""


def caption(
    sounds: Sequence[Sound],
    source: CaptionSource,
    rng: np.random.Generator,
    place: str | None = None,
    month: int | None = None,
    hour: float | None = None,
    wording: Wording = OUR_WORDING,
) -> str:
    """Describe ``sounds`` (loudest first) in the manner of ``source``.

    ``place``, ``month`` (1..12) and ``hour`` (local, [0, 24)) colour some captions when known,
    and no caption then claims another time of day. ``wording`` is that of the world.

    Raises:
        ConfigError: no sounds to describe.
    """
    if not sounds:
        raise ConfigError("a caption needs at least one sound")
    writer = _Writer(rng, hour, wording)
    if source is CaptionSource.META:
        return writer.title(sounds, place, month)
    if source is CaptionSource.QWEN:
        return writer.description(sounds)
    return writer.list(sounds)


def _true_at(phrase: str, hour: float) -> bool:
    """False if the phrase claims a time of day that ``hour`` is not."""
    for words, start, end in TIME_WORDS:
        if any(word in phrase for word in words):
            return start <= hour < end if start < end else hour >= start or hour < end
    return True


def _part_of_day(hour: float) -> str:
    for end, words in (
        (4.5, "at night"),
        (7.5, "at dawn"),
        (11.0, "in the morning"),
        (13.5, "around noon"),
        (17.0, "in the afternoon"),
        (20.0, "in the evening"),
    ):
        if hour < end:
            return words
    return "at night"


def _participle(clause: str) -> str:
    """ "a dog is barking" as a noun phrase: "a dog barking"."""
    for verb, short in ((" is being ", " being "), (" is ", " "), (" are ", " ")):
        if verb in clause:
            return clause.replace(verb, short, 1)
    return clause


def _listed(parts: Sequence[str], last: str = " and ") -> str:
    return ", ".join(parts[:-1]) + last + parts[-1] if len(parts) > 1 else parts[0]


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _titled(phrase: str) -> str:
    """Drop a leading article, as titles do, and capitalise."""
    for article in ("a ", "an ", "the "):
        phrase = phrase.removeprefix(article)
    return _capitalised(phrase)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Draws phrases that fit the hour, if it is known."""

    rng: np.random.Generator
    hour: float | None
    wording: Wording

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def true(self, options: Sequence[str]) -> Sequence[str]:
        """The options that do not claim a time of day other than the hour's."""
        return [o for o in options if self.hour is None or _true_at(o, self.hour)]

    def pick(self, options: Sequence[str]) -> str:
        true = self.true(options)  # never empty: every bank has phrases without a time of day
        return true[int(self.rng.integers(len(true)))]

    def clause(self, sound: Sound) -> str:
        return self.pick(self.wording.phrases[sound].clauses)

    def phrase(self, sound: Sound, event: float) -> str:
        """A noun phrase: with chance ``event`` what happens, else a plain name."""
        if self.chance(event):
            return _participle(self.clause(sound))
        return self.pick(self.wording.phrases[sound].names)

    def scene(self, sounds: Sequence[Sound]) -> str | None:
        """What people call a place with these sounds, if there is a word for it."""
        fitting = [
            kind.names
            for kind in self.wording.surroundings
            if kind.needs in sounds and kind.any_of & set(sounds)
        ]
        names = self.true([name for names in fitting for name in names])
        return self.pick(names) if names else None

    def title(self, sounds: Sequence[Sound], place: str | None, month: int | None) -> str:
        told = sounds[:1] if self.chance(0.4) else sounds
        scene = self.scene(sounds) if self.chance(0.4) else None
        names = _listed([self.phrase(s, event=0.4) for s in told], self.pick(self.wording.joins))
        heading = _titled(scene or names)
        if scene and self.chance(0.7):
            heading += self.pick(self.wording.separators) + names
        claimed = any(word in heading.lower() for words, _, _ in TIME_WORDS for word in words)
        if self.hour is not None and not claimed and self.chance(0.3):
            heading += " " + _part_of_day(self.hour)
        if month is not None and self.chance(0.2):
            heading += " in " + MONTHS[month - 1]
        if place is None or self.chance(0.35):
            return heading + self.pick(self.wording.endings)
        lowered = heading[:1].lower() + heading[1:]
        # Chosen before the place is filled in: its name ("Darkhan") claims no time of day.
        manner = self.pick(self.wording.manners)
        return manner.format(place=place, heading=heading, lowered=lowered)

    def description(self, sounds: Sequence[Sound]) -> str:
        first, *others = sounds
        opening = self.pick(self.wording.openings)
        text = _capitalised(
            opening.format(phrase=self.phrase(first, event=0.6), clause=self.clause(first))
        )
        if others:
            both = _listed([self.phrase(s, event=0.5) for s in others])
            companion = self.pick(self.wording.companions)
            text += companion.format(both=both, Both=_capitalised(both))
        text += "."
        scene = self.scene(sounds)
        if scene and self.chance(0.6):
            text += self.pick(self.wording.guesses).format(scene=scene)
        elif self.hour is not None and self.chance(0.12):
            text += self.wording.hours.format(part=_part_of_day(self.hour))
        return text

    def list(self, sounds: Sequence[Sound]) -> str:
        scene = self.scene(sounds)
        if scene and self.chance(0.15):
            return scene
        return _listed([self.phrase(s, event=0.6) for s in sounds])
