"""The Hugging Face hub: asked once whether it answers, so that nobody waits for many retries.

The libraries that load from the hub ask again and again, for each file anew, before they give up:
most of a minute and a screen of warnings. One question with short patience comes first here. A hub
that does not answer is asked for nothing more, and what its cache holds is still found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from psm.errors import ConfigError

_OF_HUB = re.compile(r"(?:hf://)?(?P<id>[\w.-]+/[\w.-]+)(?:/(?P<file>.+))?")

PATIENCE_S = 5.0
"""How long the hub may take to answer the first question."""


@lru_cache(maxsize=1)
def away() -> str:
    """Why the hub cannot be asked, in words; empty where it answers. Found out once a process."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of httpx, passed on
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # not in its __all__

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    host = constants.ENDPOINT.partition("://")[2]
    try:
        status = get_session().head(constants.ENDPOINT, timeout=PATIENCE_S).status_code
    except (HTTPError, OSError, ValueError) as problem:
        # Below the hub's client lies httpx or requests: the errors of both, and those of sockets.
        return f"no answer from {host}: {first_line(problem)}"
    return f"{host} answers {status}" if status >= 500 else ""


@contextmanager
def asked_once(name: str | Path) -> Iterator[None]:
    """Load ``name``, a folder or a hub id, without waiting for a hub that is away.

    Within the block the hub's libraries look on this machine alone where the hub is away.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if not Path(name).exists() and away():
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def require(name: str | None, setting: str) -> None:
    """Refuse what the hub would have to give and cannot, before work that takes long.

    Args:
        name: a folder, a hub id, ``hf://OWNER/NAME/FILE`` or nothing.
        setting: that names it, for the error.

    Raises:
        ConfigError: the hub is away and its cache does not have it.
    """
    from huggingface_hub import try_to_load_from_cache

    found = _OF_HUB.fullmatch(name or "")
    if name is None or found is None or Path(name).exists() or not away():
        return
    if not isinstance(try_to_load_from_cache(found["id"], found["file"] or "config.json"), str):
        raise ConfigError(f"{setting}: {name!r} is not in the cache of the hub, and {away()}")


def reason(problem: BaseException) -> str:
    """Why something could not be loaded, in one line: that the hub is away, where that is why."""
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, (LocalEntryNotFoundError, OfflineModeIsEnabled)) and away():
            return f"not in the cache of the hub, and {away()}"
        cause = cause.__cause__ or cause.__context__
    return first_line(problem)


def first_line(problem: BaseException) -> str:
    """The first line of somebody else's error, or its name if it says nothing."""
    words = str(problem).strip()
    return words.splitlines()[0] if words else type(problem).__name__
