"""Foreign wording: other sentences around the sounds, fewer of their names, other words in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from psm.earth.captionwriter import TIME_WORDS
from psm.earth.phrases import PHRASES, SURROUNDINGS, Phrases
from psm.earth.sounds import Sound
from psm.earth.wording import Wording

_OPENINGS = (
    "One can make out {phrase}",
    "Listen: {clause}",
    "There is {phrase} on this tape",
    "On this track {clause}",
    "What stands out is {phrase}",
    "{phrase}, close to the microphone",
    "The microphone picks up {phrase}",
    "Somewhere near, {clause}",
    "A soundscape of {phrase}",
    "Up front, {phrase}",
)
_COMPANIONS = (
    ", and farther off {both}",
    "; behind it, {both}",
    ", over {both}",
    ", mingled with {both}",
    ". Underneath lies {both}",
    "; fainter, {both}",
    ". One notices {both} as well",
)
_GUESSES = (
    " One pictures {scene}.",
    " This could be {scene}.",
    " Most likely {scene}.",
    " It brings to mind {scene}.",
)
_HOURS = (
    " Taped {part}, one would guess.",
    " This must be {part}.",
    " By the sound of it, {part}.",
)
_JOINS = (" + ", " & ", ", plus ", " over ", " / ")
_SEPARATORS = (" | ", " ~ ", "; ")
_ENDINGS = (" [ambience]", " (binaural)", " / unedited", ", take one", " * raw audio *", "")
_MANNERS = (
    "[{place}] {lowered}",
    "{heading} @ {place}",
    "Sounds of {place}: {lowered}",
    "From {place}, {lowered}.",
    "{heading} | {place}",
    "{place} / {lowered}",
    "Heard in {place}: {lowered}",
)

SYNONYMS: tuple[tuple[str, str], ...] = (
    ("dog", "hound"), ("dogs", "hounds"), ("barking", "yapping"), ("people", "folk"),
    ("talking", "chatting"), ("ocean", "sea"), ("beach", "strand"), ("waves", "rollers"),
    ("crashing", "pounding"), ("rain", "drizzle"), ("falling", "coming down"),
    ("wind", "breeze"), ("blowing", "rushing"), ("stream", "brook"), ("flowing", "running"),
    ("birds", "songsters"), ("singing", "trilling"), ("seagulls", "seabirds"),
    ("frogs", "toads"), ("croaking", "grumbling"), ("rooster", "cockerel"),
    ("roosters", "cockerels"), ("cows", "heifers"), ("mooing", "lowing"), ("sheep", "ewes"),
    ("bleating", "baaing"), ("traffic", "motor traffic"), ("cars", "motorcars"),
    ("road", "highway"), ("street", "boulevard"), ("siren", "klaxon"), ("sirens", "klaxons"),
    ("train", "railway train"), ("church", "chapel"), ("bells", "chimes"), ("ringing", "pealing"),
    ("footsteps", "steps"), ("snow", "fresh snow"), ("howling", "baying"), ("boat", "dinghy"),
    ("forest", "woodland"), ("crackling", "sputtering"), ("campfire", "log fire"),
)  # fmt: skip
"""A word of ours and another for it, both with the same article."""


def draw_wording(rng: np.random.Generator, new: Mapping[Sound, Phrases]) -> tuple[Wording, str]:
    """The wording of a foreign world, and a sentence on it.

    Args:
        rng: of the world's wording.
        new: phrases of the sounds that our Earth lacks; they stay as they are.

    Returns:
        The wording, and how it differs.
    """
    chosen = sorted(rng.permutation(len(SYNONYMS))[: len(SYNONYMS) * 2 // 5].tolist())
    words: dict[str, str] = dict(SYNONYMS[number] for number in chosen)
    wording = Wording(
        phrases={sound: _fewer(bank, rng, words) for sound, bank in PHRASES.items()} | dict(new),
        surroundings=tuple(replace(kind, names=_said(kind.names, words)) for kind in SURROUNDINGS),
        joins=_some(_JOINS, 2, rng),
        separators=(": ", *_some(_SEPARATORS, 1, rng)),
        endings=_some(_ENDINGS, 3, rng),
        manners=_some(_MANNERS, 3, rng),
        openings=_some(_OPENINGS, 4, rng),
        companions=_some(_COMPANIONS, 3, rng),
        guesses=_some(_GUESSES, 2, rng),
        hours=_some(_HOURS, 1, rng)[0],
    )
    shown = ", ".join(f"“{new}” for “{old}”" for old, new in list(words.items())[:4])
    opening = wording.openings[0].format(phrase="…", clause="…")
    return wording, (
        f"Half of the phrases of each sound; {len(words)} other words ({shown}, …); other "
        f"sentences, such as “{opening}”."
    )


def _some(options: Sequence[str], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(options[number] for number in rng.permutation(len(options))[:count])


def _fewer(bank: Phrases, rng: np.random.Generator, words: Mapping[str, str]) -> Phrases:
    return Phrases(*(_said(_half(part, rng), words) for part in (bank.names, bank.clauses)))


def _half(phrases: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    """Half of the phrases, and always one that claims no time of day: it fits at any hour."""
    timeless = next(number for number, phrase in enumerate(phrases) if not _claims_time(phrase))
    drawn = rng.permutation(len(phrases))[: len(phrases) // 2].tolist()
    return tuple(phrases[number] for number in sorted({timeless, *drawn}))


def _claims_time(phrase: str) -> bool:
    return any(word in phrase for words, _, _ in TIME_WORDS for word in words)


def _said(phrases: Sequence[str], words: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        re.sub(r"[a-z]+", lambda found: words.get(found[0], found[0]), phrase) for phrase in phrases
    )
