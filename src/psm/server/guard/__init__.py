"""What stands between the network and the app, from the outside in.

Headers, counting, other sites' pages, how much one client may ask, the key, time and size.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from psm.server.guard.access import Access
from psm.server.guard.headers import Headers
from psm.server.guard.limits import Limits
from psm.server.guard.rate import Rate
from psm.server.guard.watch import Watch
from psm.server.state import State

__all__ = ["install"]


def install(app: FastAPI, state: State) -> None:
    """Put everything around an app; what is added last stands outermost."""
    settings = state.settings
    app.add_middleware(Limits, settings=settings)
    if settings.key is not None:
        app.add_middleware(Access, key=settings.key)
    app.add_middleware(Rate, settings=settings)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=["X-API-Key"],
            expose_headers=["ETag", "Retry-After"],
            max_age=3600,
        )
    app.add_middleware(Watch, metrics=state.metrics, is_logged=settings.access_log)
    app.add_middleware(Headers, settings=settings)
