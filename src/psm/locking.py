"""Exclusive use of a folder by one process at a time, and the name of the one that has it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from psm.errors import ConfigError

LOCK_NAME, HOLDER_NAME = "lock", "lock.json"

_ENDING_S = 10.0  # for which processes that a killed one had started keep what it had locked


@contextmanager
def alone_in(folder: Path, doing: str, *, notes: Path | None = None) -> Iterator[None]:
    """While this block runs, another process that asks for ``folder`` is refused.

    The lock is the system's and ends with the process, however that ends.

    Args:
        folder: that work is done in.
        doing: what is done, for the message, as ``training``.
        notes: where the files of the lock lie; in ``folder`` itself by default.

    Raises:
        ConfigError: another process is at work there; the message names it.
    """
    place = folder if notes is None else notes
    place.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(place / LOCK_NAME), place / HOLDER_NAME
    try:
        lock.acquire(timeout=0)
    except Timeout:
        about = _read(holder)
        try:
            lock.acquire(timeout=0 if _may_live(about) else _ENDING_S)
        except Timeout:
            raise ConfigError(
                f"{folder}: {_who(about)} is {doing} here; wait for it, or stop it first"
            ) from None
    try:
        with suppress(OSError):
            holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def command_of(pid: int | str) -> str:
    """What a process was started as, in brackets, where the system says it."""
    try:
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    told = " ".join(" ".join(os.fsdecode(word) for word in words[:8]).split())
    return f" ({told:.100})" if told else ""


def is_running(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    if sys.platform == "win32":  # os.kill would end it there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _read(holder: Path) -> dict[str, Any]:
    try:
        about = json.loads(holder.read_text())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _may_live(about: dict[str, Any]) -> bool:
    pid, host = about.get("pid"), about.get("host")
    return not isinstance(pid, int) or host != socket.gethostname() or is_running(pid)


def _who(about: dict[str, Any]) -> str:
    pid, host = about.get("pid"), about.get("host")
    if pid is None:
        return "another process"
    if host != socket.gethostname():
        return f"process {pid} of {host}"
    return f"process {pid}{command_of(pid)}"
