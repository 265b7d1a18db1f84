"""Problem details of RFC 9457: errors as ``application/problem+json`` that say the fix."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from psm.errors import ConfigError, CorruptRecording, InvalidContext

MEDIA_TYPE = "application/problem+json"

_WORDS = {
    404: "There is nothing at this address; /api/v1/openapi.json lists what there is.",
    405: "This address does not take this method; the Allow header says which it takes.",
}
_DESCRIPTIONS = {
    400: "The request cannot be read.",
    401: "The server wants a key.",
    404: "There is no such store, recording or page.",
    408: "The request took too long to arrive.",
    413: "Too large.",
    415: "Not a recording, or not sent as multipart/form-data.",
    422: "A value is missing, out of range or does not fit the others.",
    429: "Too many requests of one client; Retry-After says when to come back.",
    503: "The server has too much to do; Retry-After says when to come back.",
}


class ProblemModel(BaseModel):
    """Problem details of an error (RFC 9457)."""

    type: str = Field(examples=["about:blank", "/problems/unknown-audio"])
    title: str
    status: int
    detail: str = Field(description="One sentence that says the fix.")


class Problem(HTTPException):
    """An answer that is an error.

    Args:
        status: of HTTP.
        detail: one sentence that says the fix.
        kind: last part of the ``type``, for problems that a caller would tell apart.
        retry_after_s: when to come back.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        more = dict(headers or {})
        if retry_after_s is not None:
            more["Retry-After"] = f"{max(1, round(retry_after_s))}"
        super().__init__(status, detail, more)
        self.kind = kind

    def response(self) -> Response:
        """As it is sent."""
        return problem_response(self.status_code, self.detail, self.kind, self.headers)


def problem_response(
    status: int,
    detail: str,
    kind: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as it is sent."""
    body = {
        "type": f"/problems/{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    more = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.dumps(body), status, more, media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides its result, for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": ProblemModel.model_json_schema()}}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": content} for status in statuses
    }


def one_sentence(errors: Iterable[Mapping[str, Any]]) -> str:
    """The first thing that is wrong with the values of a request."""
    first = next(iter(errors))
    where = [str(part) for part in first["loc"] if part not in ("query", "path", "body")]
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(where)}: {message}" if where else message


def install(app: FastAPI) -> None:
    """Make every error of an app a problem: ``application/problem+json`` that says the fix.

    Args:
        app: that has the routes of :func:`psm.server.create_router`.
    """

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, Problem):
            return error.response()
        detail = _WORDS.get(error.status_code, str(error.detail))
        return problem_response(error.status_code, detail, None, error.headers)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(422, one_sentence(error.errors()), "invalid")

    async def mistaken(_: Request, error: Exception) -> Response:
        return problem_response(422, str(error), "invalid")

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    for kind in (ConfigError, InvalidContext, CorruptRecording):
        app.add_exception_handler(kind, mistaken)


def unexpected() -> Response:
    """What is said of an error that nobody foresaw; call it in the ``except`` block."""
    logging.getLogger("psm.server").exception("a request failed")
    return problem_response(500, "The server made a mistake; its log says more.")
