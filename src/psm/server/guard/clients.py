"""Checks of the client: the API key, and a token bucket for each address."""

from __future__ import annotations

import hmac
import time
from urllib.parse import parse_qs

from cachetools import LRUCache
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from psm.server.problems import Problem
from psm.server.settings import Settings

_GUARDED = ("/api/", "/metrics")
_FREE = ("/health/", "/metrics")
_COSTS = (("/audio", 20.0), ("/map.tif", 20.0), ("/map.png", 20.0), ("/listen", 10.0),
          ("/plan", 5.0))  # fmt: skip
_MOST_CLIENTS = 20_000


class KeyCheck:
    """Wants the key for the API and the metrics; the page, which asks for it, is open.

    Args:
        app: what answers.
        key: in the header ``X-API-Key``, or in the address as ``key``.
    """

    def __init__(self, app: ASGIApp, *, key: str) -> None:
        self.app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_guarded = scope["type"] == "http" and scope["path"].startswith(_GUARDED)
        if is_guarded and not self._is_right(scope):
            problem = Problem(
                401, "Send the server's key in the X-API-Key header.", kind="key",
                headers={"WWW-Authenticate": 'ApiKey realm="psm"'},
            )  # fmt: skip
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_right(self, scope: Scope) -> bool:
        sent = Headers(scope=scope).get("x-api-key")
        if sent is not None:
            given = sent.encode("latin-1")
        else:
            query = scope["query_string"].decode("latin-1")
            try:
                given = parse_qs(query, max_num_fields=200).get("key", [""])[0].encode()
            except ValueError:
                given = b""
        # In the same time however much of it is right.
        return hmac.compare_digest(given, self._key)


class RateLimiter:
    """Token bucket for each client: it fills steadily, requests empty it.

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
