"""An Earth that is silent about some sounds: their names go, everything else stays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from psm.data.recording import CAPTION_SOURCES, Recording
from psm.data.shards import Sample, read_shard, write_shard
from psm.data.tars import read_samples
from psm.earth.captionwriter import caption
from psm.earth.phrases import PHRASES, SURROUNDINGS
from psm.earth.recaption import HELD_OUT, held_out_sounds, recaption
from psm.earth.sounds import SOUNDS, Sound
from psm.errors import ConfigError, MissingData, SettingsChanged
from psm.seeding import generator

ROWS = 60


def recording(number: int, split: str) -> Recording:
    rng = generator(0, "recaption test", split, number)
    source = CAPTION_SOURCES[number % 3]
    sounds = [SOUNDS[k] for k in rng.choice(28, rng.integers(1, 4), replace=False)]
    return Recording(
        key=f"{split}{number}", lat=48.2, lon=16.4, audio_source=None, caption_source=source,
        caption=caption(sounds, source, rng, "Vienna", 5, 6.0), split=split, cell="c", month=5,
        hour=6.0, sounds=tuple(sound.value for sound in sounds),
    )  # fmt: skip


@pytest.fixture(scope="module")
def earth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earth")
    for split in ("train", "val", "test"):
        samples = (
            Sample(recording(i, split), np.full((8, 8, 3), i, np.uint8),
                   np.full((1, 2, 2), i, np.float16))
            for i in range(ROWS)
        )  # fmt: skip
        write_shard(folder / f"{split}-00000.tar", samples)
    (folder / "earth.json").write_text(json.dumps({"format": 1, "seed": 0}))
    return folder


@pytest.fixture(scope="module")
def silent(earth: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("silent")
    changed = recaption(earth, folder)
    held = [
        recording(i, split)
        for split in ("train", "val")
        for i in range(ROWS)
        if set(recording(i, split).sounds) & set(HELD_OUT)
    ]
    assert changed == len(held) > 20
    return folder


def read(folder: Path, split: str) -> list[Recording]:
    return [sample.recording for sample in read_shard(folder / f"{split}-00000.tar")]


def test_four_sounds_are_held_out_by_a_rule() -> None:
    assert HELD_OUT == (Sound.WIND, Sound.OWLS, Sound.SHEEP, Sound.CHURCH_BELLS)


def test_no_other_sound_is_named_by_their_phrases() -> None:
    others = [
        phrase
        for sound in SOUNDS
        if sound not in HELD_OUT
        for bank in (PHRASES[sound].names, PHRASES[sound].clauses)
        for phrase in bank
    ]
    others += [
        name for scene in SURROUNDINGS if scene.needs not in HELD_OUT for name in scene.names
    ]
    for sound in HELD_OUT:
        for phrase in (*PHRASES[sound].names, *PHRASES[sound].clauses):
            named = [other for other in others if re.search(rf"\b{re.escape(phrase)}\b", other)]
            assert not named, phrase


@pytest.mark.parametrize("split", ["train", "val"])
def test_no_caption_or_label_of_training_names_them(earth: Path, silent: Path, split: str) -> None:
    phrases = [
        phrase
        for sound in HELD_OUT
        for bank in (PHRASES[sound].names, PHRASES[sound].clauses)
        for phrase in bank
    ]
    for before, after in zip(read(earth, split), read(silent, split), strict=True):
        kept = tuple(sound for sound in before.sounds if sound not in HELD_OUT)
        assert after.sounds == kept
        if kept == before.sounds:
            assert after == before
            continue
        assert after.caption != before.caption
        assert not any(phrase in after.caption.lower() for phrase in phrases), after.caption
        assert after.caption


def test_the_test_split_stays_and_so_do_tiles_and_sound(earth: Path, silent: Path) -> None:
    assert read(silent, "test") == read(earth, "test")
    for split in ("train", "test"):
        name = f"{split}-00000.tar"
        pairs = zip(read_samples(earth / name), read_samples(silent / name), strict=True)
        for before, after in pairs:
            assert {k: v for k, v in before.items() if k != "json"} == {
                k: v for k, v in after.items() if k != "json"
            }


def test_an_earth_says_what_it_is_silent_about(earth: Path, silent: Path) -> None:
    assert held_out_sounds(earth) == ()
    assert held_out_sounds(silent) == HELD_OUT
    assert held_out_sounds(silent / "nowhere") == ()


def test_a_lost_shard_comes_back_with_the_same_bytes(earth: Path, silent: Path) -> None:
    shard = silent / "val-00000.tar"
    before = shard.read_bytes()
    shard.unlink()
    recaption(earth, silent)
    assert shard.read_bytes() == before


def test_bad_requests_are_named(earth: Path, silent: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unicorns"):
        recaption(earth, tmp_path / "a", ["unicorns"])
    with pytest.raises(ConfigError, match="another folder"):
        recaption(earth, earth)
    with pytest.raises(ConfigError, match="at least one"):
        recaption(earth, tmp_path / "a", [])
    with pytest.raises(MissingData, match="psm earth build"):
        recaption(tmp_path, tmp_path / "a")
    with pytest.raises(SettingsChanged, match="another Earth"):
        recaption(earth, silent, [Sound.RAIN])
