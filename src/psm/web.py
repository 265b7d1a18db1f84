"""Manners that all who ask servers share: who asks, how long to wait, what not to write down."""

from __future__ import annotations

import email.utils
import logging
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote

LONGEST_WAIT_S = 120.0
"""A server that asks for a longer wait is asked another time."""

_PASSING = (408, 425, 429)


def may_pass(status: int) -> bool:
    """Whether the same question may be answered a little later."""
    return status in _PASSING or status >= 500


def user_agent(purpose: str) -> str:
    """Says to servers who asks."""
    try:
        number = version("psm")
    except PackageNotFoundError:
        number = "0"
    return f"psm/{number} ({purpose})"


def retry_after(text: str | None) -> float | None:
    """Seconds, from either form of the header."""
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


def keep_addresses_out_of_logs() -> None:
    """httpx writes every URL, keys and all, to its log: let it not."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def keep_out_of_logs(secret: str) -> None:
    """Whatever is asked of the logs of httpx and httpcore, they do not tell this.

    Servers may send it back, as in the address of a redirect.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("httpx", "httpcore"):
            logging.getLogger(name).addFilter(_Discretion(secret))


class _Discretion(logging.Filter):
    def __init__(self, secret: str) -> None:
        super().__init__()
        self._forms = {secret, quote(secret, safe="")}

    def filter(self, record: logging.LogRecord) -> bool:
        if any(form in record.getMessage() for form in self._forms):
            record.msg, record.args = "(kept back: it holds a credential)", ()
        return True
