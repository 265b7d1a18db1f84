"""The vocabulary of the simulated Earth: every sound it can make, in a fixed order."""

from __future__ import annotations

from enum import StrEnum


class Sound(StrEnum):
    """One audible thing. The order is the column order of every odds and probability array."""

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


SOUNDS: tuple[Sound, ...] = tuple(Sound)
