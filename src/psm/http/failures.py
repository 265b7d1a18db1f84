"""Failed requests: why there is no usable answer, and whether asking again may help."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC, datetime

from psm.errors import PSMError

LONGEST_WAIT_S = 120.0
"""A server that asks for a longer wait is asked another time."""

_TEMPORARY = (408, 425, 429)


class RequestFailed(PSMError):
    """No usable answer; the message is alike for requests that fail alike.

    Args:
        reason: in words that hold no address.
        may_pass: asking again may help.
        detail: about this one request; no address either.
        wait_s: how long the server asks to wait before it is asked again.
    """

    def __init__(
        self,
        reason: str,
        *,
        may_pass: bool = False,
        detail: str = "",
        wait_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.may_pass, self.detail, self.wait_s = reason, may_pass, detail, wait_s


class TooManyRequests(RequestFailed):
    """The server may not be asked for some minutes; that says nothing of what was asked for."""


def is_temporary(status: int) -> bool:
    """Whether the same question may be answered a little later, by the status of the answer."""
    return status in _TEMPORARY or status >= 500


_TOLD = (
    (re.compile(r"HTTP (?:response|error) code ?: ?(\d{3})"), "HTTP {}"),
    (re.compile(r"resolve|getaddrinfo|[Nn]ame or service|No address", re.I), "no such server"),
    (re.compile(r"timed? ?out|too slow", re.I), "no answer in time"),
    (re.compile(r"refused", re.I), "connection refused"),
    (re.compile(r"could not connect", re.I), "no connection"),
    (re.compile(r"ssl|certificate", re.I), "no secure connection"),
    (re.compile(r"reset by peer|aborted|Remote end closed|incomplete", re.I), "cut off"),
)


def answer_of(problem: BaseException) -> str:
    """What a server answered, or why it did not, in a few words that hold no address.

    Args:
        problem: of any library; those below it are looked at too.
    """
    below: BaseException | None = problem
    while below is not None:
        response = getattr(below, "response", None)
        status = getattr(below, "status_code", None) or getattr(response, "status_code", None)
        if isinstance(status, int):
            return f"HTTP {status}"
        if words := in_words(f"{type(below).__name__}: {below}"):
            return words
        below = below.__cause__ or below.__context__
    return type(problem).__name__


def in_words(told: str) -> str:
    """What a message or the name of an error says of an answer; empty where that is nothing."""
    for pattern, words in _TOLD:
        if found := pattern.search(told):
            return words.format(*found.groups())
    return ""


def retry_after(text: str | None) -> float | None:
    """Seconds to wait, from either form of the header ``Retry-After``."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when.astimezone(UTC) - datetime.now(UTC)).total_seconds())
