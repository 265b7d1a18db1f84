"""A world: rules of what sounds where and when, how it looks, how it is recorded and described."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.earth.layers import LayerValues
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.rules import RULES, Rule
from psm.earth.rules import odds as odds_of_rules
from psm.earth.scene import Scene
from psm.earth.sounds import SOUNDS, Sound
from psm.earth.wording import OUR_WORDING, Wording
from psm.earth.worlds.look import Look
from psm.earth.worlds.microphone import Microphone

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise than on our Earth.

    Attributes:
        about: ``strength``, ``season``, ``hour``, ``unlike ours``, ``new``, ``imagery``,
            ``recorders`` or ``wording``.
        subject: the sound, where it is one of a sound.
        statement: what is otherwise.
    """

    about: str
    subject: str
    statement: str


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """All that a simulated Earth is made of; by default ours.

    The ground, its coasts, climates and towns are the same everywhere: a world differs in what is
    heard there, and in how it is seen, recorded and described.

    Attributes:
        name: empty for our Earth.
        rules: one a sound, in the order of the columns of all odds and probabilities.
        look: what is done to the imagery.
        microphone: what is done to the recordings.
        wording: of the captions.
        differences: from our Earth, for people to read.
    """

    name: str = ""
    rules: tuple[Rule, ...] = RULES
    look: Look | None = None
    microphone: Microphone | None = None
    wording: Wording = OUR_WORDING
    differences: tuple[Difference, ...] = ()

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """What can be heard there, in the order of the columns."""
        return tuple(rule.sound for rule in self.rules)

    @property
    def queries(self) -> dict[Sound, str]:
        """One text query a sound, worded as on our Earth where our Earth has the sound."""
        phrases = self.wording.phrases
        return {
            sound: QUERY_PHRASES[sound] if sound in SOUNDS else phrases[sound].names[0]
            for sound in self.sounds
        }

    @property
    def description(self) -> dict[str, list[str]]:
        """Sentences on what differs, by what they are about; sounds that differ alike in one."""
        subjects: dict[tuple[str, str], list[str]] = {}
        for one in self.differences:
            subjects.setdefault((one.about, one.statement), []).append(one.subject)
        told: dict[str, list[str]] = {}
        for (about, statement), named in subjects.items():
            who = ", ".join(filter(None, named))
            told.setdefault(about, []).append(f"{who}: {statement}" if who else statement)
        return told

    def column(self, sound: Sound | str) -> int:
        """Number of a sound's column.

        Raises:
            ValueError: no sound of this world.
        """
        return self.sounds.index(Sound(sound))

    def odds(self, place: LayerValues, *, month: ArrayLike, hour: ArrayLike) -> Floats:
        """Odds of every sound at N places, each at a month and a local hour: ``(N, sounds)``."""
        return odds_of_rules(Scene.of(place, month=month, hour=hour), self.rules)


OUR_EARTH = World()
