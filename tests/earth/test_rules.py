"""The rules say what they claim to say: each sound at places and times that anybody would name."""

from __future__ import annotations

import numpy as np
import pytest

from psm.earth import rules
from psm.earth.scene import around, near, ramp
from psm.earth.sounds import SOUNDS, Sound
from psm.earth.soundscape import true_probability

PARIS = (48.857, 2.352)
MUMBAI = (19.08, 72.88)
SYDNEY = (-33.868, 151.209)
BRETTANY_SHORE = (48.35, -4.75)
SAHARA = (24.0, 10.0)
AMAZON = (-4.0, -65.5)
FINNISH_FOREST = (63.6, 28.6)
CANADIAN_WILDS = (58.0, -120.5)
KANSAS = (38.9, -98.6)
GREENLAND = (72.0, -40.0)
TUSCAN_VILLAGE = (43.466, 11.043)  # San Gimignano
PATAGONIA = (-48.0, -70.0)

LOUDER = [  # sound, (place, month, hour) where it is likelier, than there
    (Sound.WAVES, (BRETTANY_SHORE, 7, 12), (PARIS, 7, 12)),
    (Sound.WIND, (SAHARA, 1, 12), (FINNISH_FOREST, 1, 12)),
    (Sound.RAIN, (AMAZON, 7, 12), (SAHARA, 7, 12)),
    (Sound.RAIN, (MUMBAI, 7, 12), (MUMBAI, 1, 12)),
    (Sound.THUNDER, (AMAZON, 1, 17), (AMAZON, 1, 8)),
    (Sound.THUNDER, (KANSAS, 7, 17), (KANSAS, 1, 17)),
    (Sound.DAWN_CHORUS, (FINNISH_FOREST, 5, 4), (FINNISH_FOREST, 5, 13)),
    (Sound.DAWN_CHORUS, (PARIS, 5, 5), (PARIS, 11, 7)),
    (Sound.DAWN_CHORUS, (SYDNEY, 10, 5.5), (SYDNEY, 5, 6.5)),
    (Sound.SONGBIRDS, (FINNISH_FOREST, 6, 10), (FINNISH_FOREST, 1, 10)),
    (Sound.GULLS, (BRETTANY_SHORE, 7, 12), (BRETTANY_SHORE, 7, 0)),
    (Sound.GULLS, (BRETTANY_SHORE, 7, 12), (KANSAS, 7, 12)),
    (Sound.OWLS, (FINNISH_FOREST, 10, 23), (FINNISH_FOREST, 10, 12)),
    (Sound.OWLS, (FINNISH_FOREST, 10, 23), (SAHARA, 10, 23)),
    (Sound.CRICKETS, (KANSAS, 7, 23), (KANSAS, 1, 23)),
    (Sound.CRICKETS, (KANSAS, 7, 23), (KANSAS, 7, 12)),
    (Sound.CRICKETS, (SYDNEY, 1, 22), (SYDNEY, 7, 22)),
    (Sound.CICADAS, (AMAZON, 1, 13), (AMAZON, 1, 1)),
    (Sound.CICADAS, (KANSAS, 7, 14), (FINNISH_FOREST, 7, 14)),
    (Sound.FROGS, (AMAZON, 3, 23), (SAHARA, 3, 23)),
    (Sound.FROGS, (AMAZON, 3, 23), (AMAZON, 3, 12)),
    (Sound.DOGS, (TUSCAN_VILLAGE, 7, 22), (AMAZON, 7, 22)),
    (Sound.ROOSTERS, (TUSCAN_VILLAGE, 5, 5), (TUSCAN_VILLAGE, 5, 14)),
    (Sound.ROOSTERS, (TUSCAN_VILLAGE, 5, 5), (PARIS, 5, 5)),
    (Sound.CATTLE, (KANSAS, 7, 12), (SAHARA, 7, 12)),
    (Sound.SHEEP, (TUSCAN_VILLAGE, 5, 12), (AMAZON, 5, 12)),
    (Sound.TRAFFIC, (PARIS, 7, 8), (FINNISH_FOREST, 7, 8)),
    (Sound.HORNS, (MUMBAI, 7, 12), (MUMBAI, 7, 2)),
    (Sound.HORNS, (MUMBAI, 7, 12), (TUSCAN_VILLAGE, 7, 12)),
    (Sound.SIRENS, (PARIS, 7, 23), (PARIS, 7, 8)),
    (Sound.TRAINS, (PARIS, 7, 12), (AMAZON, 7, 12)),
    (Sound.AIRCRAFT, (PARIS, 7, 12), (AMAZON, 7, 12)),
    (Sound.VOICES, (PARIS, 7, 14), (CANADIAN_WILDS, 7, 14)),
    (Sound.CHURCH_BELLS, (TUSCAN_VILLAGE, 7, 9.5), (TUSCAN_VILLAGE, 7, 3)),
    (Sound.CHURCH_BELLS, (TUSCAN_VILLAGE, 7, 9.5), (MUMBAI, 7, 9.5)),
    (Sound.CONSTRUCTION, (PARIS, 7, 11), (PARIS, 7, 22)),
    (Sound.CAMPFIRE, (KANSAS, 7, 21), (KANSAS, 1, 21)),
    (Sound.CAMPFIRE, (KANSAS, 7, 21), (KANSAS, 7, 12)),
    (Sound.ROWING, ((46.43, 6.55), 7, 13), ((46.43, 6.55), 1, 13)),  # Lake Geneva
    (Sound.ROWING, ((46.43, 6.55), 7, 13), (SAHARA, 7, 13)),
    (Sound.STREAM, ((48.35, 8.2), 6, 12), (SAHARA, 6, 12)),
    (Sound.SNOW_STEPS, (FINNISH_FOREST, 1, 12), (FINNISH_FOREST, 7, 12)),
    (Sound.SNOW_STEPS, (PATAGONIA, 7, 12), (PATAGONIA, 1, 12)),
    (Sound.SNOW_STEPS, (GREENLAND, 7, 12), (AMAZON, 7, 12)),
    (Sound.WOLVES, (CANADIAN_WILDS, 1, 0), (CANADIAN_WILDS, 1, 12)),
    (Sound.WOLVES, (CANADIAN_WILDS, 1, 0), (PATAGONIA, 7, 0)),
]


