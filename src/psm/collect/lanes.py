"""Merges iterators that run in threads of their own into one stream."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class LaneEnd:
    """Marks the end of a lane, with the error that ended it, if one did.

    Attributes:
        error: what ended it before its time.
    """

    error: Exception | None = None


class Lanes(AbstractContextManager["Lanes[Item]"], Generic[Item]):
    """Threads that each walk through an iterator; iterating gives the items as they come.

    A lane waits while nobody takes what it gives. At the end of the block no lane goes on beyond
    the item it is at; none is waited for, since it may be in the middle of a long answer.

    Args:
        ahead: how many items may wait to be taken.
    """

    def __init__(self, ahead: int) -> None:
        self._coming: queue.Queue[tuple[str, Item | LaneEnd]] = queue.Queue(ahead)
        self._stopped: dict[str, threading.Event] = {}
        self._closed = threading.Event()
        self._running = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        for stopped in self._stopped.values():
            stopped.set()

    def start(self, name: str, items: Callable[[], Iterator[Item]]) -> None:
        """Begin a lane; several may have one name."""
        stopped = self._stopped.setdefault(name, threading.Event())
        self._running += 1
        threading.Thread(target=self._walk, args=(name, items, stopped), daemon=True).start()

    def stop(self, name: str) -> None:
        """Have the lanes of that name end after the items they are at."""
        self._stopped[name].set()

    def __iter__(self) -> Iterator[tuple[str, Item | LaneEnd]]:
        while self._running:
            name, item = self._coming.get()
            if isinstance(item, LaneEnd):
                self._running -= 1
            yield name, item

    def _walk(
        self, name: str, items: Callable[[], Iterator[Item]], stopped: threading.Event
    ) -> None:
        end = LaneEnd()
        try:
            for item in items():
                self._put(name, item)
                if stopped.is_set():
                    break
        except Exception as problem:  # who iterates decides what an error of a lane means
            end = LaneEnd(problem)
        self._put(name, end)

    def _put(self, name: str, item: Item | LaneEnd) -> None:
        # Looks up now and then, for at the end of the block nobody takes anything any more.
        while not self._closed.is_set():
            try:
                self._coming.put((name, item), timeout=0.5)
                return
            except queue.Full:
                continue
