"""Foreign worlds: drawn by their name, told apart from ours in every way that they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.data.recording import CaptionSource
from psm.earth.captionwriter import TIME_WORDS, caption
from psm.earth.layers import Layers, LayerValues
from psm.earth.painted_imagery import PaintedImagery
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.rules import FLOOR, RULES
from psm.earth.rules import odds as rule_odds
from psm.earth.sampling import sample_places
from psm.earth.scene import Scene
from psm.earth.sounds import FOREIGN_SOUNDS, SOUNDS, Sound
from psm.earth.soundscape import true_probability
from psm.earth.worlds import OUR_EARTH, World, world_named, world_of
from psm.earth.worlds.otherrules import NEW_SOUNDS, UNLIKE
from psm.errors import ConfigError
from psm.seeding import generator

NAMES = ("kepler", "vulcan", "tatooine")


@pytest.fixture(scope="module")
def ground() -> tuple[LayerValues, np.ndarray, np.ndarray]:
    places = sample_places(3000, 8)
    return Layers.load().at(lat=places.lat, lon=places.lon), places.month, places.hour


def told(world: World, about: str) -> dict[str, str]:
    return {d.subject: d.statement for d in world.differences if d.about == about}


def test_our_earth_is_the_world_without_a_name() -> None:
    assert world_named("") is OUR_EARTH
    assert OUR_EARTH.sounds == SOUNDS
    assert OUR_EARTH.rules is RULES
    assert OUR_EARTH.queries == QUERY_PHRASES
    assert OUR_EARTH.differences == ()


def test_the_same_word_is_the_same_world_and_another_word_another() -> None:
    first, again, other = world_named("Kepler"), world_named("kepler"), world_named("vulcan")
    assert first.name == "kepler"
    assert first.differences == again.differences
    assert first.look == again.look
    assert first.look != other.look
    assert first.microphone != other.microphone
    assert first.wording != other.wording
    assert first.differences != other.differences


@pytest.mark.parametrize("name", ["two words", "../earth", "a" * 33, "-x", "é"])
def test_a_name_is_one_plain_word(name: str) -> None:
    with pytest.raises(ConfigError, match="one word"):
        world_named(name)


@given(st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True))
def test_any_word_is_a_world(name: str) -> None:
    world = world_named(name)
    assert world.sounds[: len(SOUNDS)] == SOUNDS
    new = world.sounds[len(SOUNDS) :]
    assert len(set(new)) == 2
    assert set(new) <= set(FOREIGN_SOUNDS)
    assert set(told(world, "new")) == set(new)
    assert len(told(world, "unlike ours")) == 2
    for about in ("strength", "season", "hour", "imagery", "recorders", "wording"):
        assert told(world, about)
    moved = [d.subject for d in world.differences if d.subject]
    assert len(set(moved)) == len(moved), "a sound is changed in one way at most"
    assert world.queries.keys() == set(world.sounds)
    assert world.wording.phrases.keys() >= set(world.sounds)
    for rule in world.rules:
        assert rule.statement[0].isupper()
        assert rule.statement.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_rules_do_what_the_differences_say(name: str, ground) -> None:
    place, month, hour = ground
    world = world_named(name)
    here = world.odds(place, month=month, hour=hour) - FLOOR
    ours = OUR_EARTH.odds(place, month=month, hour=hour) - FLOOR
    assert here.shape == (len(place), 30)
    for sound, words in told(world, "strength").items():
        ratio = here[:, world.column(sound)].mean() / ours[:, world.column(sound)].mean()
        assert ratio == pytest.approx(float(words.split()[0]), rel=0.15)
        assert not 0.65 < ratio < 1.5
    for about, unit in (("season", "months"), ("hour", "hours")):
        for sound, words in told(world, about).items():
            amount, named, direction, *_ = words.split()
            late = int(amount) * (1 if direction == "later" else -1)
            assert named == unit
            if unit == "months":
                moment = {"month": (month - 1 - late) % 12 + 1, "hour": hour}
            else:
                moment = {"month": month, "hour": (hour - late) % 24.0}
            before = OUR_EARTH.odds(place, **moment)[:, world.column(sound)] - FLOOR
            np.testing.assert_allclose(here[:, world.column(sound)], before, atol=1e-9)
    touched = {d.subject for d in world.differences}
    for sound in set(SOUNDS) - touched:
        np.testing.assert_array_equal(here[:, world.column(sound)], ours[:, world.column(sound)])


def test_sounds_unlike_ours_are_heard_elsewhere_or_at_other_times(ground) -> None:
    place, month, hour = ground
    scene = Scene.of(place, month=month, hour=hour)
    for rule in UNLIKE:
        ours = RULES[SOUNDS.index(rule.sound)]
        both = rule_odds(scene, (ours, rule))
        assert np.corrcoef(both.T)[0, 1] < 0.3, rule.sound


def test_every_rule_of_other_worlds_is_likely_somewhere_and_unlikely_elsewhere(ground) -> None:
    place, month, hour = ground
    scene = Scene.of(place, month=month, hour=hour)
    rules = (*UNLIKE, *(new.rule for new in NEW_SOUNDS))
    strength = (rule_odds(scene, rules) - FLOOR) / 0.15
    names = [rule.sound for rule in rules]
    assert dict(zip(names, strength.max(axis=0) > 1.5, strict=True)) == dict.fromkeys(names, True)
    assert (np.median(strength, axis=0) < 0.5).all()
    assert (strength >= 0.0).all()


def test_new_sounds_are_where_anybody_would_look_for_them() -> None:
    amazon, lake_in_finland, brettany = (-4.0, -65.5), (62.05, 28.5), (48.35, -4.75)

    def strength(sound: Sound, where: tuple[float, float], month: int, hour: float) -> float:
        rule = next(new.rule for new in NEW_SOUNDS if new.rule.sound == sound)
        place = Layers.load().at(lat=where[0], lon=where[1])
        return float(rule.strength(Scene.of(place, month=month, hour=hour))[0])

    for sound, here, there in (
        (Sound.HOWLER_MONKEYS, (amazon, 3, 6.0), (lake_in_finland, 3, 6.0)),
        (Sound.HOWLER_MONKEYS, (amazon, 3, 6.0), (amazon, 3, 13.0)),
        (Sound.LAKE_ICE, (lake_in_finland, 1, 0.0), (lake_in_finland, 7, 0.0)),
        (Sound.FOG_HORNS, (brettany, 1, 3.0), (brettany, 1, 14.0)),
        (Sound.WOODPECKERS, (lake_in_finland, 4, 10.0), (brettany, 4, 23.0)),
        (Sound.GEESE, (lake_in_finland, 10, 12.0), (amazon, 10, 12.0)),
        (Sound.SPRINKLERS, ((36.75, -119.8), 7, 6.0), (amazon, 7, 6.0)),  # Fresno
    ):
        assert strength(sound, *here) > 2.0 * strength(sound, *there), sound


def test_an_earlier_scene_wraps_round_the_year_and_the_day(ground) -> None:
    place, month, hour = ground
    scene = Scene.of(place, month=month, hour=hour)
    before = scene.earlier(months=-3, hours=5.0)
    assert before.month.min() >= 1
    assert before.month.max() <= 12
    assert ((before.hour >= 0.0) & (before.hour < 24.0)).all()
    back = before.earlier(months=3, hours=-5.0)
    np.testing.assert_array_equal(back.month, month)
    np.testing.assert_allclose(back.hour, hour)
    assert scene.earlier(months=-3, hours=5.0) is before


def test_the_truth_of_a_world_is_asked_by_its_sounds() -> None:
    world = world_named("kepler")
    new = world.sounds[-1]
    where = {"lat": 48.0, "lon": 11.0, "month": 1, "hour": 2.0}
    assert true_probability(**where, world=world).shape == (1, 30)
    assert 0.0 < true_probability(**where, world=world, sounds=[new])[0, 0] < 1.0
    with pytest.raises(ConfigError, match="known sounds"):
        true_probability(**where, sounds=[new])


def test_a_folder_says_which_world_it_is(tmp_path: Path) -> None:
    assert world_of(tmp_path) is OUR_EARTH
    (tmp_path / "earth.json").write_text('{"format": 1}')
    assert world_of(tmp_path) is OUR_EARTH
    (tmp_path / "earth.json").write_text('{"format": 1, "world": "kepler"}')
    assert world_of(tmp_path).name == "kepler"


@pytest.mark.parametrize("name", NAMES)
def test_a_world_looks_otherwise_everywhere_and_always_alike(name: str) -> None:
    world = world_named(name)
    ours, theirs = PaintedImagery.load(), PaintedImagery.load(world.look)
    for lat, lon in ((48.86, 2.35), (-33.9, 151.2), (24.0, 10.0)):
        here = ours.tile(lat=lat, lon=lon).astype(int)
        there = theirs.tile(lat=lat, lon=lon)
        assert np.abs(there - here).mean() > 4.0
        np.testing.assert_array_equal(there, theirs.tile(lat=lat, lon=lon))
        # What decides the sound stays visible: bright is bright and dark is dark.
        assert np.corrcoef(here.mean(-1).ravel(), there.mean(-1).ravel())[0, 1] > 0.9


def test_autumn_is_in_one_half_of_a_world() -> None:
    look = world_named("kepler").look
    assert look is not None
    green = np.broadcast_to(np.array([60, 110, 40], np.uint8), (4, 4, 3))
    summer = look.applied(green, lat=-50.0 * look.hemisphere)
    autumn = look.applied(green, lat=50.0 * look.hemisphere)
    assert autumn[0, 0, 0] > summer[0, 0, 0] + 20
    np.testing.assert_array_equal(look.applied(green, lat=0.0), summer)


@pytest.mark.parametrize("rate_hz", [16_000, 32_000, 48_000])
def test_a_microphone_keeps_the_peak_and_cuts_what_it_cannot_hear(rate_hz: int) -> None:
    microphone = world_named("kepler").microphone
    assert microphone is not None
    waveform = 0.4 * generator(0, "white").uniform(-1.0, 1.0, 2 * rate_hz).astype(np.float32)
    heard = microphone.heard(waveform, generator(1, "noise"), rate_hz)
    assert heard.dtype == np.float32
    assert heard.shape == waveform.shape
    assert np.abs(heard).max() == pytest.approx(np.abs(waveform).max(), rel=1e-5)
    power = np.abs(np.fft.rfft(heard)) ** 2
    hertz = np.fft.rfftfreq(heard.size, 1.0 / rate_hz)
    middle = power[(hertz > 800) & (hertz < 2000)].mean()
    assert power[(hertz > 10) & (hertz < 40)].mean() < 0.1 * middle
    again = microphone.heard(waveform, generator(1, "noise"), rate_hz)
    np.testing.assert_array_equal(heard, again)


def test_silence_stays_well_formed() -> None:
    microphone = world_named("kepler").microphone
    assert microphone is not None
    heard = microphone.heard(np.zeros(16_000, np.float32), generator(0, "silence"), 16_000)
    assert np.isfinite(heard).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source", CaptionSource)
def test_other_wording_is_still_true(name: str, source: CaptionSource) -> None:
    world = world_named(name)
    differ = 0
    for number in range(60):
        rng = generator(number, "worlds")
        sounds = [world.sounds[k] for k in rng.permutation(len(world.sounds))[: 1 + number % 3]]
        text = caption(sounds, source, rng, "Lisbon", 6, 13.0, world.wording)
        assert text
        assert "{" not in text
        claimed = [w for words, _, _ in TIME_WORDS for w in words if w in text.lower()]
        assert not claimed, text
        if set(sounds) <= set(SOUNDS):
            again = generator(number, "worlds")
            again.permutation(len(world.sounds))
            differ += text != caption(sounds, source, again, "Lisbon", 6, 13.0)
    assert differ > 25
