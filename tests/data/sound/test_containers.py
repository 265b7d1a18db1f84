"""How long recordings are: by every entry, of every container, beside what ffmpeg decodes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from psm.collect.decoding import DecodingJob, FileLimits
from psm.collect.decoding.clip import make
from psm.data.audio import AudioConfig, decode_audio, read_audio
from psm.data.framing import Framing
from psm.server.decoder import DecodingLimits, answer
from tests.data.sound.containers import NAMES, RATE_HZ, content, encoded, plain, seconds, waveform

AUDIO = AudioConfig()
WITHIN_S = 0.02


def _asked(path: Path) -> float:
    found = read_audio(path, RATE_HZ, band_hz=AUDIO.band_hz, is_query=True)
    return len(found) / RATE_HZ


def _imported(path: Path) -> float:
    return len(decode_audio(path.read_bytes(), RATE_HZ, "audio", band_hz=AUDIO.band_hz)) / RATE_HZ


def _uploaded(path: Path) -> float:
    limits = DecodingLimits(RATE_HZ, AUDIO.band_hz, 5.0, seconds=60.0, cpu_s=10, memory_mb=512)
    said, samples = answer(io.BytesIO(path.read_bytes()), limits)
    assert "problem" not in said, said
    return len(samples) / RATE_HZ


def _collected(path: Path) -> float:
    job = DecodingJob("a", path, path.parent / "clip.flac", path.parent / "mel.npy")
    return make(job, Framing(audio=AUDIO), FileLimits()).duration_s


ENTRIES: dict[str, Callable[[Path], float]] = {
    "map and search": _asked, "data import": _imported, "serve": _uploaded, "collect": _collected,
}  # fmt: skip


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 70
    assert len({name.rpartition(".")[2] for name in NAMES}) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_hears_as_long_as_ffmpeg_decodes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recording"  # the name says nothing
    path.write_bytes(content(name))
    expected = seconds(name)
    assert expected == pytest.approx(len(waveform()) / RATE_HZ, abs=0.1)
    found = {entry: hear(path) for entry, hear in ENTRIES.items()}
    assert found == pytest.approx(dict.fromkeys(ENTRIES, expected), abs=WITHIN_S)


@pytest.mark.parametrize(
    "name", ["zero.wav", "bw64.wav", "piped.flac", "zero.aiff", "minus-one.caf", "tagged.flac"]
)
def test_what_is_mended_is_the_same_sound(name: str) -> None:
    whole, rate_hz = soundfile.read(io.BytesIO(plain()), dtype="float32")
    mono = whole.mean(axis=1, dtype=np.float32)
    assert decode_audio(content(name), rate_hz, name) == pytest.approx(mono, abs=1e-6)


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
     ("OGG", "OPUS"), ("AIFF", "PCM_16"), ("CAF", "PCM_16")],
)  # fmt: skip
def test_what_libsndfile_reads_right_stays_as_it_reads_it(form: str, subtype: str) -> None:
    out = io.BytesIO()
    soundfile.write(out, waveform()[:48_000], 48_000, format=form, subtype=subtype)
    theirs, _ = soundfile.read(io.BytesIO(out.getvalue()), dtype="float32", always_2d=True)
    ours = decode_audio(out.getvalue(), 48_000, "audio")
    np.testing.assert_array_equal(ours, theirs.mean(axis=1, dtype=np.float32))


def test_a_variable_bitrate_without_a_count_is_the_sound_that_it_is_with_one() -> None:
    counted = decode_audio(encoded("vbr.mp3"), RATE_HZ, "audio")
    bare = decode_audio(content("tagged-piped.mp3"), RATE_HZ, "audio")
    # Without the count in front nobody knows that an encoder put 25 ms before the sound.
    late = np.correlate(bare[:6000], counted[1000:3000], "valid").argmax() - 1000
    assert 0 < late < 0.03 * RATE_HZ
    size = len(counted) - 2000
    assert np.corrcoef(bare[late : late + size], counted[:size])[0, 1] > 0.99


@pytest.mark.parametrize("rate_hz", [1000, 8000, 11_025, 192_000, 384_000, 768_000])
@pytest.mark.parametrize("channels", [1, 2, 3, 6, 16])
def test_rates_and_channels(rate_hz: int, channels: int, tmp_path: Path) -> None:
    time_s = np.arange(rate_hz * 3 // 5) / rate_hz
    tone = 0.1 * np.sin(2 * np.pi * 220 * time_s)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate_hz, subtype="PCM_24")
    found = {entry: hear(path) for entry, hear in ENTRIES.items()}
    assert found == pytest.approx(dict.fromkeys(ENTRIES, 0.6), abs=1e-3)
