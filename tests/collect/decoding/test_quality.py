"""Silence, clipping and speech."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.decoding.quality import clipped, sound_quality, speech
from psm.earth.sounds import Sound
from psm.earth.synthesis import render

RATE_HZ = 16_000


def _tone(amplitude: float, seconds: float = 4.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * 333 * time_s)).astype(np.float32)


def _speaker(seed: int) -> np.ndarray:
    """Syllables of a buzz through two formants, four a second, with breaks."""
    rng = np.random.default_rng(seed)
    samples = np.zeros(8 * RATE_HZ)
    start = 0
    while start < samples.size - RATE_HZ:
        size = round(rng.uniform(0.12, 0.25) * RATE_HZ)
        time_s = np.arange(size) / RATE_HZ
        pitch_hz = rng.uniform(95, 160)
        formants = rng.uniform(350, 750), rng.uniform(1000, 2200)
        voice = np.zeros(size)
        for partial in range(1, 30):
            hertz = partial * pitch_hz
            gain = sum(1 / (1 + ((hertz - centre) / 120) ** 2) for centre in formants)
            voice += gain * np.sin(2 * np.pi * hertz * time_s)
        samples[start : start + size] = voice * np.hanning(size)
        start += size + round(rng.uniform(0.03, 0.12) * RATE_HZ)
    return (0.2 * samples / np.abs(samples).max()).astype(np.float32)


@pytest.mark.parametrize("amplitude", [1.0, 0.25, 0.01])
def test_levels(amplitude: float) -> None:
    heard = sound_quality(_tone(amplitude)[:, None], RATE_HZ)
    assert heard.peak_db == pytest.approx(20 * math.log10(amplitude), abs=0.02)
    assert heard.rms_db == pytest.approx(20 * math.log10(amplitude / math.sqrt(2)), abs=0.02)
    assert "silent" not in heard.flags


def test_silence_is_flagged() -> None:
    nothing = sound_quality(np.zeros((RATE_HZ, 2), np.float32), RATE_HZ)
    assert (nothing.peak_db, nothing.rms_db, nothing.flags) == (-120.0, -120.0, ("silent",))
    assert sound_quality(_tone(2e-4)[:, None], RATE_HZ).flags == ("silent",)


def test_left_and_right_that_cancel_are_silent() -> None:
    tone = _tone(0.5)
    heard = sound_quality(np.stack([tone, -tone], axis=1), RATE_HZ)
    assert heard.flags == ("silent",)
    assert heard.rms_db == pytest.approx(-9.03, abs=0.02)


@given(st.floats(1.0, 20.0))
def test_clipping_is_the_share_on_plateaus(gain: float) -> None:
    loud = gain * _tone(1.0, 1.0)
    found = clipped(np.clip(loud, -1, 1)[:, None])
    beyond = float((np.abs(loud) >= 1).mean())
    assert beyond - 0.05 < found <= beyond + 0.1
    assert not clipped(0.5 * loud[:, None] / gain)


def test_a_peak_at_full_scale_is_no_clipping() -> None:
    samples = 0.1 * np.random.default_rng(0).standard_normal((RATE_HZ, 1)).astype(np.float32)
    samples[::100] = 1.0
    assert clipped(samples) == 0.0
    assert "clipped" not in sound_quality(samples, RATE_HZ).flags
    samples[4000:4100] = -1.0
    assert clipped(samples) == pytest.approx(100 / RATE_HZ, abs=1e-3)
    assert "clipped" in sound_quality(samples, RATE_HZ).flags


@pytest.mark.parametrize("seed", range(4))
def test_a_speaker_is_heard_over_noise(seed: int) -> None:
    voice = _speaker(seed)
    noise = np.random.default_rng(seed).standard_normal(voice.size).astype(np.float32)
    assert "speech" in sound_quality(voice[:, None], RATE_HZ).flags
    assert "speech" in sound_quality((voice + 0.01 * noise)[:, None], RATE_HZ).flags
    assert speech(voice * 1e-2, RATE_HZ) == pytest.approx(speech(voice, RATE_HZ), abs=0.1)


@pytest.mark.parametrize("sound", [Sound.RAIN, Sound.CRICKETS, Sound.WAVES, Sound.SONGBIRDS])
def test_nature_does_not_speak(sound: Sound) -> None:
    samples = render(sound, np.random.default_rng(1), 8.0, 32_000)
    assert speech(0.1 * samples, 32_000) < 0.3


def test_what_cannot_be_speech() -> None:
    assert speech(_tone(0.5), RATE_HZ) == 0.0
    assert speech(_speaker(0), 4000) == 0.0
    assert speech(np.zeros(RATE_HZ, np.float32), RATE_HZ) == 0.0
    assert 0.0 <= speech(_tone(0.5, 0.01), RATE_HZ) <= 1.0
