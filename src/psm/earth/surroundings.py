"""What people call a place in which certain sounds are heard together."""

from __future__ import annotations

from dataclasses import dataclass

from psm.earth.sounds import Sound


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A kind of place: one sound, and any of others with it."""

    needs: Sound
    any_of: frozenset[Sound]
    names: tuple[str, ...]


def _where(sound: Sound, *any_of: Sound, called: str) -> Surroundings:
    return Surroundings(sound, frozenset(any_of), tuple(called.split("; ")))


SURROUNDINGS: tuple[Surroundings, ...] = (
    _where(
        Sound.CICADAS,
        Sound.DAWN_CHORUS,
        Sound.SONGBIRDS,
        Sound.FROGS,
        called="a jungle; a tropical rainforest; the jungle at night; a tropical forest",
    ),
    _where(
        Sound.FROGS, Sound.CRICKETS, called="a pond at night; a marsh after dark; a swamp at night"
    ),
    _where(
        Sound.TRAFFIC,
        Sound.HORNS,
        Sound.SIRENS,
        Sound.VOICES,
        called="a busy street; a city street; a street corner downtown; an urban street",
    ),
    _where(
        Sound.WAVES,
        Sound.GULLS,
        called="the seaside; a beach with seabirds; the coast; a harbour by the sea",
    ),
    _where(Sound.THUNDER, Sound.WIND, Sound.RAIN, called="a thunderstorm; a storm; stormy weather"),
    _where(
        Sound.CHURCH_BELLS,
        Sound.VOICES,
        called="a church; a church square; Sunday mass; a village square by the church",
    ),
    _where(
        Sound.CAMPFIRE,
        Sound.OWLS,
        Sound.CRICKETS,
        Sound.FROGS,
        called="camping at night; a campsite after dark; an evening by the fire",
    ),
    _where(
        Sound.ROOSTERS,
        Sound.DOGS,
        Sound.CATTLE,
        Sound.SHEEP,
        called="a farm; a farmyard; village life; a village in the morning",
    ),
    _where(Sound.CATTLE, Sound.DOGS, Sound.SHEEP, called="a farm; a pasture; the countryside"),
    _where(
        Sound.CONSTRUCTION,
        Sound.TRAFFIC,
        Sound.VOICES,
        called="a building site in the city; city construction; roadworks",
    ),
    _where(
        Sound.SONGBIRDS,
        Sound.WIND,
        Sound.STREAM,
        called="a forest; the woods; a quiet valley; nature",
    ),
    _where(
        Sound.DAWN_CHORUS,
        Sound.WIND,
        Sound.STREAM,
        Sound.OWLS,
        called="a forest at dawn; woodland in the morning",
    ),
    _where(
        Sound.SNOW_STEPS,
        Sound.WIND,
        Sound.WOLVES,
        called="a winter hike; a snowy landscape; a cold winter day",
    ),
    _where(
        Sound.AIRCRAFT,
        Sound.TRAFFIC,
        Sound.VOICES,
        called="an airport; inside an aeroplane; a flight",
    ),
    _where(Sound.TRAINS, Sound.VOICES, called="a railway station; a train platform; a train ride"),
    _where(
        Sound.ROWING,
        Sound.WAVES,
        Sound.SONGBIRDS,
        Sound.GULLS,
        called="a boat trip; out on the water; a lake",
    ),
)
