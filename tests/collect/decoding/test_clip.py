"""One file to one clip, held against decoding the whole of it."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.decoding import DecodedClip, DecodingJob, FileLimits
from psm.collect.decoding.clip import make as decode
from psm.collect.refusal import Refused
from psm.data.audio import AudioConfig, read_audio
from psm.data.framing import Framing
from tests.collect.decoding.conftest import FRAMING, Make, make_job
from tests.collect.media import FILMS, RATE_HZ, SUBTYPES, encoded, film, sound, waveform
from tests.data.sound import containers

LIMITS = FileLimits()
FUSED = Framing(audio=FRAMING.audio, fused=True)
READ = sorted({*SUBTYPES, *FILMS} - {"mute"})


def _samples(job: DecodingJob) -> np.ndarray:
    samples, rate_hz = soundfile.read(job.clip, dtype="float32")
    assert rate_hz == FRAMING.audio.sample_rate_hz
    return np.asarray(samples)


@pytest.mark.parametrize("name", READ)
def test_every_kind_is_heard(name: str, make: Make) -> None:
    job = make(f"a.{name}", sound(name) if name in SUBTYPES else film(name))
    found = decode(job, FRAMING, LIMITS)
    assert found.duration_s == pytest.approx(2.0, abs=0.12)
    assert found.channels == 1
    ours, source = _samples(job), waveform(2.0)
    # Some codecs delay by some milliseconds.
    likeness = np.correlate(source, ours / np.linalg.norm(ours), "valid")
    most = max(float(np.linalg.norm(source[at : at + ours.size])) for at in range(7000, 9000, 500))
    assert likeness.max() > 0.85 * most
    assert abs(int(likeness.argmax()) - 8000) < 0.08 * RATE_HZ


@pytest.mark.parametrize("framing", [FRAMING, FUSED])
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 96_000])
def test_reading_the_middle_is_like_reading_all(rate_hz: int, framing: Framing, make: Make) -> None:
    job = make("a.wav", encoded(waveform(7.3, rate_hz), "wav", rate_hz))
    decode(job, framing, LIMITS)
    oracle = framing.mel(read_audio(job.media, framing.audio.sample_rate_hz))
    ours = np.load(job.mel)
    assert ours.shape == oracle.shape
    assert ours.dtype == np.float16
    difference = np.abs(ours.astype(np.float32) - oracle.astype(np.float32))
    loud = oracle > -50  # 16 bits of a clip cannot hold what is quieter
    assert np.median(difference[loud]) < 0.05
    assert np.quantile(difference[loud], 0.99) < 1.0


def test_a_long_film_is_read_in_the_middle(make: Make) -> None:
    job = make("a.mp4", film("mov", 9.0))
    decode(job, FRAMING, LIMITS)
    whole = waveform(9.0)
    assert _samples(job) == pytest.approx(whole[64_000:80_000], abs=2e-4)


@pytest.mark.parametrize("framing", [FRAMING, FUSED])
def test_the_mel_is_that_of_the_stored_clip(framing: Framing, make: Make) -> None:
    job = make("a.ogg", sound("ogg"))
    decode(job, framing, LIMITS)
    assert (framing.mel(_samples(job)) == np.load(job.mel)).all()


def test_fusion_keeps_the_whole_up_to_a_length(make: Make) -> None:
    job = make("a.wav", encoded(waveform(5.0), "wav"))
    decode(job, FUSED, LIMITS)
    assert _samples(job).size == 80_000
    decode(job, FUSED, FileLimits(longest_s=3.0))
    assert _samples(job) == pytest.approx(waveform(5.0)[16_000:64_000], abs=1e-4)


@given(
    seconds=st.floats(0.5, 4.0), rate_hz=st.sampled_from([8000, 22_050, 44_100, 48_000]),
    channels=st.integers(1, 3), name=st.sampled_from(["wav", "flac", "ogg"]),
)  # fmt: skip
def test_any_length_rate_and_number_of_channels(
    seconds: float, rate_hz: int, channels: int, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mono = waveform(seconds, rate_hz)
    samples = np.stack([mono * (1 - 0.3 * place) for place in range(channels)], axis=1)
    job = make_job(tmp_path_factory.mktemp("any"), "a", encoded(samples, name, rate_hz))
    found = decode(job, FRAMING, LIMITS)
    assert (found.channels, found.media_rate_hz) == (channels, rate_hz)
    assert found.duration_s == pytest.approx(mono.size / rate_hz, abs=2e-3)
    assert abs(_samples(job).size - min(RATE_HZ, mono.size * RATE_HZ / rate_hz)) <= 1
    assert np.load(job.mel).shape == (1, FRAMING.audio.frames, 32)
    again = decode(job, FRAMING, LIMITS)
    assert again == found


def test_levels_are_those_of_the_recording(make: Make) -> None:
    time_s = np.arange(4 * 44_100) / 44_100
    left = 0.5 * np.sin(2 * np.pi * 441 * time_s)
    job = make("a.wav", encoded(np.stack([left, -left], axis=1), "wav", 44_100))
    found = decode(job, FRAMING, LIMITS)
    assert found.peak_db == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert found.rms_db == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.01)
    # Left and right cancel: the file is loud, the clip is silent.
    assert np.abs(_samples(job)).max() < 1e-4
    assert found.sound_flags == ("silent",)


def test_too_loud_is_cut_at_full_scale(make: Make) -> None:
    job = make("a.wav", encoded(np.full(16_000, 2.0, np.float32), "float"))
    found = decode(job, FRAMING, LIMITS)
    assert found.peak_db == pytest.approx(6.02, abs=0.01)
    assert _samples(job) == pytest.approx(1.0, abs=1e-4)


def test_limits_are_those_that_are_asked_for(make: Make) -> None:
    job = make("a.wav", sound("wav"))
    assert isinstance(decode(job, FRAMING, FileLimits(shortest_s=2.0)), DecodedClip)
    with pytest.raises(Refused, match="too short"):
        decode(job, FRAMING, FileLimits(shortest_s=2.1))
    with pytest.raises(Refused, match="too large"):
        decode(job, FRAMING, FileLimits(media_mb=0))


def test_the_clip_at_the_rate_of_the_file_is_the_file(make: Make) -> None:
    job = make("a.wav", sound("wav"))
    decode(job, FRAMING, LIMITS)
    whole, _ = soundfile.read(io.BytesIO(sound("wav")), dtype="int16")
    ours, _ = soundfile.read(job.clip, dtype="int16")
    assert (ours == whole[8000:24_000]).all()


def test_resampled_once(make: Make) -> None:
    framing = Framing(audio=AudioConfig(sample_rate_hz=32_000, clip_s=2.0))
    job = make("a.wav", sound("wav"))
    decode(job, framing, LIMITS)
    source, _ = soundfile.read(io.BytesIO(sound("wav")), dtype="float32")
    ours, _ = soundfile.read(job.clip, dtype="float32")
    assert ours == pytest.approx(soxr.resample(source, 16_000, 32_000), abs=1e-4)


def test_what_lies_above_the_band_of_the_model_is_silence(make: Make) -> None:
    time_s = np.arange(2 * 192_000) / 192_000
    bat = 0.3 * np.sin(2 * np.pi * 45_000 * time_s)
    found = decode(make("a.wav", encoded(bat, "wav", 192_000)), FRAMING, LIMITS)
    assert found.rms_db == pytest.approx(20 * math.log10(0.3 / math.sqrt(2)), abs=0.1)
    assert found.sound_flags == ("silent",)
    over = bat + 0.01 * np.sin(2 * np.pi * 3000 * time_s)
    assert not decode(make("b.wav", encoded(over, "wav", 192_000)), FRAMING, LIMITS).sound_flags


def test_late_sound_of_a_bitrate_that_varies_is_in_the_middle(make: Make) -> None:
    # Silence takes few bytes: who guesses a length from it takes the sound for the end.
    job = make("a.mp3", containers.late_mp3())
    found = decode(job, FRAMING, LIMITS)
    assert found.duration_s == pytest.approx(12.0, abs=0.1)
    assert not found.sound_flags
    assert np.abs(_samples(job)).max() > 0.1
