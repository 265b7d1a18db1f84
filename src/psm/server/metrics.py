"""Prometheus metrics and the access log: counts and times by route, nothing about clients."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")

log = logging.getLogger("psm.server.access")


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter(
            "psm_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "psm_request_seconds", "Until the answer was complete.", ("route",),
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.refused = Counter(
            "psm_uploads_refused", "Recordings refused, by status.", ("status",),
            registry=self.registry,
        )  # fmt: skip
        ProcessCollector(namespace="psm", registry=self.registry)

    def gauge(self, name: str, words: str, read: Callable[[], float]) -> None:
        """A number that is read whenever Prometheus asks."""
        Gauge(name, words, registry=self.registry).set_function(read)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request."""
        self.requests.labels(method, route, f"{status}").inc()
        self.seconds.labels(route).observe(seconds)

    def response(self) -> Response:
        """Everything, as Prometheus reads it."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class RequestLog:
    """Middleware that counts and times requests by route, and keeps nothing of who asks what.

    Args:
        app: what answers.
        metrics: where they are counted.
        is_logged: whether to write a line of JSON for each.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, is_logged: bool) -> None:
        self.app, self.metrics, self.is_logged = app, metrics, is_logged
        if is_logged:
            log.setLevel(logging.INFO)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, seen = time.perf_counter(), {"status": 499, "bytes": 0}  # 499: the client left

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            elif message["type"] == "http.response.body":
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - start
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.metrics.count(method, _route(scope), seen["status"], seconds)
            if self.is_logged:
                line = {"at": round(time.time(), 3), "method": method, "path": scope["path"]}
                log.info(json.dumps({**line, **seen, "ms": round(1000.0 * seconds, 1)}))


def _route(scope: Scope) -> str:
    """The pattern of the address, so that there are few of them."""
    path = getattr(scope.get("route"), "path_format", None)
    if path is not None:
        prefix = "/api/v1" if scope["path"].startswith("/api/v1") else ""
        return path if str(path).startswith(prefix) else f"{prefix}{path}"
    return "/assets" if scope["path"].startswith("/assets/") else "none"
