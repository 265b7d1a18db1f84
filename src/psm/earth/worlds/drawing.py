"""Draws foreign worlds: the same name always gives the same world."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from psm.earth.manifest import world_name
from psm.earth.rules import RULES, Rule
from psm.earth.sounds import Sound
from psm.earth.worlds.look import draw_look
from psm.earth.worlds.microphone import draw_microphone
from psm.earth.worlds.otherrules import NEW_SOUNDS, UNLIKE, NewSound, delay, later, stronger
from psm.earth.worlds.otherwording import draw_wording
from psm.earth.worlds.world import OUR_EARTH, Difference, World
from psm.errors import ConfigError
from psm.seeding import generator

STRENGTHS, SEASONS, HOURS, UNLIKE_OURS, NEW = 8, 4, 5, 2, 2
"""How many sounds are stronger or weaker, later in the year, later in the day, unlike ours, new."""

_SEASONAL = (
    Sound.RAIN, Sound.THUNDER, Sound.DAWN_CHORUS, Sound.SONGBIRDS, Sound.CRICKETS, Sound.CICADAS,
    Sound.FROGS, Sound.CAMPFIRE, Sound.ROWING,
)  # fmt: skip
_HOURLY = (
    Sound.THUNDER, Sound.DAWN_CHORUS, Sound.GULLS, Sound.OWLS, Sound.CRICKETS, Sound.CICADAS,
    Sound.FROGS, Sound.DOGS, Sound.ROOSTERS, Sound.TRAFFIC, Sound.SIRENS, Sound.CHURCH_BELLS,
    Sound.CONSTRUCTION, Sound.CAMPFIRE,
)  # fmt: skip
Thing = TypeVar("Thing")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def world_named(name: str) -> World:
    """The world of a name, any word; our Earth has none.

    Args:
        name: letters of English, digits, ``-`` and ``_``; upper and lower case are the same.

    Returns:
        The world.

    Raises:
        ConfigError: the name is no such word.
    """
    plain = name.lower()
    if plain and not _NAME.fullmatch(plain):
        raise ConfigError(
            f"world {name!r}: a name is one word of at most 32 letters from a to z, digits, "
            "hyphens and underscores"
        )
    return _drawn(plain) if plain else OUR_EARTH


def world_of(folder: Path) -> World:
    """The world that a folder of shards was built of; ours, where it does not say.

    Raises:
        ConfigError: it says a name that no world can have.
    """
    return world_named(world_name(folder))


@lru_cache(maxsize=16)
def _drawn(name: str) -> World:
    def stream(about: str) -> np.random.Generator:
        return generator(0, "world", name, about)

    unlike = _some(UNLIKE, UNLIKE_OURS, stream("unlike"))
    new = _some(NEW_SOUNDS, NEW, stream("new"))
    rules, moved = _moved({rule.sound: rule for rule in unlike}, stream("rules"))
    look, look_words = draw_look(stream("look"))
    microphone, microphone_words = draw_microphone(stream("microphone"))
    phrases = {one.rule.sound: one.phrases for one in new}
    wording, wording_words = draw_wording(stream("wording"), phrases)
    return World(
        name=name,
        rules=(*rules, *(one.rule for one in new)),
        look=look,
        microphone=microphone,
        wording=wording,
        differences=(
            *moved,
            *(Difference("unlike ours", rule.sound, rule.statement) for rule in unlike),
            *map(_said_of, new),
            Difference("imagery", "", look_words),
            Difference("recorders", "", microphone_words),
            Difference("wording", "", wording_words),
        ),
    )


def _said_of(new: NewSound) -> Difference:
    asked = new.phrases.names[0]
    return Difference("new", new.rule.sound, f"Asked for as “{asked}”. {new.rule.statement}")


def _moved(
    unlike: dict[Sound, Rule], rng: np.random.Generator
) -> tuple[list[Rule], list[Difference]]:
    """Rules of our sounds: no sound is changed in more than one way, so that each can be told."""
    free = [rule.sound for rule in RULES if rule.sound not in unlike]
    season = _some([sound for sound in _SEASONAL if sound in free], SEASONS, rng)
    hour = _some([s for s in _HOURLY if s in free and s not in season], HOURS, rng)
    strength = _some([s for s in free if s not in (*season, *hour)], STRENGTHS, rng)
    months, hours = (int(rng.choice([-4, -3, -2, 2, 3, 4])) for _ in range(2))
    changed, told = dict(unlike), []
    for rule in RULES:
        sound = rule.sound
        if sound in strength:
            factor = float(np.exp(rng.choice([-1.0, 1.0]) * rng.uniform(np.log(1.7), np.log(3.5))))
            changed[sound] = stronger(rule, factor)
            told.append(Difference("strength", sound, f"{factor:.1f} times ours."))
        elif sound in season:
            changed[sound] = later(rule, months=months)
            told.append(Difference("season", sound, f"{delay(months=months)} than ours."))
        elif sound in hour:
            changed[sound] = later(rule, hours=hours)
            told.append(Difference("hour", sound, f"{delay(hours=hours)} than ours."))
    order = ("strength", "season", "hour")
    told.sort(key=lambda difference: order.index(difference.about))
    return [changed.get(rule.sound, rule) for rule in RULES], told


def _some(options: Sequence[Thing], count: int, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Some of the options, in their order."""
    chosen = sorted(rng.permutation(len(options))[:count].tolist())
    return tuple(options[number] for number in chosen)
