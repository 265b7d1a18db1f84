"""What a file is, by its bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.data.untrusted import HEAD, SOUND_FILES, TAIL, FileKind, sniff
from psm.errors import CorruptRecording
from tests.collect.media import FILMS, SUBTYPES, film, sound

KINDS = {
    "wav": FileKind.WAV, "flac": FileKind.FLAC, "ogg": FileKind.OGG, "opus": FileKind.OGG,
    "mp3": FileKind.MP3, "aiff": FileKind.AIFF, "caf": FileKind.CAF, "rf64": FileKind.WAV,
    "float": FileKind.WAV, "ima": FileKind.WAV, "mp4": FileKind.MP4, "m4a": FileKind.MP4,
    "mov": FileKind.MP4, "webm": FileKind.MATROSKA, "mkv": FileKind.MATROSKA, "avi": FileKind.AVI,
    "flv": FileKind.FLV, "wmv": FileKind.ASF, "mpg": FileKind.MPEG_PS, "ts": FileKind.MPEG_TS,
    "aac": FileKind.AAC, "mute": FileKind.MP4, "adpcm": FileKind.WAV,
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
        assert sniff(data[:HEAD], data[-TAIL:]) in FileKind
