"""Whether anybody opened a file, as Linux tells it."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

_IN_OPEN = 0x20


class Watch:
    """Watches one file from now on."""

    def __init__(self, path: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._events = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._events >= 0
        assert self._libc.inotify_add_watch(self._events, os.fsencode(path), _IN_OPEN) >= 0

    def was_opened(self) -> bool:
        """Whether it was opened since it was last asked."""
        with suppress(BlockingIOError):
            return bool(os.read(self._events, 4096))
        return False

    def close(self) -> None:
        """Stop watching."""
        os.close(self._events)
