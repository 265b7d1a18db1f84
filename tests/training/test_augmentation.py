"""Augmentation of log-mels: drawn by seed alone, and each step does to sound what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from psm.data.audio import AudioConfig
from psm.data.augmentation import AudioAugmentation
from psm.errors import ConfigError
from psm.experiments import load_experiment
from psm.seeding import generator
from psm.training import acoustics
from psm.training.augmentation import Augmenter, Variation

ROWS, FRAMES, BANDS = 24, 60, 32
AUDIO = AudioConfig(n_mels=BANDS)
QUIET: dict[str, Any] = {"gain_db": 0.0, "tilt_db": 0.0, "masks": 0}
EVERYTHING = AudioAugmentation(
    equaliser_db=5.0,
    pitch_bands=1.0,
    stretch=0.1,
    distance=1.0,
    room=1.0,
    mixture=1.0,
    noise=1.0,
    band_limit=1.0,
    gate=1.0,
    levelling=1.0,
)


def mels(rows: int = ROWS) -> np.ndarray:
    """Noise with a loud event in each row."""
    mel = generator(0, "mels").normal(-30.0, 4.0, (rows, 1, FRAMES, BANDS)).astype(np.float32)
    mel[:, :, 20:25, 8:16] += 30.0
    return mel


def varied(settings: AudioAugmentation, mel: np.ndarray, seed: int = 1) -> tuple[Any, Variation]:
    augmenter = Augmenter(settings, AUDIO)
    variation = augmenter.draw(generator(seed, "augment"), *mel.shape[::2], BANDS)
    return augmenter.apply(variation, mel, mel[variation.others.origin]), variation


def only(**setting: float) -> AudioAugmentation:
    return AudioAugmentation(**{**QUIET, **setting})


def test_nothing_happens_but_a_shift_where_nothing_is_asked_for() -> None:
    mel = mels()
    heard, variation = varied(only(), mel)
    for row in range(ROWS):
        shift = variation.frames[row, 0]
        np.testing.assert_array_equal(heard[row], np.roll(mel[row], -shift, axis=1))


def test_a_seed_gives_the_same_and_another_seed_something_else() -> None:
    one, again, other = (varied(EVERYTHING, mels(), seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).mean() > 1.0


def test_the_rows_of_a_rank_are_those_of_the_whole_batch() -> None:
    mel = mels()
    whole, variation = varied(EVERYTHING, mel)
    own = slice(8, 16)
    others = mel[variation.others.origin[own]]
    part = Augmenter(EVERYTHING, AUDIO).apply(variation.rows(own), mel[own], others)
    np.testing.assert_array_equal(part, whole[own])


def test_values_stay_finite_and_what_was_given_stays_as_it_was() -> None:
    mel = mels()
    before = mel.copy()
    heard, _ = varied(EVERYTHING, mel)
    assert heard.dtype == np.float32
    assert heard.shape == mel.shape
    assert np.isfinite(heard).all()
    np.testing.assert_array_equal(mel, before)


def test_silence_stays_silent() -> None:
    mel = mels()
    mel[3] = mel[7] = -100.0
    heard, _ = varied(EVERYTHING, mel)
    assert (heard[[3, 7]] == -100.0).all()
    assert (heard.max(axis=(1, 2, 3)) > -90.0).sum() == ROWS - 2


def test_a_room_moves_no_energy_backwards_and_rings_on_after() -> None:
    power = np.full((2, 1, FRAMES, BANDS), 1e-10, np.float32)
    power[:, :, 20] = 1.0
    wet = np.array([1.0, 0.0], np.float32)[:, None, None]
    keeps = np.full((2, 1, BANDS), 0.5, np.float32)
    heard = power.copy()
    acoustics.echo(heard, wet, keeps)
    np.testing.assert_array_equal(heard[1], power[1])
    assert heard[0, 0, :20].max() < 2.01e-10  # of silence itself
    # The echoes of a sound add up to its own power, each frame half of the one before.
    assert heard[0, 0, 20:].sum(axis=0) == pytest.approx(2.0, rel=1e-3)
    assert heard[0, 0, 22:26] == pytest.approx(0.5 * heard[0, 0, 21:25], rel=1e-3)


def test_backgrounds_are_below_the_recording_and_raise_it() -> None:
    mel = mels()
    for name in ("mixture", "noise"):
        shifted, _ = varied(only(), mel)
        heard, _ = varied(only(**{name: 1.0}), mel)
        assert (heard >= shifted - 1e-3).all()
        loud = 10 * np.log10(acoustics.loudness(acoustics.power_of(heard)))
        alone = 10 * np.log10(acoustics.loudness(acoustics.power_of(shifted)))
        assert 0.2 < (loud - alone).max() < 5.0


def test_what_is_mixed_in_is_another_row_of_the_batch() -> None:
    mel = mels()
    heard, variation = varied(only(mixture=1.0), mel)
    mel[variation.others.origin[0]] += 20.0  # its level does not matter, only its shape
    again, _ = varied(only(mixture=1.0), mel)
    np.testing.assert_allclose(again[0], heard[0], atol=1e-3)


def test_pitch_moves_a_band_up_or_down() -> None:
    mel = np.full((3, 1, FRAMES, BANDS), -60.0, np.float32)
    mel[..., 10] = 0.0
    heard = acoustics.pitched(mel, np.array([2.0, -3.0, 0.5], np.float32))
    assert heard[0, 0, 0].argmax() == 12
    assert heard[1, 0, 0].argmax() == 7
    assert heard[2, 0, 0, 10:12] == pytest.approx([-30.0, -30.0])


def test_distance_takes_the_high_bands_and_leaves_the_low() -> None:
    change = varied(only(distance=1.0), mels())[1].before_db
    assert change[:, 0] == pytest.approx(0.0, abs=0.1)
    assert change.min() < -15.0
    assert (np.diff(change, axis=1) <= 0).all()


def test_a_gate_keeps_what_is_loud() -> None:
    mel = mels()
    shifted, heard = varied(only(), mel)[0], varied(only(gate=1.0), mel)[0]
    peak = shifted.max(axis=(1, 2, 3), keepdims=True)
    assert (heard.min(axis=(1, 2, 3)) >= peak.ravel() - 80.0).all()
    np.testing.assert_array_equal(heard[shifted > peak - 30], shifted[shifted > peak - 30])


def test_an_automatic_gain_flattens_the_level() -> None:
    mel = mels()
    mel[:, :, 30:] -= 20.0
    before, after = (varied(only(levelling=x), mel)[0].max(axis=-1).std() for x in (0.0, 1.0))
    assert after < 0.9 * before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"room": 1.5}, r"room must be in \[0, 1\], got 1.5"),
        ({"masks": -1}, "masks must be at least 0, got -1"),
        ({"rooms": 0.5}, "rooms"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_experiment("earth-tiny", {"training.audio_augmentation": settings})
    assert "\n" not in str(caught.value)
