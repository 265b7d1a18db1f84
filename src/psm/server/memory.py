"""What is kept in memory: the last used, within a size."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
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
        self.most, self.kept_s = most, kept_s
        self.hits = self.misses = 0
        self._size = size
        self._total = 0.0
        self._values: OrderedDict[Hashable, tuple[Value, float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def total(self) -> float:
        """Size of all values."""
        return self._total

    def get(self, key: Hashable) -> Value | None:
        """The value, or ``None`` where it is not there or no more."""
        now = time.monotonic()
        with self._lock:
            found = self._values.get(key)
            if found is None or now - found[2] > self.kept_s:
                self.misses += 1
                if found is not None:
                    self._drop(key)
                return None
            self.hits += 1
            self._values[key] = (found[0], found[1], now)
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, unless it alone is too large."""
        size = self._size(value)
        with self._lock:
            if key in self._values:
                self._drop(key)
            if size > self.most:
                return
            self._values[key] = (value, size, time.monotonic())
            self._total += size
            while self._total > self.most:
                self._drop(next(iter(self._values)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._total = 0.0

    def _drop(self, key: Hashable) -> None:
        self._total -= self._values.pop(key)[1]
