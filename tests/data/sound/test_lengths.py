"""Files that end too early, hold several recordings, or say of their length what is not so."""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.data.audio import decode_audio
from psm.data.sound import chunks, mpegframes, read_middle
from psm.data.sound.media import media_of, opened
from psm.data.sound.splice import Splice
from psm.errors import CorruptRecording, UnusableSound
from tests.collect.media import patched, wav
from tests.data.sound.containers import RATE_HZ, SECONDS, content, encoded, plain, unsaid

CUT, SEVERAL = "cut short", "several recordings in one file"


def _half(name: str) -> bytes:
    data = content(name)
    return data[: len(data) // 2]


def _flac_says(samples: int) -> bytes:
    data = encoded("one.flac")
    packed = int.from_bytes(data[18:26], "big") >> 36 << 36
    return patched(data, 18, (packed | samples).to_bytes(8, "big"))


@pytest.mark.parametrize(
    "name",
    ["one.wav", "one.aiff", "one.caf", "one.au", "one.w64", "one.ogg", "one.opus", "cbr.mp3",
     "vbr.mp3", "one.webm", "film.mkv", "film.avi", "film.flv", "rf64.wav", "tagged.wav"],
)  # fmt: skip
def test_half_a_file_is_said_to_be_cut_short(name: str) -> None:
    with pytest.raises(CorruptRecording, match=CUT):
        decode_audio(_half(name), RATE_HZ, "audio")


@pytest.mark.parametrize("name", ["one.flac", "piped.flac", "aac.m4a", "film.mp4"])
def test_half_a_file_that_cannot_be_read_is_said_to_be_broken(name: str) -> None:
    with pytest.raises(CorruptRecording, match=r"damaged|not a readable audio file"):
        decode_audio(_half(name), RATE_HZ, "audio")


@pytest.mark.parametrize("name", ["piped.mp3", "one.aac", "zero.wav", "film.ts", "one.mp2"])
def test_half_a_stream_without_a_length_is_read_to_where_it_reaches(name: str) -> None:
    found = len(decode_audio(_half(name), RATE_HZ, "audio")) / RATE_HZ
    assert 0.3 * SECONDS < found < 0.7 * SECONDS


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda: encoded("one.ogg") * 50, SEVERAL),
        (lambda: encoded("one.ogg") + encoded("one.opus"), SEVERAL),
        (lambda: encoded("one.flac") * 2, SEVERAL),
        (lambda: plain() * 2, "bytes after the end of the WAV"),
        (lambda: plain() + b"more" * 100, "bytes after the end of the WAV"),
    ],
)
def test_several_in_one_file_are_refused(data: object, reason: str) -> None:
    assert callable(data)
    with pytest.raises(CorruptRecording, match=reason):
        decode_audio(data(), RATE_HZ, "audio")


def test_joined_mp3s_are_read_to_the_end() -> None:
    joined = decode_audio(encoded("cbr.mp3") * 3, RATE_HZ, "audio")
    assert len(joined) / RATE_HZ == pytest.approx(3 * SECONDS, abs=0.2)


@pytest.mark.parametrize(("says", "seconds"), [(1000, SECONDS), (0, SECONDS)])
def test_a_flac_that_says_less_is_read_to_its_end(says: int, seconds: float) -> None:
    found = decode_audio(_flac_says(says), RATE_HZ, "audio")
    assert len(found) / RATE_HZ == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize("end", [b"TAG" + b"\0" * 125, b"\xff" * 100, b"\0" * 3000])
def test_what_follows_a_piped_flac_is_not_taken_for_a_frame(end: bytes) -> None:
    found = decode_audio(encoded("piped.flac") + end, RATE_HZ, "audio")
    assert len(found) / RATE_HZ == pytest.approx(SECONDS, abs=1e-3)


def test_an_mp3_that_says_more_frames_is_cut_short() -> None:
    data = encoded("vbr.mp3")
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    with pytest.raises(CorruptRecording, match=CUT):
        decode_audio(patched(data, at, struct.pack(">I", 10_000)), RATE_HZ, "audio")
    less = decode_audio(patched(data, at, struct.pack(">I", 10)), RATE_HZ, "audio")
    assert len(less) / RATE_HZ == pytest.approx(SECONDS, abs=0.06)


