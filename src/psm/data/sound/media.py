"""Opens a media file and tells its kind by its bytes, whatever it is called."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from psm.data.untrusted import HEAD, TAIL, FileKind, sniff
from psm.errors import UnusableSound

_ID3_HEAD = 10
_ID3_FOOTER = 0x10
_MOST_PIPED = 2**30


@dataclass(frozen=True)
class Media:
    """An open file with sound in it.

    Attributes:
        file: can be gone about in.
        kind: by its bytes.
        start: where it begins, behind tags that were put before it.
        size: of the whole file.
    """

    file: BinaryIO
    kind: FileKind
    start: int
    size: int

    def bytes(self, at: int, size: int) -> bytes:
        """Some bytes of the file; fewer at its end."""
        self.file.seek(at)
        return self.file.read(size)


def media_of(file: BinaryIO) -> Media:
    """The kind of an open file.

    Raises:
        UnusableSound: there is no sound in such files.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    file.seek(max(0, size - TAIL))
    kind = sniff(head, file.read(TAIL))
    start = 0
    if head[:3] == b"ID3":
        start = _behind_tags(file, size)
        file.seek(start)
        kind = _tagged(file.read(HEAD))
        if kind is FileKind.MP3:
            start = 0  # its decoders know the tags, and what may stand between
    return Media(file, kind, start, size)


@contextmanager
def opened(source: Path | bytes) -> Iterator[Media]:
    """Open a file, or the bytes of one.

    Raises:
        UnusableSound: it cannot be read, or is no file with sound.
    """
    if isinstance(source, bytes):
        yield media_of(io.BytesIO(source))
        return
    try:
        file = source.open("rb", buffering=0)
    except FileNotFoundError:
        raise UnusableSound("no such file") from None
    except IsADirectoryError:
        raise UnusableSound("a folder, no file", fix="name a file in it") from None
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise UnusableSound("cannot be read here", detail=why) from None
    with file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            yield media_of(io.BytesIO(_piped(file)))
            return
        if not stat.S_ISREG(mode):
            raise UnusableSound("no file but a device")
        yield media_of(file)


@contextmanager
def on_disk(file: BinaryIO | io.RawIOBase) -> Iterator[int]:
    """Descriptor of a file for other programs; what is in memory only is written out for them."""
    try:
        yield file.fileno()
        return
    except OSError:  # BytesIO and splices have none
        pass
    with _scratch() as copy:
        file.seek(0)
        while block := file.read(2**20):
            copy.write(block)
        copy.flush()
        yield copy.fileno()


def in_memory(data: bytes) -> BinaryIO:
    """A file with these bytes that has a descriptor, for whoever may not write one later on."""
    file = _scratch()
    file.write(data)
    file.seek(0)
    return file


def _scratch() -> BinaryIO:
    """In memory where the system can, since a confined process may write no file."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("recording"), "w+b", buffering=0)
    return tempfile.TemporaryFile()


def _piped(file: BinaryIO) -> bytes:
    data = bytearray()
    while block := file.read(2**20):
        data += block
        if len(data) > _MOST_PIPED:
            raise UnusableSound("more than 1 GB through a pipe", fix="name a file")
    return bytes(data)


def _behind_tags(file: BinaryIO, size: int) -> int:
    """Where what follows all ID3 tags begins."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(_ID3_HEAD)
        if len(head) < _ID3_HEAD or head[:3] != b"ID3" or max(head[6:]) > 0x7F:
            break
        long = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        at += _ID3_HEAD * (2 if head[5] & _ID3_FOOTER else 1) + long
        if at > size:
            raise UnusableSound("not readable as sound", detail="its ID3 tag has no end")
    return at


def _tagged(head: bytes) -> FileKind:
    """Kind of what follows tags: an MP3, unless it is plainly another."""
    try:
        return sniff(head, b"")
    except UnusableSound:
        return FileKind.MP3
