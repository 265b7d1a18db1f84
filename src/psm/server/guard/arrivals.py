"""Bodies that are coming in: few of one client at a time, and the slowest make way for others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psm.server.problems import Problem
from psm.server.settings import Settings

_PATIENCE_S = 2.0
"""Nobody is judged before."""


@dataclass(eq=False)
class Arrival:
    """A body that is coming in.

    Attributes:
        client: address of who sends it.
        clock: ends its request.
        until: when it has to be there, whatever its pace.
        begun: when it began, by the clock of the loop.
        taken: bytes that are there.
    """

    client: str
    clock: asyncio.Timeout
    until: float
    begun: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    taken: int = 0

    @property
    def age_s(self) -> float:
        """Since it began."""
        return asyncio.get_running_loop().time() - self.begun

    @property
    def bytes_per_s(self) -> float:
        """Its pace so far."""
        return self.taken / max(self.age_s, 1e-3)

    def end(self) -> None:
        """Let its request run out of time now."""
        self.clock.reschedule(asyncio.get_running_loop().time())


class Arrivals:
    """All bodies that are coming in.

    Args:
        settings: how many there may be, and how slow.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._coming: list[Arrival] = []

    def __len__(self) -> int:
        return len(self._coming)

    @contextmanager
    def coming(self, client: str, clock: asyncio.Timeout) -> Iterator[Arrival]:
        """While this block runs, a body of a client is coming in.

        Args:
            client: its address.
            clock: of the request.

        Raises:
            Problem: 429, this client sends as much as it may; 503, all clients together do.
        """
        of_client = [arrival for arrival in self._coming if arrival.client == client]
        if len(of_client) >= self._settings.arrivals_a_client:
            self._end_slowest(of_client, 429, "This client sends as many recordings as it may")
        elif len(self._coming) >= self._settings.arrivals:
            self._end_slowest(self._coming, 503, "The server receives as much as it can")
        now = asyncio.get_running_loop().time()
        arrival = Arrival(client, clock, now + self._settings.timeout_s)
        self._coming.append(arrival)
        try:
            self.wait_for(arrival)
            yield arrival
        finally:
            self.there(arrival)

    def wait_for(self, arrival: Arrival) -> None:
        """Give a body until its next bytes have to come."""
        now = asyncio.get_running_loop().time()
        arrival.clock.reschedule(min(arrival.until, now + self._settings.stall_s))

    def more(self, arrival: Arrival, count: int) -> None:
        """Bytes of a body have come: it goes on, unless it drips.

        Raises:
            TimeoutError: it is too slow.
        """
        arrival.taken += count
        is_slow = arrival.bytes_per_s < self._settings.slow_bytes_per_s
        if is_slow and arrival.age_s > self._settings.stall_s:
            raise TimeoutError
        self.wait_for(arrival)

    def there(self, arrival: Arrival) -> None:
        """A body is there, or given up."""
        if arrival in self._coming:
            self._coming.remove(arrival)

    def _end_slowest(self, among: list[Arrival], status: int, what: str) -> None:
        """Make room for another body.

        Raises:
            Problem: all of them come in at a fair pace.
        """
        slow = [
            arrival
            for arrival in among
            if arrival.age_s > _PATIENCE_S
            and arrival.bytes_per_s < 8.0 * self._settings.slow_bytes_per_s
        ]
        if not slow:
            raise Problem(
                status, f"{what}; send this one after the time in Retry-After.", kind="busy",
                retry_after_s=_PATIENCE_S,
            )  # fmt: skip
        slowest = min(slow, key=lambda arrival: arrival.bytes_per_s)
        slowest.end()
        self.there(slowest)
