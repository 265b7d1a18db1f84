"""What kind of file an upload is, by its first bytes: before any decoder sees it."""

from __future__ import annotations

import struct

_AUDIO: tuple[tuple[int, bytes], ...] = (
    (0, b"RIFF"), (0, b"RIFX"), (0, b"RF64"), (0, b"fLaC"), (0, b"OggS"), (0, b"ID3"),
    (0, b"FORM"), (0, b"caff"),
)  # fmt: skip
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska: send WAV, FLAC, Ogg or MP3"),
    (4, b"ftyp", "MP4 or M4A: send WAV, FLAC, Ogg or MP3"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"PK\x03\x04", "a ZIP archive: send one recording"),
    (0, b"\x1f\x8b", "a gzip archive: send the recording itself"),
    (0, b"%PDF", "a PDF"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
)
_HEAD = 1024
_STREAMED = (0, 0xFFFFFFFF)  # sizes in the head of a WAV that was written as it was recorded
_TAIL = 66_000  # a ZIP's directory ends at most so far from the end
_HIDDEN = (b"%PDF-", b"<html", b"<script", b"<?php", b"<svg", b"<!doctype")


def refusal(data: bytes) -> str | None:
    """Why bytes are no recording that is taken, or ``None``."""
    if not data:
        return "the file is empty"
    head = data[:_HEAD]
    for at, magic, what in _OTHERS:
        if head[at : at + len(magic)] == magic:
            return f"not audio but {what}"
    is_mp3 = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if not is_mp3 and not any(head[at : at + len(magic)] == magic for at, magic in _AUDIO):
        return "not an audio file that is read here: send WAV, FLAC, Ogg or MP3"
    low = head.lower()
    if any(mark.lower() in low for mark in _HIDDEN):
        return "two kinds of file in one: export the recording again"
    tail = data[-_TAIL:]
    if b"PK\x05\x06" in tail and b"PK\x01\x02" in tail:
        return "a ZIP archive hides in it: export the recording again"
    return _riff(data) if head[:4] in (b"RIFF", b"RIFX") else None


def _riff(data: bytes) -> str | None:
    """A WAV says how long it is; it must neither be shorter nor go on after its end."""
    if len(data) < 12 or data[8:12] != b"WAVE":
        return "a RIFF file, but no WAV"
    order = "<" if data[:4] == b"RIFF" else ">"
    (size,) = struct.unpack(f"{order}I", data[4:8])
    if size in _STREAMED:
        return None
    if len(data) > size + 8 + 1:
        return "bytes after the end of the WAV: export the recording again"
    if len(data) < size + 8:
        return f"cut short: the WAV holds {len(data):,} of {size + 8:,} bytes"
    return None
