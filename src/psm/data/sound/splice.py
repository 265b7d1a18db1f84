"""A file made of parts of another and of new bytes, without a copy of it."""

from __future__ import annotations

import io
from bisect import bisect_right
from itertools import accumulate
from typing import BinaryIO

Part = bytes | tuple[int, int]
"""New bytes, or those of the file from one place up to another."""


class Splice(io.RawIOBase):
    """Parts of a file and new bytes, one after the other, to be read as one file.

    Args:
        file: it is not closed.
        parts: in order.
    """

    def __init__(self, file: BinaryIO, *parts: Part) -> None:
        self._file = file
        self._parts = [part for part in parts if _size(part)]
        self._ends = list(accumulate(_size(part) for part in self._parts))
        self._at = 0

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def seekable(self) -> bool:
        """Any place can be gone to."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        size = self._ends[-1] if self._ends else 0
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        """Fill a buffer from where it stands, to the end of a part at most."""
        place = bisect_right(self._ends, self._at)
        if place == len(self._parts):
            return 0
        part = self._parts[place]
        left = self._ends[place] - self._at
        size = min(len(buffer), left)
        skipped = _size(part) - left
        if isinstance(part, bytes):
            data = part[skipped : skipped + size]
        else:
            self._file.seek(part[0] + skipped)
            data = self._file.read(size)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _size(part: Part) -> int:
    return len(part) if isinstance(part, bytes) else max(0, part[1] - part[0])
