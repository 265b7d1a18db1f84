"""Limits on requests: size, time, how many at once; and the answer to unforeseen errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from psm.server.guard.arrivals import Arrivals
from psm.server.problems import Problem, unexpected
from psm.server.settings import Settings

_BODY_BYTES = 16_384  # of requests that have no business with a body
_FORM_BYTES = 65_536  # around a recording
_URL_BYTES = 8_192
_DIGITS = 18  # of a length that is a number at all
_CLOSE = {"Connection": "close"}  # the rest of the body is not waited for


class RequestLimits:
    """Refuses what is too large, too slow or too much, before and while it comes in.

    A recording that is coming in does not count among the requests that are under way, nor does its
    time: whoever sends slowly keeps nobody from asking. A client that leaves is no error.

    Args:
        app: what answers.
        settings: the limits.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self._under_way = 0
        self._arrivals = Arrivals(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        problem = self._refusal(scope)
        if problem is not None:
            await problem.response()(scope, receive, send)
            return
        await self._within_limits(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        if len(scope["query_string"]) + len(scope["path"]) > _URL_BYTES:
            return Problem(414, "The address is too long: ask for fewer or shorter terms.")
        length = Headers(scope=scope).get("content-length", "0")
        is_number = length.isdecimal() and len(length) <= _DIGITS
        if not is_number or int(length) > self._most(scope):
            return self._too_large(scope)
        return None

    def _is_upload(self, scope: Scope) -> bool:
        return bool(scope["method"] == "POST" and scope["path"].endswith("/audio"))

    def _most(self, scope: Scope) -> float:
        if self._is_upload(scope):
            return self.settings.upload_mb * 1e6 + _FORM_BYTES
        return _BODY_BYTES

    def _too_large(self, scope: Scope) -> Problem:
        if not self._is_upload(scope):
            return Problem(413, "This address takes no body.", headers=_CLOSE)
        return Problem(
            413, f"A recording may have {self.settings.upload_mb:g} MB: send a shorter part of it.",
            kind="too-large", headers=_CLOSE,
        )  # fmt: skip

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """While this block runs, a request is under way.

        Raises:
            Problem: 503, there are too many.
        """
        if self._under_way >= self.settings.requests:
            raise Problem(
                503, "The server has too much to do; ask again after the time in Retry-After.",
                kind="busy", retry_after_s=1.0,
            )  # fmt: skip
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _within_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = is_there = False

        async def begun(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            clock.reschedule(None)
            await send(message)

        def all_there() -> None:
            nonlocal is_there
            is_there = True

        try:
            async with asyncio.timeout(self.settings.timeout_s) as clock:
                with ExitStack() as held:
                    incoming = self._counted(scope, receive, clock, held, all_there)
                    await self.app(scope, incoming, begun)
        except ClientDisconnect:
            pass  # nobody is left to be told, and nothing is wrong
        except TimeoutError:
            if has_begun:
                raise
            await self._too_late(scope, is_there).response()(scope, receive, send)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except Exception:
            if has_begun:
                raise
            await unexpected()(scope, receive, send)

    def _counted(
        self,
        scope: Scope,
        receive: Receive,
        clock: asyncio.Timeout,
        held: ExitStack,
        all_there: Callable[[], None],
    ) -> Receive:
        """``receive`` that counts a body as it comes in, and then the request as under way.

        Raises:
            Problem: the request cannot even begin.
        """
        if not self._is_upload(scope):
            held.enter_context(self._slot())
            arrival = None
        else:
            client = (scope.get("client") or ("",))[0]
            arrival = held.enter_context(self._arrivals.coming(client, clock))
        taken, is_complete = 0, False

        async def counted() -> Message:
            nonlocal taken, is_complete
            message = await receive()
            if message["type"] != "http.request" or is_complete:
                return message
            count = len(message.get("body", b""))
            taken += count
            if taken > self._most(scope):  # whatever Content-Length said
                raise self._too_large(scope)
            if message.get("more_body", False):
                if arrival is not None:
                    self._arrivals.more(arrival, count)
                return message
            is_complete = True
            all_there()
            if arrival is not None:
                self._arrivals.there(arrival)
                held.enter_context(self._slot())
                now = asyncio.get_running_loop().time()
                clock.reschedule(now + self.settings.timeout_s)
            return message

        return counted

    def _too_late(self, scope: Scope, is_there: bool) -> Problem:
        if self._is_upload(scope) and not is_there:
            return Problem(
                408, "The recording took too long to arrive: send a smaller one.", headers=_CLOSE
            )
        return Problem(
            503, "This took too long; ask again, the server goes on with it.",
            kind="timeout", retry_after_s=5.0,
        )  # fmt: skip
