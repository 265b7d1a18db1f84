"""Middleware between the network and the app, from the outside in.

Headers, counting, other sites' pages, rate limit, key, limits on time and size, HEAD.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from psm.server.guard.clients import KeyCheck, RateLimiter
from psm.server.guard.head import HeadAsGet
from psm.server.guard.headers import SecurityHeaders
from psm.server.guard.limits import RequestLimits
from psm.server.metrics import RequestLog
from psm.server.routes.common import PROVENANCE_HEADER
from psm.server.state import ServerState

__all__ = ["install"]


def install(app: FastAPI, state: ServerState) -> None:
    """Put everything around an app; what is added last stands outermost."""
    settings = state.settings
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestLimits, settings=settings)
    if settings.key is not None:
        app.add_middleware(KeyCheck, key=settings.key)
    app.add_middleware(RateLimiter, settings=settings)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=["X-API-Key"],
            expose_headers=["ETag", "Retry-After", PROVENANCE_HEADER],
            max_age=3600,
        )
    app.add_middleware(RequestLog, metrics=state.metrics, is_logged=settings.access_log)
    app.add_middleware(SecurityHeaders, settings=settings)
