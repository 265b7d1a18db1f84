"""A file whose failed writes are remembered, for libraries that do not survive them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class GuardedFile(io.RawIOBase):
    """Reads and writes a file; the first write that fails is kept for :meth:`check`.

    HDF5 flushes when it closes a file. Where that fails, the file stays half open, and the
    interpreter crashes at its end. Here such a write seems to succeed, and everything after it is
    dropped: HDF5 closes in peace, and the writer asks :meth:`check` what became of it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("w+b", buffering=0)
        self._problem: OSError | None = None

    def check(self) -> None:
        """Raise the first error of a write, if there was one."""
        if self._problem is not None:
            raise self._problem

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Fill a buffer."""
        return self._file.readinto(buffer)

    def write(self, data: ReadableBuffer) -> int:
        """Write all of the data, or remember why not."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self._problem is None and done < len(view):
                done += self._file.write(view[done:]) or 0
        except OSError as problem:
            self._problem = problem
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Change the size, or remember why that cannot be."""
        try:
            return self._file.truncate(size)
        except OSError as problem:
            self._problem = self._problem or problem
            return self._file.tell() if size is None else size

    def close(self) -> None:
        """Close it."""
        self._file.close()
        super().close()
