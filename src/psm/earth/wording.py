"""Wording of captions: what people and captioning models write around the names of sounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psm.earth.phrases import PHRASES, SURROUNDINGS, Phrases, Surroundings
from psm.earth.sounds import Sound


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The phrases of a world, and the sentences around them.

    Attributes:
        phrases: of every sound.
        surroundings: what people call places, by what is heard there.
        joins: words before the last of several sounds in a title.
        separators: between a place's kind and its sounds in a title.
        endings: of a title without a place.
        manners: of a title with one; ``{lowered}`` is a ``{heading}`` that does not begin the line.
        openings: of a description; ``{phrase}`` is a noun phrase, ``{clause}`` a sentence.
        companions: of a description; ``{both}`` are the other sounds, ``{Both}`` the same at the
            start of a sentence.
        guesses: of a description; what the scene may be.
        hours: of a description; when it may have been.
    """

    phrases: Mapping[Sound, Phrases]
    surroundings: tuple[Surroundings, ...]
    joins: tuple[str, ...]
    separators: tuple[str, ...]
    endings: tuple[str, ...]
    manners: tuple[str, ...]
    openings: tuple[str, ...]
    companions: tuple[str, ...]
    guesses: tuple[str, ...]
    hours: str


OUR_WORDING = Wording(
    phrases=PHRASES,
    surroundings=SURROUNDINGS,
    joins=(" and ", " and ", " with "),
    separators=(": ", " - ", ", "),
    endings=("", ".", ". Field recording.", ". Stereo recording."),
    manners=(
        "{place}: {lowered}",
        "{heading} - {place}",
        "{heading} near {place}.",
        "{heading}, {place}",
        "{heading}. Recorded at {place}.",
    ),
    openings=(
        "The audio features {phrase}",
        "The recording captures {phrase}",
        "{clause}",
        "In this recording, {clause}",
        "The sound of {phrase} can be heard",
        "This is a recording of {phrase}",
        "The audio contains {phrase}",
        "We hear {phrase}",
    ),
    companions=(
        ", with {both} in the background",
        ", accompanied by {both}",
        ", along with {both}",
        ". In the background one also hears {both}",
        ", together with {both}",
        ". {Both} can also be heard",
    ),
    guesses=(
        " The scene suggests {scene}.",
        " It sounds like {scene}.",
        " The setting is probably {scene}.",
    ),
    hours=" It was probably recorded {part}.",
)
"""That of our Earth."""
