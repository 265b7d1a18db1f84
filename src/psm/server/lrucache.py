"""LRU cache within a size, for several threads, that counts what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import cachetools

Value = TypeVar("Value")


class LRUCache(Generic[Value]):
    """Values by key; the ones not used for longest make way.

    Args:
        most: total size.
        size: of a value; 1 by default, so that values are counted.
        kept_s: how long after its last use a value is forgotten anyway.
    """

    def __init__(
        self,
        most: float,
        size: Callable[[Value], float] = lambda _: 1.0,
        *,
        kept_s: float = float("inf"),
    ) -> None:
        self.hits = self.misses = 0
        self._kept_s = kept_s
        self._values: cachetools.LRUCache[Hashable, tuple[Value, float]] = cachetools.LRUCache(
            most, getsizeof=lambda kept: size(kept[0])
        )
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def total(self) -> float:
        """Size of all values."""
        return self._values.currsize

    def get(self, key: Hashable) -> Value | None:
        """The value, or ``None`` where it is not there or no more."""
        now = time.monotonic()
        with self._lock:
            found = self._values.get(key)
            if found is None or now - found[1] > self._kept_s:
                self.misses += 1
                self._values.pop(key, None)
                return None
            self.hits += 1
            self._values[key] = (found[0], now)
            return found[0]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, unless it alone is too large."""
        with self._lock:
            self._values.pop(key, None)
            try:
                self._values[key] = (value, time.monotonic())
            except ValueError:  # larger than all that may be kept
                return

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
