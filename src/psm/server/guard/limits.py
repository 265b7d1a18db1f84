"""Limits on requests: size, time, how many at once; and the answer to unforeseen errors."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from psm.server.problems import Problem, unexpected
from psm.server.settings import Settings

_BODY_BYTES = 16_384  # of requests that have no business with a body
_FORM_BYTES = 65_536  # around a recording
_URL_BYTES = 8_192


class RequestLimits:
    """Refuses what is too large, too slow or too much, before and while it comes in.

    Args:
        app: what answers.
        settings: the limits.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        problem = self._refusal(scope)
        if problem is not None:
            await problem.response()(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._within_time(scope, receive, send)
        finally:
            self._under_way -= 1

    def _refusal(self, scope: Scope) -> Problem | None:
        if self._under_way >= self.settings.requests:
            return Problem(
                503, "The server has too much to do; ask again after the time in Retry-After.",
                kind="busy", retry_after_s=1.0,
            )  # fmt: skip
        if len(scope["query_string"]) + len(scope["path"]) > _URL_BYTES:
            return Problem(414, "The address is too long: ask for fewer or shorter terms.")
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._most(scope):
            return self._too_large(scope)
        return None

    def _most(self, scope: Scope) -> float:
        is_upload = scope["method"] == "POST" and scope["path"].endswith("/audio")
        return self.settings.upload_mb * 1e6 + _FORM_BYTES if is_upload else _BODY_BYTES

    def _too_large(self, scope: Scope) -> Problem:
        if self._most(scope) == _BODY_BYTES:
            return Problem(413, "This address takes no body.", headers={"Connection": "close"})
        return Problem(
            413, f"A recording may have {self.settings.upload_mb:g} MB: send a shorter part of it.",
            kind="too-large", headers={"Connection": "close"},
        )  # fmt: skip

    async def _within_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken, is_complete, has_begun = 0, False, False

        async def counted() -> Message:
            nonlocal taken, is_complete
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                is_complete = not message.get("more_body", False)
                if taken > self._most(scope):  # whatever Content-Length said
                    raise self._too_large(scope)
            return message

        async def begun(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            clock.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self.settings.timeout_s) as clock:
                await self.app(scope, counted, begun)
        except TimeoutError:
            if has_begun:
                raise
            if not is_complete and scope["method"] == "POST":
                problem = Problem(408, "The recording took too long to arrive: send a smaller one.")
            else:
                problem = Problem(
                    503, "This took too long; ask again, the server goes on with it.",
                    kind="timeout", retry_after_s=5.0,
                )  # fmt: skip
            await problem.response()(scope, receive, send)
        except Exception:
            if has_begun:
                raise
            await unexpected()(scope, receive, send)
