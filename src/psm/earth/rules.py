"""Rules of what sounds where and when: one per sound, in plain words and as a formula.

Every formula gives a strength of at least zero: about 8 drowns everything else, 1 is ordinary,
0.1 a rarity. Strengths become odds by one common scale and floor (:func:`odds`), and odds become
probabilities in :mod:`psm.earth.soundscape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psm.earth.scene import Scene, around, near, ramp
from psm.earth.sounds import SOUNDS, Sound

Floats = NDArray[np.float64]

SCALE = 0.15
"""Odds of a strength of 1. A smaller scale means fewer sounds in a clip, and so a harder world."""

FLOOR = 0.01
"""Odds of any sound anywhere: nothing is quite impossible."""


@dataclass(frozen=True)
class Rule:
    """The strength of one sound and the sentence that says the same."""

    sound: Sound
    statement: str
    strength: Callable[[Scene], Floats]


RULES: tuple[Rule, ...] = (
    Rule(
        Sound.WAVES,
        "Within some 4 km of the sea, at any hour; stronger in winter.",
        lambda s: 9.0 * near(s.place.coast_km, 4.0) * (1.0 - 0.2 * s.summer),
    ),
    Rule(
        Sound.WIND,
        "Where nothing stops it: deserts, tundra, ice, bare mountains and coasts; less in forests "
        "and towns; more in winter.",
        lambda s: (1.0 - 0.8 * s.place.forest) * (1.0 - 0.9 * s.town) * (1.0 - 0.35 * s.summer)
        * (0.3 + 2.2 * (1.0 - s.green) + 1.5 * s.place.ruggedness * s.remote
           + 1.0 * near(s.place.coast_km, 10.0)),
    ),
    Rule(
        Sound.RAIN,
        "In the wet season of the climate, if it does not freeze; seldom in dry lands.",
        lambda s: 2.2 * s.wetness**2 * ramp(s.temperature_c, -1.0, 4.0),
    ),
    Rule(
        Sound.THUNDER,
        "In warm and wet months, mostly in the late afternoon and evening.",
        lambda s: 5.0 * s.wetness**1.5 * ramp(s.temperature_c, 14.0, 24.0)
        * around(s.hour, 17.5, 2.5),
    ),
    Rule(
        Sound.STREAM,
        "Beside rivers and in wet mountains, unless frozen.",
        lambda s: (5.0 * near(s.place.river_km, 1.5) + 3.5 * s.place.ruggedness * s.green)
        * ramp(s.temperature_c, -4.0, 3.0) * (1.0 - 0.8 * s.city),
    ),
    Rule(
        Sound.DAWN_CHORUS,
        "Around sunrise where things grow, above all in spring; in the tropics all year.",
        lambda s: 16.0 * s.dawn * s.green * (1.0 - 0.6 * s.city) * ramp(s.temperature_c, 0.0, 9.0)
        * np.maximum(ramp(np.abs(s.place.lat), 30.0, 15.0) * 0.6, ramp(s.spring, -0.6, 0.9)),
    ),
    Rule(
        Sound.SONGBIRDS,
        "By day in woods, fields and gardens, less in the cold months and at noon in the heat.",
        lambda s: 2.6 * s.day * s.green * (1.0 - 0.6 * s.city) * ramp(s.temperature_c, -3.0, 10.0)
        * ramp(s.temperature_c, 34.0, 24.0) * (0.7 + 0.3 * s.spring),
    ),
    Rule(
        Sound.GULLS,
        "By day within some 8 km of the sea, most in cool climates.",
        lambda s: 4.5 * near(s.place.coast_km, 6.0) * (0.05 + s.day)
        * (0.35 + 0.65 * ramp(s.temperature_c, 26.0, 14.0)),
    ),
    Rule(
        Sound.OWLS,
        "At night in forests away from cities, most in autumn and winter.",
        lambda s: 5.0 * s.night**2 * s.place.forest * (1.0 - s.town) * (1.0 - 0.3 * s.summer),
    ),
    Rule(
        Sound.CRICKETS,
        "On warm evenings and nights in grass and scrub, less in cities and deserts.",
        lambda s: 8.0 * (s.night + 0.6 * s.dusk) * ramp(s.temperature_c, 11.0, 21.0)
        * (0.05 + 0.95 * s.green) * (1.0 - 0.5 * s.place.forest) * (1.0 - 0.7 * s.city),
    ),
    Rule(
        Sound.CICADAS,
        "By day in the hot months, in woods and gardens of warm climates.",
        lambda s: 8.0 * s.day**2 * ramp(s.temperature_c, 20.0, 27.0) * (0.02 + 0.98 * s.green)
        * (1.0 - 0.5 * s.city),
    ),
    Rule(
        Sound.FROGS,
        "On warm wet nights of the rainy season, near water and in flat country.",
        lambda s: 10.0 * s.night * s.wetness**1.5 * ramp(s.temperature_c, 7.0, 18.0)
        * (1.0 - 0.7 * s.place.ruggedness) * (1.0 - 0.8 * s.city)
        * (0.3 + 0.7 * np.maximum(near(s.place.river_km, 5.0), near(s.place.lake_km, 5.0))),
    ),
    Rule(
        Sound.DOGS,
        "In villages and suburbs, more in the evening and at night.",
        lambda s: (1.8 * s.village + 0.6 * s.town * (1.0 - s.city)) * (0.6 + 0.8 * s.night),
    ),
    Rule(
        Sound.ROOSTERS,
        "In villages of farming country, before and around sunrise.",
        lambda s: 9.0 * s.village * (s.dawn + 0.6 * around(s.hour, 5.0, 1.2) + 0.04)
        * ramp(s.temperature_c, -8.0, 8.0),
    ),
    Rule(
        Sound.CATTLE,
        "By day on green farmland of mild and of tropical climates.",
        lambda s: 3.0 * s.farmland * (0.15 + s.day) * (1.0 - 0.7 * s.place.ruggedness)
        * ramp(s.temperature_c, -4.0, 8.0),
    ),
    Rule(
        Sound.SHEEP,
        "By day in hills and dry pastures near villages, not in the wet tropics.",
        lambda s: 5.0 * (0.1 + s.day) * (1.0 - s.town) * (1.0 - s.place.forest)
        * near(s.place.town_km, 15.0) * (0.15 + 0.85 * s.place.ruggedness) * (1.0 - s.place.ice)
        * ramp(s.temperature_c, 27.0, 20.0) * ramp(s.temperature_c, -8.0, 4.0),
    ),
    Rule(
        Sound.TRAFFIC,
        "In towns, the more the larger, and beside main roads; less at night.",
        lambda s: (3.5 * s.city + 1.2 * s.town + 0.9 * near(s.place.road_km, 1.0))
        * (0.3 + 0.7 * s.day) * (1.0 + 0.5 * around(s.hour, 8.0, 1.5)
                                 + 0.5 * around(s.hour, 17.5, 1.5)),
    ),
    Rule(
        Sound.HORNS,
        "In large cities by day, most in warm countries.",
        lambda s: 5.0 * s.city * (0.1 + 0.9 * s.day)
        * (0.3 + 0.7 * ramp(s.temperature_c, 12.0, 26.0)),
    ),
    Rule(
        Sound.SIRENS,
        "In large cities, more in the evening and at night.",
        lambda s: 2.6 * s.city * (0.4 + 1.1 * around(s.hour, 23.0, 3.5)),
    ),
    Rule(
        Sound.TRAINS,
        "In and between larger towns, along the main roads outside the tropics.",
        lambda s: (1.6 * s.town + 0.9 * near(s.place.road_km, 2.0))
        * ramp(np.log10(s.place.people + 1.0), 3.5, 5.0) * (0.4 + 0.6 * s.day)
        * (0.3 + 0.7 * ramp(np.abs(s.place.lat), 20.0, 32.0)),
    ),
    Rule(
        Sound.AIRCRAFT,
        "Around large cities, in their outskirts more than in the middle; seldom at night.",
        lambda s: 1.8 * ramp(np.log10(s.place.people + 1.0), 4.3, 5.8) * (1.0 - 0.5 * s.city)
        * (0.15 + 0.85 * s.day) + 0.05 * s.day,
    ),
    Rule(
        Sound.VOICES,
        "In towns by day and on warm evenings.",
        lambda s: (2.4 * s.town + 0.5 * s.village)
        * (0.1 + 0.9 * np.maximum(
            s.day, around(s.hour, 20.0, 2.0) * ramp(s.temperature_c, 8.0, 20.0))),
    ),
    Rule(
        Sound.CHURCH_BELLS,
        "In towns and villages of countries whose churches ring: morning, noon and evening.",
        lambda s: 4.5 * np.maximum(s.town * (1.0 - 0.5 * s.city), s.village) * s.place.has_bells
        * (0.02 + np.maximum.reduce([around(s.hour, 9.5, 1.2), 0.8 * around(s.hour, 12.2, 0.7),
                                     0.9 * around(s.hour, 18.5, 1.0)])),
    ),
    Rule(
        Sound.CONSTRUCTION,
        "In larger towns at working hours.",
        lambda s: (2.6 * s.city + 0.9 * s.town) * ramp(s.hour, 6.0, 7.5) * ramp(s.hour, 18.0, 16.5),
    ),
    Rule(
        Sound.CAMPFIRE,
        "On evenings of the warm season, in the woods and wilds where people still come by.",
        lambda s: 4.5 * around(s.hour, 21.0, 1.8) * (0.2 + 0.8 * s.green) * (1.0 - s.town)
        * (0.15 + 0.85 * ramp(s.place.town_km, 2.0, 10.0)) * near(s.place.town_km, 60.0)
        * ramp(s.temperature_c, 6.0, 15.0),
    ),
    Rule(
        Sound.ROWING,
        "By day in the warm months on lakes, rivers and sheltered shores.",
        lambda s: 4.5 * s.day * ramp(s.temperature_c, 11.0, 19.0)
        * np.maximum.reduce([near(s.place.lake_km, 2.5), 0.6 * near(s.place.river_km, 1.2),
                             0.4 * near(s.place.coast_km, 1.5)]),
    ),
    Rule(
        Sound.SNOW_STEPS,
        "Where the month is frozen or the ground is ice, more by day.",
        lambda s: 4.0 * np.maximum(ramp(s.temperature_c, 1.0, -8.0), s.place.ice)
        * (0.35 + 0.65 * s.day),
    ),
    Rule(
        Sound.WOLVES,
        "At night in northern forests, tundra and mountains, far from towns.",
        lambda s: 6.0 * s.night**2 * (0.1 + 0.9 * s.remote) * (1.0 - s.town) * (s.place.lat > 20.0)
        * ramp(s.temperature_c, 16.0, 4.0) * (1.0 - 0.8 * s.place.ice)
        * (0.35 + 0.65 * np.maximum(s.place.forest, s.place.ruggedness)),
    ),
)  # fmt: skip

assert tuple(rule.sound for rule in RULES) == SOUNDS, "one rule per sound, in order"


def odds(scene: Scene, rules: Sequence[Rule] = RULES) -> Floats:
    """Odds of the sound of every rule: ``(N, rules)``, at least :data:`FLOOR`."""
    columns = [np.broadcast_to(rule.strength(scene), scene.hour.shape) for rule in rules]
    return np.asarray(FLOOR + SCALE * np.stack(columns, axis=1))


def statement(sound: Sound) -> str:
    """The rule of a sound in plain words."""
    return RULES[SOUNDS.index(sound)].statement