def test_rubbish_between_frames_is_passed_over() -> None:
    data = encoded("piped.mp3")
    with opened(data) as media:
        whole = mpegframes.count(media)
    with opened(data[:9000] + b"\xff\xfb" + b"\1" * 700 + data[9000:]) as media:
        damaged = mpegframes.count(media)
    assert whole is not None
    assert damaged is not None
    assert whole.frames - 2 <= damaged.frames <= whole.frames


def test_late_sound_is_heard_in_the_middle_of_a_variable_bitrate() -> None:
    with opened(content("tagged-piped.mp3")) as media:
        found = read_middle(media, kept_s=0.5)
    whole = decode_audio(content("tagged-piped.mp3"), RATE_HZ, "audio")
    size = round(0.7 * RATE_HZ)
    first = (len(whole) - size) // 2
    assert found.duration_s == pytest.approx(len(whole) / RATE_HZ, abs=1e-3)
    assert found.samples.mean(axis=1) == pytest.approx(whole[first : first + size], abs=1e-3)


@pytest.mark.parametrize("name", ["aac.m4a", "one.aac", "film.mkv"])
def test_the_middle_by_ffmpeg_is_that_of_the_whole_whatever_memory_there_is(name: str) -> None:
    with opened(content(name)) as media:
        roomy = read_middle(media, kept_s=0.5)
        tight = read_middle(media, kept_s=0.5, most_mb=0.4)
    whole = decode_audio(content(name), roomy.rate_hz, "audio")
    first = (len(whole) - len(roomy.samples)) // 2
    middle = whole[first : first + len(roomy.samples)]
    assert roomy.samples.mean(axis=1) == pytest.approx(middle, abs=1e-6)
    np.testing.assert_array_equal(roomy.samples, tight.samples)
    assert roomy.duration_s == tight.duration_s


@given(st.integers(44, 16_044), st.integers(0, 64))
def test_a_wav_knows_what_it_lacks(size: int, more: int) -> None:
    data = wav()
    assert chunks.mended_wav(media_of(io.BytesIO(data + b"\1" * more))) is None
    if size < len(data):
        with pytest.raises(UnusableSound, match=CUT) as caught:
            chunks.mended_wav(media_of(io.BytesIO(data[:size])))
        assert caught.value.detail == f"{size:,} of {len(data):,} bytes"


@given(st.lists(st.one_of(st.binary(max_size=9), st.tuples(*[st.integers(0, 99)] * 2)), max_size=6))
def test_a_splice_reads_like_the_bytes_that_it_is_made_of(parts: list[object]) -> None:
    data = bytes(range(99))
    expected = b"".join(p if isinstance(p, bytes) else data[p[0] : p[1]] for p in parts)  # type: ignore[index]
    splice = io.BufferedReader(Splice(io.BytesIO(data), *parts))  # type: ignore[arg-type]
    assert splice.read() == expected
    for at in (0, len(expected) // 2, len(expected) + 5):
        splice.seek(at)
        assert splice.read() == expected[at:]


@pytest.mark.parametrize("order", ["<"])
@pytest.mark.parametrize("end", [1, 2, 3])
def test_a_wav_that_was_never_finished_may_end_within_a_sample(order: str, end: int) -> None:
    found = decode_audio(unsaid(order)[:-end], RATE_HZ, "audio")
    assert len(found) == round(SECONDS * RATE_HZ) - 1


@pytest.mark.parametrize(
    "data",
    [b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata", b"caff\0\1\0\0", b"caff" + b"\xff" * 60,
     b"fLaC\0\0\0\x22", b"OggS", b"OggS" + b"\xff" * 40, b"ID3\4\0\0\0\0\0\x05",
     b"FORM" + b"\0" * 40,
     b".snd" + b"\0" * 30, b"\xff\xfb\x90\x00", b"riff\x2e\x91\xcf\x11", b"\0\0\0\x08moov",
     b"FLV\1\5\0\0\0\x09", b"#!AMR\n", b"wvpk", b"\x0b\x77\0\0\0\0"],
)  # fmt: skip
def test_beginnings_are_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(CorruptRecording) as caught:
        decode_audio(data, RATE_HZ, "audio")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.sampled_from(["one.wav", "piped.flac", "one.caf", "piped.mp3", "one.ogg", "one.aiff"]),
       st.data())  # fmt: skip
def test_flipped_bytes_are_heard_or_refused(name: str, data: st.DataObject) -> None:
    whole = bytearray(content(name))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(400, len(whole) - 1)))] = data.draw(st.integers(0, 255))
    with suppress(CorruptRecording):
        assert decode_audio(bytes(whole), RATE_HZ, "audio").size
