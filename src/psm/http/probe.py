"""Asking a server for one byte, to learn what it says where a library does not tell."""

from __future__ import annotations

from psm.errors import MissingExtra
from psm.extras import require
from psm.http.failures import answer_of

_TIMEOUT_S = 10.0


def said_of(url: str) -> str:
    """``HTTP 403``, or why no answer comes; empty where there is nothing wrong or to be asked.

    Args:
        url: it may hold a token, which is told nobody.
    """
    from psm.http.transport import keep_addresses_out_of_logs

    url = url.removeprefix("/vsicurl/")
    if not url.startswith(("http://", "https://")):
        return ""
    try:
        httpx = require("httpx", "maps")
    except MissingExtra:
        return ""
    keep_addresses_out_of_logs()
    options = {"headers": {"Range": "bytes=0-0"}, "timeout": _TIMEOUT_S, "follow_redirects": True}
    try:
        with httpx.stream("GET", url, **options) as answer:
            return f"HTTP {answer.status_code}" if answer.status_code >= 400 else ""
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        return answer_of(problem)
