"""Decoding, windows and log-mels, held against CLAP's own feature extractor and a naive DFT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from transformers import ClapFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from psm.data.audio import (
    AudioConfig,
    decode_audio,
    fused_log_mel,
    log_mel,
    mel_filters,
    read_audio,
    windows,
)
from psm.errors import ConfigError, CorruptRecording
from psm.seeding import generator

EMBEDDED, CLAP = AudioConfig(), AudioConfig.clap()
TINY = AudioConfig(sample_rate_hz=16_000, n_fft=256, hop=80, n_mels=20, f_max_hz=7_000, clip_s=0.1)


def _noise(seconds: float, rate_hz: int, seed: int = 0) -> np.ndarray:
    samples = round(seconds * rate_hz)
    return 0.1 * generator(seed, "noise").standard_normal(samples, dtype=np.float32)


def _tone(hertz: float, seconds: float, rate_hz: int) -> np.ndarray:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@pytest.mark.parametrize("seconds", [1.7, 4.0, 10.0])
def test_log_mel_is_that_of_claps_extractor(seconds: float) -> None:
    extractor = ClapFeatureExtractor(
        frequency_min=50, frequency_max=14_000, truncation="fusion", padding="repeatpad"
    )
    waveform = _noise(seconds, 48_000) + _tone(1000, seconds, 48_000)
    theirs = extractor(waveform, sampling_rate=48_000, return_tensors="np")["input_features"]
    ours = log_mel(windows(waveform, CLAP), CLAP)
    assert ours.shape == (1, 1001, 64)
    np.testing.assert_allclose(ours[0], theirs[0, 0], atol=1e-3)


def test_log_mel_is_a_windowed_power_spectrum() -> None:
    waveform = _noise(0.1, 16_000)
    half = TINY.n_fft // 2
    padded = np.concatenate([waveform[half:0:-1], waveform, waveform[-2 : -half - 2 : -1]])
    hann = np.sin(np.pi * np.arange(TINY.n_fft) / TINY.n_fft) ** 2
    for frame in (0, 7, TINY.frames - 1):
        part = padded[frame * TINY.hop :][: TINY.n_fft].astype(np.float64) * hann
        power = np.abs(np.fft.fft(part)[: half + 1]) ** 2
        expected = 10 * np.log10(np.maximum(1e-10, power @ mel_filters(TINY)))
        np.testing.assert_allclose(log_mel(waveform[None], TINY)[0, frame], expected, atol=1e-4)


def test_embedded_format_has_251_frames_of_64_bands() -> None:
    assert (EMBEDDED.clip_samples, EMBEDDED.frames, CLAP.frames) == (160_000, 251, 1001)
    mel = log_mel(windows(_noise(5.0, 32_000), EMBEDDED), EMBEDDED)
    assert mel.shape == (1, 251, 64)
    assert mel.dtype == np.float32


def test_a_tone_lights_its_own_band() -> None:
    centres = np.argmax(mel_filters(EMBEDDED), axis=0) * 32_000 / EMBEDDED.n_fft
    for hertz in (200.0, 1000.0, 6000.0):
        mel = log_mel(_tone(hertz, 1.0, 32_000)[None], EMBEDDED)[0]
        loudest = centres[np.argmax(mel.mean(axis=0))]
        assert abs(loudest - hertz) < 0.1 * hertz + 32


@given(st.floats(0.05, 20.0))
def test_gain_shifts_every_band_alike(gain: float) -> None:
    waveform = _noise(0.1, 16_000)[None]
    shift = log_mel(waveform * np.float32(gain), TINY) - log_mel(waveform, TINY)
    np.testing.assert_allclose(shift, 20 * np.log10(gain), atol=1e-3)


def test_slaney_filters_are_those_of_transformers() -> None:
    config = AudioConfig.mga_clap()
    expected = mel_filter_bank(513, 64, 50.0, 14_000.0, 32_000, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_filters(config), expected, atol=1e-12)
    assert (config.frames, config.n_mels) == (1001, 64)


def test_notes_of_what_there_was_before_stay_as_they_were() -> None:
    assert {"mel_scale", "padding"}.isdisjoint(EMBEDDED.to_json())
    told = AudioConfig.mga_clap().to_json()
    assert (told["mel_scale"], told["padding"]) == ("slaney", "silence")
    assert AudioConfig(**told) == AudioConfig.mga_clap()


def test_what_is_short_may_be_followed_by_silence() -> None:
    config = AudioConfig(sample_rate_hz=16_000, f_max_hz=8000, clip_s=1.0, padding="silence")
    sound = np.ones(4000, np.float32)
    assert windows(sound, config)[0].tolist() == [1.0] * 4000 + [0.0] * 12_000


def test_silence_sits_on_the_floor() -> None:
    assert (log_mel(np.zeros((2, 1600), np.float32), TINY) == -100.0).all()


def test_log_mel_refuses_rows_shorter_than_half_a_frame() -> None:
    with pytest.raises(ConfigError, match="more than 128 samples"):
        log_mel(np.zeros((1, 128), np.float32), TINY)


@given(st.integers(1, 1600))
def test_short_recordings_repeat_whole_copies_then_zeros(size: int) -> None:
    waveform = np.arange(1, size + 1, dtype=np.float32)
    (window,) = windows(waveform, TINY)
    copies = 1600 // size
    np.testing.assert_array_equal(window[: copies * size], np.tile(waveform, copies))
    assert not window[copies * size :].any()


@given(st.integers(1601, 20_000), st.integers(1, 6))
def test_windows_of_long_recordings_are_fixed_and_spread(size: int, most: int) -> None:
    waveform = np.arange(size, dtype=np.float32)
    cut = windows(waveform, TINY, max_windows=most)
    assert cut.shape == (min(most, -(-size // 1600)), 1600)
    assert cut[0, 0] == 0
    assert (np.diff(cut, axis=1) == 1).all()
    if len(cut) > 1:
        assert cut[-1, -1] == size - 1
        assert np.ptp(np.diff(cut[:, 0])) <= 1
    np.testing.assert_array_equal(cut, windows(waveform, TINY, max_windows=most))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_reads_common_formats_as_mono_at_the_wanted_rate(tmp_path: Path, name: str) -> None:
    tone = _tone(440, 1.0, 44_100)
    soundfile.write(tmp_path / name, np.stack([tone, 0 * tone], axis=1), 44_100)
    waveform = read_audio(tmp_path / name, 32_000)
    assert waveform.dtype == np.float32
    assert abs(waveform.size - 32_000) < 2000  # mp3 pads
    spectrum = np.abs(np.fft.rfft(waveform[:32_000]))
    assert abs(np.argmax(spectrum) * 32_000 / 32_000 - 440) <= 2
    assert np.abs(waveform[8000:24000]).max() == pytest.approx(0.25, rel=0.1)


def test_silence_is_a_recording(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(3200), 32_000)
    assert not read_audio(tmp_path / "quiet.wav", 32_000).any()


@pytest.mark.parametrize("kind", ["missing", "garbage", "truncated", "empty", "nan"])
def test_bad_files_are_named_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.wav"
    if kind == "garbage":
        path.write_bytes(b"not a sound" * 50)
    elif kind == "truncated":
        path.write_bytes(b"RIFF\x00\x00")
    elif kind == "empty":
        soundfile.write(path, np.zeros(0), 32_000)
    elif kind == "nan":
        soundfile.write(path, np.array([0.0, np.nan, 0.5]), 32_000, subtype="FLOAT")
    with pytest.raises(CorruptRecording, match=f"{kind}.wav") as caught:
        read_audio(path, 32_000)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"hop": 0}, {"f_max_hz": 17_000}, {"f_min_hz": 15_000}, {"clip_s": 0.01}]
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="audio"):
        AudioConfig(**wrong)


def test_windows_refuse_nothing() -> None:
    with pytest.raises(CorruptRecording, match="without samples"):
        windows(np.zeros(0, np.float32), TINY)
    with pytest.raises(ConfigError, match="max_windows"):
        windows(np.zeros(10, np.float32), TINY, max_windows=0)


def test_fused_windows_are_front_middle_and_back_and_never_vary() -> None:
    waveform = _noise(0.4, 16_000)
    whole = log_mel(waveform[None], TINY)[0]
    shrunk, front, middle, back = fused_log_mel(waveform, TINY)
    spare = len(whole) - TINY.frames
    np.testing.assert_array_equal(front, whole[: TINY.frames])
    np.testing.assert_array_equal(middle, whole[spare // 2 : spare // 2 + TINY.frames])
    np.testing.assert_array_equal(back, whole[-TINY.frames :])
    assert shrunk.shape == front.shape
    assert abs(shrunk.mean() - whole.mean()) < 0.5
    again = fused_log_mel(waveform, TINY, shrunk_first=False)
    np.testing.assert_array_equal(again, [front, middle, back, shrunk])
    with pytest.raises(CorruptRecording, match="without samples"):
        fused_log_mel(waveform[:0], TINY)


def test_an_hour_is_framed_in_blocks() -> None:
    waveform = _noise(45.0, 16_000)  # more frames than a block holds
    whole = log_mel(waveform[None], TINY)[0]
    assert len(whole) == len(waveform) // TINY.hop + 1
    part = log_mel(waveform[None, 5000 * 80 - 800 : 5000 * 80 + 801], TINY)[0]
    np.testing.assert_allclose(whole[5000], part[10], atol=1e-5)


def test_a_day_of_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "day.wav"
    soundfile.write(path, np.zeros(2 * 3600 * 8 + 8, np.int16), 8)
    with pytest.raises(CorruptRecording, match="longer than 2 hours; cut it into clips"):
        read_audio(path, 16_000)


def test_bytes_are_read_like_files(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", _tone(440, 0.5, 22_050), 22_050)
    data = (tmp_path / "a.flac").read_bytes()
    expected = read_audio(tmp_path / "a.flac", 32_000)
    np.testing.assert_array_equal(decode_audio(data, 32_000, "audio"), expected)
    for broken in (b"", b"not a sound" * 50):
        with pytest.raises(CorruptRecording, match=r"^audio: not a readable audio file \("):
            decode_audio(broken, 32_000, "audio")
