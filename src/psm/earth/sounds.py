"""The vocabulary of the simulated Earth, and the sounds that only other worlds make.

:data:`SOUNDS` is the column order of every array of odds or probabilities of our Earth; a foreign
world (:mod:`psm.earth.worlds`) has two more columns.
"""

from __future__ import annotations

from enum import StrEnum


class Sound(StrEnum):
    """One audible thing."""

    WAVES = "waves"
    WIND = "wind"
    RAIN = "rain"
    THUNDER = "thunder"
    STREAM = "stream"
    DAWN_CHORUS = "dawn chorus"
    SONGBIRDS = "songbirds"
    GULLS = "gulls"
    OWLS = "owls"
    CRICKETS = "crickets"
    CICADAS = "cicadas"
    FROGS = "frogs"
    DOGS = "dogs"
    ROOSTERS = "roosters"
    CATTLE = "cattle"
    SHEEP = "sheep"
    TRAFFIC = "traffic"
    HORNS = "horns"
    SIRENS = "sirens"
    TRAINS = "trains"
    AIRCRAFT = "aircraft"
    VOICES = "voices"
    CHURCH_BELLS = "church bells"
    CONSTRUCTION = "construction"
    CAMPFIRE = "campfire"
    ROWING = "rowing"
    SNOW_STEPS = "footsteps in snow"
    WOLVES = "wolves"
    WOODPECKERS = "woodpeckers"
    GEESE = "geese"
    HOWLER_MONKEYS = "howler monkeys"
    FOG_HORNS = "fog horns"
    SPRINKLERS = "sprinklers"
    LAKE_ICE = "lake ice"


FOREIGN_SOUNDS: tuple[Sound, ...] = (
    Sound.WOODPECKERS,
    Sound.GEESE,
    Sound.HOWLER_MONKEYS,
    Sound.FOG_HORNS,
    Sound.SPRINKLERS,
    Sound.LAKE_ICE,
)
"""Sounds that our Earth lacks, of which every foreign world has two."""

SOUNDS: tuple[Sound, ...] = tuple(sound for sound in Sound if sound not in FOREIGN_SOUNDS)
"""The 28 sounds of our Earth."""
