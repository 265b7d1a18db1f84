"""Token bucket for each client: it fills steadily, requests empty it."""

from __future__ import annotations

import time

from cachetools import LRUCache
from starlette.types import ASGIApp, Receive, Scope, Send

from psm.server.problems import Problem
from psm.server.settings import Settings

_FREE = ("/health/", "/metrics")
_COSTS = (("/audio", 20.0), ("/map.tif", 20.0), ("/map.png", 20.0), ("/listen", 10.0))
_MOST_CLIENTS = 20_000


class RateLimiter:
    """Refuses clients whose bucket is empty.

    Args:
        app: what answers.
        settings: how fast buckets fill, and how large they are.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.rate, self.burst = settings.rate_per_s, settings.burst
        self._buckets: LRUCache[str, tuple[float, float]] = LRUCache(_MOST_CLIENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(_FREE):
            client = scope.get("client")
            wait_s = self.take(client[0] if client else "", _cost(scope["path"]))
            if wait_s > 0.0:
                problem = Problem(
                    429, "Too many requests: ask again after the time in Retry-After.",
                    kind="rate", retry_after_s=wait_s + 0.5,
                )  # fmt: skip
                await problem.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def take(self, client: str, cost: float) -> float:
        """Pay for a request; returns the seconds to wait where the bucket holds too little."""
        now = time.monotonic()
        level, since = self._buckets.get(client, (self.burst, now))
        level = min(self.burst, level + (now - since) * self.rate)
        cost = min(cost, self.burst)
        is_enough = level >= cost
        self._buckets[client] = (level - cost if is_enough else level, now)
        return 0.0 if is_enough else (cost - level) / self.rate


def _cost(path: str) -> float:
    return next((cost for end, cost in _COSTS if path.endswith(end)), 1.0)
