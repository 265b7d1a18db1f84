"""Rate limiters of a server: shared by threads, or kept on disk for processes and restarts too."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from psm.errors import ConfigError
from psm.files import atomic_path
from psm.http.failures import LONGEST_WAIT_S, TooManyRequests

_DAY_S = 86_400
_PART_S = 900
"""Requests are counted by quarters of an hour; a quarter counts until all of it is a day old."""


class Limiter(Protocol):
    """Gives turns to those who ask a server."""

    def wait(self, *, counts: bool = True) -> None:
        """Until it is this caller's turn.

        Args:
            counts: as one of the day's requests, where they are limited.

        Raises:
            TooManyRequests: that would be too long.
        """
        ...

    def hold(self, seconds: float) -> None:
        """Nobody's turn comes before this time has passed."""
        ...

    def took(self, count: int) -> None:
        """So many bytes came."""
        ...


class RateLimiter:
    """At most so many requests a second, of all threads of this process together."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1.0 / per_second
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, *, counts: bool = True) -> None:
        """Until it is this caller's turn; all requests count alike."""
        del counts
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
        time.sleep(max(0.0, turn - time.monotonic()))

    def hold(self, seconds: float) -> None:
        """Nobody's turn comes before this time has passed, unless that is too long to wait."""
        if seconds <= LONGEST_WAIT_S:
            with self._lock:
                self._next = max(self._next, time.monotonic() + seconds)

    def took(self, count: int) -> None:
        """Bytes are not limited."""


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """Limits of a server on requests: in any second, and in any 24 hours."""

    requests_per_s: float
    requests_per_day: int | None = None
    bytes_per_day: int | None = None


@dataclass
class _State:
    next_s: float = 0.0
    """When the next turn is."""
    held_s: float = 0.0
    """Before this time the server wants to see nobody."""
    spent: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Requests and bytes, by quarter of an hour."""


class StoredRateLimiter:
    """Turns kept in a small file, for all threads and processes, and after a restart.

    A turn is written down before it is taken, so that a process that is killed and started again
    can only be slower than the limits allow.

    Args:
        path: of the file.
        limits: of the server.
        who: the server, in the words of errors.
        clock, sleep: of the machine.
    """

    def __init__(
        self,
        path: Path,
        limits: RateLimits,
        *,
        who: str = "the server",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._limits, self._who = path, limits, who
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()

    def wait(self, *, counts: bool = True) -> None:
        """Until it is this caller's turn.

        Args:
            counts: as one of the day's requests.

        Raises:
            TooManyRequests: that would be too long.
        """
        while True:
            turn = self._take(counts)
            self._sleep(max(0.0, turn - self._clock()))
            # Somebody else may have been told to wait in the meantime.
            if self._read().held_s <= self._clock():
                return

    def _take(self, counts: bool) -> float:
        with self._state() as state:
            now = self._clock()
            turn = max(now, state.next_s, state.held_s)
            if turn > now + LONGEST_WAIT_S:
                raise _later(f"{self._who} asks to wait", turn - now)
            if (free := self._free_s(state, turn, counts)) > turn:
                if free > now + LONGEST_WAIT_S:
                    raise _later(f"what {self._who} allows in a day is used up", free - now)
                turn = free
            state.next_s = turn + 1.0 / self._limits.requests_per_s
            _spend(state, turn, int(counts), 0)
        return turn

    def hold(self, seconds: float) -> None:
        """Nobody's turn comes before this time has passed."""
        with self._state() as state:
            state.held_s = max(state.held_s, self._clock() + seconds)

    def took(self, count: int) -> None:
        """So many bytes came."""
        if self._limits.bytes_per_day is not None:
            with self._state() as state:
                _spend(state, self._clock(), 0, count)

    def _free_s(self, state: _State, turn: float, counts: bool) -> float:
        """When there is room in the day's limits: at ``turn``, or when old quarters go."""
        of_requests = self._limits.requests_per_day if counts else None
        for first in sorted(state.spent):
            if first < _oldest(turn):
                continue
            spent = [s for part, s in state.spent.items() if part >= max(first, _oldest(turn))]
            requests, size = (sum(column) for column in zip(*spent, strict=True))
            has_requests = of_requests is None or requests < of_requests
            if has_requests and size < (self._limits.bytes_per_day or size + 1):
                return turn
            turn = float((first + 1) * _PART_S + _DAY_S)
        return turn

    @contextmanager
    def _state(self) -> Iterator[_State]:
        """What is written down, to be changed by one at a time."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, FileLock(self._path.with_suffix(".lock")):
                state = self._read()
                yield state
                self._write(state)
        except OSError as problem:
            raise ConfigError(
                f"{self._path.parent}: cannot keep the pace of requests there "
                f"({problem.strerror}); PSM_CACHE names another folder"
            ) from None

    def _read(self) -> _State:
        try:
            said = json.loads(self._path.read_text())
            spent = {int(part): (int(n), int(size)) for part, (n, size) in said["spent"].items()}
            state = _State(float(said["next"]), float(said["held"]), spent)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return _State()
        latest = self._clock() + 2 * _DAY_S
        if max(state.next_s, state.held_s) > latest:  # the clock was set back
            return _State()
        return state

    def _write(self, state: _State) -> None:
        oldest = _oldest(self._clock())
        spent = {part: s for part, s in state.spent.items() if part >= oldest}
        with atomic_path(self._path) as path:
            said = {"next": state.next_s, "held": state.held_s, "spent": spent}
            path.write_text(json.dumps(said))


def _oldest(now: float) -> int:
    """The oldest quarter that some of the last 24 hours lies in."""
    return int((now - _DAY_S) // _PART_S)


def _spend(state: _State, when: float, requests: int, size: int) -> None:
    part = int(when // _PART_S)
    before = state.spent.get(part, (0, 0))
    state.spent[part] = (before[0] + requests, before[1] + size)


def _later(reason: str, seconds: float) -> TooManyRequests:
    detail = f"go on in {seconds / 60:.0f} min"
    return TooManyRequests(reason, may_pass=True, detail=detail)
