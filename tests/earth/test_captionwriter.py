"""Captions: three styles, loudest first, true to the hour, in plain English."""

from __future__ import annotations

import itertools

import pytest

from psm.data.recording import CaptionSource
from psm.earth.captionwriter import TIME_WORDS, caption
from psm.earth.phrases import PHRASES, QUERY_PHRASES
from psm.earth.sounds import SOUNDS, Sound
from psm.errors import ConfigError
from psm.seeding import generator

META, QWEN, PENGI = CaptionSource.META, CaptionSource.QWEN, CaptionSource.PENGI


def _phrases(sound: Sound) -> list[str]:
    bank = PHRASES[sound]
    short = [c.replace(" is ", " ", 1).replace(" are ", " ", 1) for c in bank.clauses]
    return [*bank.names, *bank.clauses, *short]


def _many(
    sounds: list[Sound], source: CaptionSource, count: int = 40, **known: object
) -> list[str]:
    return [caption(sounds, source, generator(index, "caption"), **known) for index in range(count)]


@pytest.mark.parametrize("sound", SOUNDS)
def test_the_bank_of_a_sound_is_rich_and_grammatical(sound: Sound) -> None:
    bank = PHRASES[sound]
    assert len(set(bank.names)) >= 6
    assert len(set(bank.clauses)) >= 4
    assert all(" is " in clause or " are " in clause for clause in bank.clauses)
    assert all(phrase == phrase.strip() and "  " not in phrase for phrase in _phrases(sound))
    assert QUERY_PHRASES[sound] == bank.names[0]
    claims = [word for words, _, _ in TIME_WORDS for word in words]
    for options in (bank.names, bank.clauses):  # something can be said at every hour
        assert any(not any(word in phrase for word in claims) for phrase in options)


def test_no_phrase_names_two_sounds() -> None:
    for one, other in itertools.combinations(SOUNDS, 2):
        assert not set(_phrases(one)) & set(_phrases(other))


@pytest.mark.parametrize("source", CaptionSource)
def test_captions_are_clean_repeatable_and_varied(source: CaptionSource) -> None:
    known = {"place": "Lisbon, Portugal", "month": 5, "hour": 6.0}
    seen = set()
    for index, pair in enumerate(itertools.permutations(SOUNDS, 2)):
        text = caption(list(pair), source, generator(index, "clean"), **known)
        assert text == caption(list(pair), source, generator(index, "clean"), **known)
        assert text.isascii()
        assert text == text.strip()
        assert not any(bad in text for bad in ("  ", "{", "}", "None", "..", " ,", ";"))
        seen.add(text)
    assert len(seen) > 500


def test_pengi_is_terse_and_names_every_sound_loudest_first() -> None:
    sounds = [Sound.DOGS, Sound.RAIN, Sound.TRAINS]
    for text in _many(sounds, PENGI):
        assert len(text.split()) <= 24
        at = [min(text.find(p) for p in _phrases(s) if p in text) for s in sounds]
        assert at == sorted(at)


def test_qwen_writes_sentences_and_names_every_sound() -> None:
    sounds = [Sound.CHURCH_BELLS, Sound.SHEEP]
    for text in _many(sounds, QWEN):
        assert text[0].isupper()
        assert text.endswith(".")
        assert all(any(p in text.lower() for p in map(str.lower, _phrases(s))) for s in sounds)


def test_meta_often_names_only_what_stands_out_and_often_the_place() -> None:
    texts = [t.lower() for t in _many([Sound.WOLVES, Sound.TRAINS], META, 200, place="Lisbon")]
    both = sum(any(word in t for word in ("train", "rail", "tram")) for t in texts)
    assert 80 < both < 180
    assert 80 < sum("lisbon" in t for t in texts) < 180


def test_only_recordists_know_the_place() -> None:
    for source in (QWEN, PENGI):
        assert not any("Lisbon" in t for t in _many([Sound.RAIN], source, place="Lisbon"))


@pytest.mark.parametrize("source", CaptionSource)
@pytest.mark.parametrize(
    ("hour", "wrong"),
    [
        (13.0, ("night", "dawn", "dark", "evening")),
        (1.0, ("dawn", "morning")),
        (8.0, ("night", "dark")),
    ],
)
def test_no_caption_claims_another_time_of_day(
    source: CaptionSource, hour: float, wrong: tuple[str, ...]
) -> None:
    for sounds in (
        [Sound.CRICKETS, Sound.FROGS],
        [Sound.CICADAS, Sound.FROGS],
        [Sound.OWLS],
        [Sound.ROOSTERS, Sound.DOGS],
        [Sound.CAMPFIRE, Sound.OWLS],
    ):
        for text in _many(sounds, source, hour=hour):
            assert not any(word in text.lower() for word in wrong), text


def test_the_name_of_a_place_claims_no_time_of_day() -> None:
    told = {
        caption(
            [Sound.RAIN], CaptionSource.META, generator(seed, "dark"), "Kara-darkhan", None, 12.0
        )
        for seed in range(20)
    }
    assert any("Kara-darkhan" in each for each in told)


def test_time_words_wrap_round_midnight() -> None:
    assert all(0 <= start < 24 and 0 < end <= 24 for _, start, end in TIME_WORDS)
    assert any("night" in t for t in _many([Sound.WOLVES], META, 100, hour=0.5))


def test_combinations_have_names() -> None:
    texts = " ".join(_many([Sound.CICADAS, Sound.FROGS], QWEN))
    assert "jungle" in texts
    assert "street" in " ".join(_many([Sound.TRAFFIC, Sound.HORNS], META))


def test_nothing_to_describe_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one sound"):
        caption([], META, generator(0))
