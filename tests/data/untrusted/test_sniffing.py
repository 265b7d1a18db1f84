"""What a file is, by its bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.data.untrusted.sniffing import HEAD, SOUND_FILES, TAIL, Kind, sniff, wav_lacks
from psm.errors import CorruptRecording
from tests.collect.media import FILMS, SUBTYPES, film, sound, wav

KINDS = {
    "wav": Kind.WAV, "flac": Kind.FLAC, "ogg": Kind.OGG, "opus": Kind.OGG, "mp3": Kind.MP3,
    "aiff": Kind.AIFF, "caf": Kind.CAF, "rf64": Kind.WAV, "float": Kind.WAV, "ima": Kind.WAV,
    "mp4": Kind.MP4, "m4a": Kind.MP4, "mov": Kind.MP4, "webm": Kind.MATROSKA, "mkv": Kind.MATROSKA,
    "avi": Kind.AVI, "flv": Kind.FLV, "wmv": Kind.ASF, "mpg": Kind.MPEG_PS, "ts": Kind.MPEG_TS,
    "aac": Kind.AAC, "mute": Kind.MP4, "adpcm": Kind.WAV,
}  # fmt: skip


@pytest.mark.parametrize("name", [*SUBTYPES, *FILMS])
def test_kinds(name: str) -> None:
    data = sound(name) if name in SUBTYPES else film(name)
    kind = sniff(data[:HEAD], data[-TAIL:])
    assert kind is KINDS[name]
    assert (kind in SOUND_FILES) == (name in SUBTYPES or name == "adpcm")


@given(st.binary(max_size=600))
def test_any_bytes_are_something_or_refused(data: bytes) -> None:
    with suppress(CorruptRecording):
        assert sniff(data[:HEAD], data[-TAIL:]) in Kind


@given(st.integers(12, 16_044), st.integers(0, 100))
def test_a_wav_knows_what_it_lacks(size: int, more: int) -> None:
    data = wav()
    assert wav_lacks(data[:HEAD], len(data)) == 0
    assert wav_lacks(data[:size][:HEAD], size) == len(data) - size
    assert wav_lacks(data[:HEAD], len(data) + more) == -more
