"""Counting requests, and a line for each where that is wished for."""

from __future__ import annotations

import json
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from psm.server.metrics import Metrics

_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")

log = logging.getLogger("psm.server.access")


class Watch:
    """Counts and times requests by route; of clients and questions it keeps nothing.

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
