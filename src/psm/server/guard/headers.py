"""Security headers: browsers let the page do nothing but what the map needs."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from psm.server.settings import Settings


class SecurityHeaders:
    """Adds them to every answer.

    Args:
        app: what answers.
        settings: the base map's site may be asked for pictures, sites of ``cors`` may show them.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        base = f" {_origin(settings.base)}" if "://" in settings.base else ""
        self._headers = {
            "Content-Security-Policy": f"{page_policy(base)}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "Permissions-Policy": "microphone=(self), geolocation=(self), camera=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "cross-origin" if settings.cors else "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def page_policy(base: str = "") -> str:
    """Content security policy of the page.

    Args:
        base: the base map's site, after a space.
    """
    policy = {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",  # MapLibre places its controls so
        "img-src": f"'self' data: blob:{base}",
        "connect-src": f"'self' blob: data:{base}",
        "worker-src": "'self' blob:",  # MapLibre's worker
        "child-src": "'self' blob:",
        "media-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    return "; ".join(f"{name} {sites}" for name, sites in policy.items())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.replace("{s}", "*").replace("{a-c}", "*")
    return f"{parts.scheme}://{host}"