@pytest.mark.parametrize(("sound", "here", "there"), LOUDER)
def test_likelier_here_than_there(sound, here, there):
    p = [
        true_probability(lat=lat, lon=lon, month=month, hour=hour, sounds=[sound])[0, 0]
        for (lat, lon), month, hour in (here, there)
    ]
    assert p[0] > 1.4 * p[1]


def test_every_sound_has_one_rule_and_a_sentence():
    assert tuple(rule.sound for rule in rules.RULES) == SOUNDS
    for sound in SOUNDS:
        words = rules.statement(sound)
        assert words[0].isupper()
        assert words.endswith(".")
    assert {sound for sound, *_ in LOUDER} == set(SOUNDS), "a rule without an example"


def test_every_sound_is_likely_somewhere_and_unlikely_elsewhere():
    rng = np.random.default_rng(0)
    lat = np.rad2deg(np.arcsin(rng.uniform(-0.85, 0.95, 4000)))
    month, hour = rng.integers(1, 13, 4000), rng.uniform(0, 24, 4000)
    towns = np.repeat([PARIS, TUSCAN_VILLAGE, BRETTANY_SHORE, MUMBAI, (46.43, 6.55)], 800, axis=0)
    lats = np.concatenate([lat, towns[:, 0]])
    lons = np.concatenate([rng.uniform(-180, 180, 4000), towns[:, 1]])
    p = true_probability(lat=lats, lon=lons, month=np.tile(month, 2), hour=np.tile(hour, 2))
    assert (p.max(axis=0) > 0.2).all()
    assert (p.min(axis=0) < 0.03).all()


def test_shapes_that_rules_are_made_of():
    assert ramp([0.0, 5.0, 10.0], 2.0, 8.0).tolist() == [0.0, 0.5, 1.0]
    assert ramp([0.0, 10.0], 8.0, 2.0).tolist() == [1.0, 0.0]
    assert near(0.0, 3.0) == 1.0
    assert near(3.0, 3.0) == pytest.approx(np.exp(-1))
    assert around(23.0, 1.0, 2.0) == pytest.approx(around(3.0, 1.0, 2.0))
