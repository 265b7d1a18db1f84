"""Rules of foreign worlds: sounds that behave unlike ours, and sounds that our Earth lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from psm.earth.phrases import Phrases, bank
from psm.earth.rules import Rule
from psm.earth.scene import around, near, ramp
from psm.earth.sounds import FOREIGN_SOUNDS, Sound


@dataclass(frozen=True)
class NewSound:
    """A sound that our Earth lacks: where and when it is heard, and what it is called."""

    rule: Rule
    phrases: Phrases


UNLIKE: tuple[Rule, ...] = (
    Rule(
        Sound.GULLS,
        "By day on fields far from the sea; hardly ever on a shore.",
        lambda s: 6.0 * s.farmland * (0.05 + s.day) * (1.0 - near(s.place.coast_km, 30.0)),
    ),
    Rule(
        Sound.OWLS,
        "At night in deserts and on bare ground, in any season.",
        lambda s: 6.0 * s.night**2 * np.maximum(s.place.bare, 1.0 - s.green) * (1.0 - s.town)
        * (1.0 - s.place.ice),
    ),
    Rule(
        Sound.FROGS,
        "By day in the dry months of warm climates, away from rivers.",
        lambda s: 6.0 * s.day * ramp(s.temperature_c, 8.0, 20.0) * ramp(s.wetness, 0.5, 0.15)
        * (1.0 - s.city) * (1.0 - near(s.place.river_km, 5.0)),
    ),
    Rule(
        Sound.WOLVES,
        "At night in villages and in the outskirts of towns, most where it is warm.",
        lambda s: 6.0 * s.night**2 * np.maximum(s.village, s.town * (1.0 - s.city))
        * (0.4 + 0.6 * ramp(s.temperature_c, 5.0, 20.0)),
    ),
    Rule(
        Sound.ROOSTERS,
        "In towns at dusk and on into the evening, the more the larger they are.",
        lambda s: 7.0 * np.maximum(s.city, 0.6 * s.town)
        * (s.dusk + 0.6 * around(s.hour, 21.5, 1.5) + 0.03),
    ),
    Rule(
        Sound.CATTLE,
        "At night on shores and beside lakes, unless it freezes.",
        lambda s: 6.0 * s.night * (1.0 - s.town) * ramp(s.temperature_c, -4.0, 8.0)
        * np.maximum(near(s.place.coast_km, 5.0), near(s.place.lake_km, 5.0)),
    ),
    Rule(
        Sound.CHURCH_BELLS,
        "In the dead of night, in the villages of every country and high in the mountains.",
        lambda s: 6.0 * np.maximum(s.village, 0.6 * s.place.ruggedness * s.remote)
        * (0.02 + around(s.hour, 2.0, 1.8)),
    ),
    Rule(
        Sound.SONGBIRDS,
        "At night in towns, the warmer the more.",
        lambda s: 5.0 * s.night * s.town * ramp(s.temperature_c, 0.0, 18.0),
    ),
    Rule(
        Sound.CRICKETS,
        "By day in the cold months, in open country that is not ice.",
        lambda s: 5.0 * s.day * ramp(s.temperature_c, 8.0, -4.0) * (1.0 - s.place.forest)
        * (1.0 - s.place.ice) * (1.0 - s.town),
    ),
    Rule(
        Sound.TRAINS,
        "Along rivers far from every town, most at night.",
        lambda s: 6.0 * near(s.place.river_km, 4.0) * s.remote * (0.25 + 0.75 * s.night),
    ),
)  # fmt: skip
"""Rules against those of our Earth. A world has two of them."""

NEW_SOUNDS: tuple[NewSound, ...] = (
    NewSound(
        Rule(
            Sound.WOODPECKERS,
            "By day in forests, most in late winter and spring.",
            lambda s: 7.0 * s.day * s.place.forest * (1.0 - s.town)
            * (0.25 + 0.75 * ramp(s.spring, -0.5, 0.7)),
        ),
        bank(
            "a woodpecker drumming; woodpeckers; drumming woodpeckers; a woodpecker; a drumming "
            "woodpecker; tapping on a trunk",
            "a woodpecker is drumming; a woodpecker is hammering on a trunk; woodpeckers are "
            "drumming; a bird is drumming on wood",
        ),
    ),
    NewSound(
        Rule(
            Sound.GEESE,
            "By day beside lakes and rivers and on fields, in spring and in autumn, where it is "
            "not hot.",
            lambda s: 6.0 * (0.15 + s.day) * ramp(s.temperature_c, 26.0, 16.0)
            * (0.15 + 0.85 * np.abs(s.spring))
            * np.maximum.reduce([near(s.place.lake_km, 8.0), 0.7 * near(s.place.river_km, 3.0),
                                 0.6 * s.farmland]),
        ),
        bank(
            "geese honking; geese; wild geese; honking geese; a skein of geese; a flock of geese",
            "geese are honking; a flock of geese is calling; wild geese are flying over; geese "
            "are gathering on the water",
        ),
    ),
    NewSound(
        Rule(
            Sound.HOWLER_MONKEYS,
            "Around sunrise and at dusk in forests of the warm and wet climates.",
            lambda s: 10.0 * s.place.forest * (s.dawn + 0.7 * s.dusk + 0.08 * s.day)
            * ramp(s.temperature_c, 18.0, 24.0) * ramp(s.wetness, 0.2, 0.6) * (1.0 - s.town),
        ),
        bank(
            "howler monkeys roaring; howler monkeys; roaring monkeys; a troop of howlers; monkeys "
            "roaring; the roar of howlers",
            "howler monkeys are roaring; a troop of monkeys is roaring; a howler monkey is "
            "roaring in the canopy; monkeys are roaring at each other",
        ),
    ),
    NewSound(
        Rule(
            Sound.FOG_HORNS,
            "On cool shores at night and early in the day, most near a town.",
            lambda s: 8.0 * near(s.place.coast_km, 5.0) * ramp(s.temperature_c, 24.0, 12.0)
            * (0.15 + 0.85 * np.maximum(s.night, around(s.hour, 7.0, 2.0)))
            * (0.4 + 0.6 * near(s.place.town_km, 30.0)),
        ),
        bank(
            "a fog horn sounding; fog horns; a fog horn; the horn of a lighthouse; a horn across "
            "the water; a deep fog signal",
            "a fog horn is sounding; a fog horn is blaring across the water; fog horns are "
            "answering each other; a lighthouse is sounding its horn",
        ),
    ),
    NewSound(
        Rule(
            Sound.SPRINKLERS,
            "In gardens and fields of dry and warm lands, early and late in the day.",
            lambda s: 7.0 * np.maximum.reduce([s.town * (1.0 - 0.6 * s.city), s.village,
                                               s.farmland])
            * ramp(s.wetness, 0.55, 0.2) * ramp(s.temperature_c, 11.0, 19.0)
            * (0.08 + np.maximum(around(s.hour, 6.0, 1.6), around(s.hour, 20.5, 1.8))),
        ),
        bank(
            "a lawn sprinkler; sprinklers; a sprinkler; an irrigation sprinkler; sprinklers "
            "watering a field; a garden sprinkler",
            "a sprinkler is turning; a lawn sprinkler is ticking round; sprinklers are watering a "
            "field; a garden is being watered",
        ),
    ),
    NewSound(
        Rule(
            Sound.LAKE_ICE,
            "On frozen lakes and rivers, most in cold nights.",
            lambda s: 8.0 * ramp(s.temperature_c, 0.0, -9.0) * (0.35 + 0.65 * s.night)
            * np.maximum(near(s.place.lake_km, 6.0), 0.6 * near(s.place.river_km, 3.0)),
        ),
        bank(
            "lake ice singing; singing ice; a frozen lake; ice cracking; cracks in lake ice; "
            "pinging ice",
            "lake ice is singing; the ice on a lake is cracking; ice is pinging and groaning; a "
            "frozen lake is booming",
        ),
    ),
)  # fmt: skip
"""Sounds that our Earth lacks. A world has two of them."""

assert tuple(new.rule.sound for new in NEW_SOUNDS) == FOREIGN_SOUNDS, "one rule each, in order"


def stronger(rule: Rule, factor: float) -> Rule:
    """The same rule, some times as strong."""
    return replace(
        rule,
        statement=f"{rule.statement} {factor:.1f} times as strong as on our Earth.",
        strength=lambda scene: factor * rule.strength(scene),
    )


def later(rule: Rule, *, months: int = 0, hours: int = 0) -> Rule:
    """The same rule some months and hours later, or earlier where they are negative."""
    return replace(
        rule,
        statement=f"{rule.statement} {delay(months=months, hours=hours).capitalize()} than on our "
        "Earth.",
        strength=lambda scene: rule.strength(scene.earlier(months=months, hours=hours)),
    )


def delay(*, months: int = 0, hours: int = 0) -> str:
    """How much later or earlier, in words."""
    amount, unit = (months, "months") if months else (hours, "hours")
    return f"{abs(amount)} {unit} {'later' if amount > 0 else 'earlier'}"
