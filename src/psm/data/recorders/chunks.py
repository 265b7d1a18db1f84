"""Chunks of WAV files and comments of FLAC files, without the sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MOST_CHUNKS = 1024
_MOST_BYTES = 1 << 20
_WANTED = frozenset({b"LIST", b"bext", b"iXML", b"guan", b"wamd"})
_WAVES = frozenset({b"RIFF", b"RF64", b"BW64"})
_NOT_WRITTEN = 0xFFFFFFFF
_COMMENTS = 4  # the FLAC block


def wav_chunks(path: Path) -> dict[bytes, bytes]:
    """Chunks that tell of the recording, by name; empty where it is no WAV file.

    Those of RF64 and BW64 too. A chunk that is cut short is left out.
    """
    found: dict[bytes, bytes] = {}
    try:
        with path.open("rb") as file:
            for name, content in _chunks(file):
                found.setdefault(name, content)
    except (OSError, ValueError):
        pass
    return found


def info_of(chunk: bytes) -> dict[str, bytes]:
    """The texts of an INFO list, by name."""
    found: dict[str, bytes] = {}
    if chunk[:4] != b"INFO":
        return found
    place = 4
    while place + 8 <= len(chunk):
        size = int.from_bytes(chunk[place + 4 : place + 8], "little")
        name = chunk[place : place + 4].decode("latin-1")
        found.setdefault(name, chunk[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    return found


def flac_comments(path: Path) -> dict[str, str]:
    """Comments of a FLAC file by name in capitals; empty where it is none."""
    try:
        with path.open("rb") as file:
            head = file.read(10)
            if head[:3] == b"ID3":  # which other programs put before
                size = 0
                for byte in head[6:10]:
                    size = size << 7 | byte & 0x7F
                file.seek(10 + size)
                head = file.read(4)
            else:
                file.seek(4)
            if head[:4] != b"fLaC":
                return {}
            for _ in range(_MOST_CHUNKS):
                header = file.read(4)
                if len(header) < 4:
                    return {}
                size = int.from_bytes(header[1:], "big")
                if header[0] & 0x7F == _COMMENTS:
                    return _comments(file.read(min(size, _MOST_BYTES)))
                if header[0] & 0x80:
                    return {}
                file.seek(size, 1)
    except (OSError, ValueError):
        pass
    return {}


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    head = file.read(12)
    if head[:4] not in _WAVES or head[8:] != b"WAVE":
        return
    long_size = 0
    for _ in range(_MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = header[:4], int.from_bytes(header[4:], "little")
        if name == b"ds64":
            content = file.read(size)
            long_size = int.from_bytes(content[8:16], "little")
        elif name in _WANTED and size <= _MOST_BYTES:
            content = file.read(size)
            if len(content) < size:
                return
            yield name, content
        else:
            if size == _NOT_WRITTEN and head[:4] != b"RIFF":
                size = long_size
            file.seek(size, 1)
        _to_the_next(file, size)


def _to_the_next(file: BinaryIO, size: int) -> None:
    """Past the byte that fills up an odd chunk, which some recorders leave out."""
    if size % 2:
        here = file.tell()
        name = file.read(4)
        is_a_name = name[:1].isalnum() and all(0x20 <= byte < 0x7F for byte in name)
        file.seek(here + (0 if is_a_name else 1))


def _comments(block: bytes) -> dict[str, str]:
    def number(place: int) -> int:
        return int.from_bytes(block[place : place + 4], "little")

    place = 4 + number(0)
    count, place = number(place), place + 4
    found: dict[str, str] = {}
    for _ in range(min(count, _MOST_CHUNKS)):
        if place + 4 > len(block):
            break
        size, place = number(place), place + 4
        name, _, value = block[place : place + size].decode("utf-8", "replace").partition("=")
        found.setdefault(name.upper(), value.strip("\0 \t\r\n"))
        place += size
    return found
