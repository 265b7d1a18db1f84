"""API key: the requests that need it and whether they carry it."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from psm.server.problems import Problem

_GUARDED = ("/api/", "/metrics")


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
