"""Fingerprints: the same recording is known again, silence is not."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.comparing.fingerprints import SAME, fingerprint, similarity
from psm.earth.sounds import Sound
from psm.earth.synthesis import mix

RATE_HZ = 32_000
SOUNDS = (Sound.RAIN, Sound.SONGBIRDS, Sound.TRAFFIC, Sound.WAVES, Sound.VOICES, Sound.CRICKETS)


@pytest.fixture(scope="module")
def recordings() -> dict[str, np.ndarray]:
    """Two of each sound."""
    rng = np.random.default_rng(3)
    return {f"{s}-{n}": mix([s], rng, 10.0, RATE_HZ) for s in SOUNDS for n in range(2)}


def _through(samples: np.ndarray, form: str, subtype: str, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Encoded with much loss and decoded again."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format=form, subtype=subtype, compression_level=0.7)
    out.seek(0)
    return np.asarray(soundfile.read(out, dtype="float32")[0])


COPIES = {
    "mp3": lambda x: (_through(x, "MP3", "MPEG_LAYER_III"), RATE_HZ),
    "ogg": lambda x: (_through(x, "OGG", "VORBIS"), RATE_HZ),
    "softer": lambda x: (0.2 * x, RATE_HZ),
    "resampled": lambda x: (soxr.resample(x, RATE_HZ, 22_050), 22_050),
    "cut": lambda x: (x[round(0.613 * RATE_HZ) :], RATE_HZ),
    "cut at both ends": lambda x: (x[round(0.987 * RATE_HZ) : -round(0.31 * RATE_HZ)], RATE_HZ),
    "all of it": lambda x: (
        _through(0.3 * soxr.resample(x[20_000:], RATE_HZ, 44_100), "OGG", "VORBIS", 44_100), 44_100,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_is_known_again(change: str, recordings: dict[str, np.ndarray]) -> None:
    for name, samples in recordings.items():
        original = fingerprint(samples, RATE_HZ)
        copy = fingerprint(*COPIES[change](samples))
        assert similarity(original, copy) > SAME, name
        assert similarity(copy, original) == pytest.approx(similarity(original, copy)), name


def test_different_recordings_are_different(recordings: dict[str, np.ndarray]) -> None:
    prints = [fingerprint(x, RATE_HZ) for x in recordings.values()]
    assert max(similarity(a, b) for a, b in itertools.combinations(prints, 2)) < 0.6 * SAME


def test_silence_is_like_nothing() -> None:
    rng = np.random.default_rng(0)
    silence = np.zeros(10 * RATE_HZ, np.float32)
    hiss = (1e-5 * rng.standard_normal(10 * RATE_HZ)).astype(np.float32)
    noise = (0.1 * rng.standard_normal(10 * RATE_HZ)).astype(np.float32)
    prints = [fingerprint(x, RATE_HZ) for x in (silence, hiss, noise)]
    assert not any(prints[0])
    for one, other in itertools.combinations_with_replacement(prints[:2], 2):
        assert similarity(one, other) == 0.0
    assert similarity(prints[2], prints[0]) == 0.0
    assert similarity(prints[2], prints[2]) == 1.0


def test_a_second_of_sound_in_silence_says_nothing() -> None:
    rng = np.random.default_rng(1)
    samples = np.zeros(10 * RATE_HZ, np.float32)
    samples[:RATE_HZ] = 0.1 * rng.standard_normal(RATE_HZ)
    found = fingerprint(samples, RATE_HZ)
    assert any(found)
    assert similarity(found, found) == 0.0


@given(st.binary(max_size=4000).map(lambda data: data[: len(data) // 4 * 4]))
def test_any_fingerprint_can_be_compared(data: bytes) -> None:
    other = np.random.default_rng(2).bytes(1600)
    assert 0.0 <= similarity(data, other) <= 1.0
    assert similarity(data, other) == similarity(other, data)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.4, 0.6])
def test_short_recordings_have_little_to_say(seconds: float) -> None:
    samples = np.ones(round(seconds * RATE_HZ), np.float32)
    found = fingerprint(samples, RATE_HZ)
    assert len(found) % 4 == 0
    assert similarity(found, found) == 0.0
