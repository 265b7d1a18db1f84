"""How a command ends that fails: one line of what a user can mend."""

from __future__ import annotations

import logging
import os
import re
import select
import sys
from pathlib import Path

from psm.errors import PSMError
from psm.extras import extra_of, missing
from psm.oserrors import NO_ROOM, free_bytes, one_line

_OUT_OF_MEMORY = re.compile(r"DefaultCPUAllocator|out of memory|can't allocate memory", re.I)
_LESS = "close other programs, or ask for less at once: fewer cells, a smaller batch"


def line_of(problem: BaseException) -> str | None:
    """What to print of an error, or none for a fault of ours, which needs its traceback."""
    if isinstance(problem, PSMError):
        return str(problem)
    if isinstance(problem, MemoryError) or _is_memory(problem):
        return f"not enough memory{_wanted(problem)}; {_LESS}"
    if isinstance(problem, UnicodeEncodeError) and problem.encoding != "utf-8":
        letters = problem.object[problem.start : problem.end]
        return (
            f"{letters!a} cannot be written in the character set of this terminal "
            f"({problem.encoding}); set PYTHONUTF8=1"
        )
    if isinstance(problem, ModuleNotFoundError) and extra_of(problem.name) is not None:
        return str(missing(str(problem.name).partition(".")[0], extra_of(problem.name)))
    if isinstance(problem, OSError):
        return one_line(problem) + _about_disks(problem)
    return None


def is_unread() -> bool:
    """Whether the reader of our output has gone, as ``head`` does; then nothing more is written."""
    try:
        output = sys.stdout.fileno()
        poll = select.poll()
        poll.register(output, select.POLLOUT)
        if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            return False
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    except (AttributeError, OSError, ValueError):  # no such question here, or no such stream
        return False
    return True


def hush_the_rest() -> None:
    """Nothing more of what libraries throw away while the command ends: all is said."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    sys.unraisablehook = lambda _: None


def _is_memory(problem: BaseException) -> bool:
    return isinstance(problem, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(problem)))


def _wanted(problem: BaseException) -> str:
    """How much was asked for, as numpy and PyTorch say it."""
    told = re.search(r"(?:allocate|you tried to allocate) ([\d.]+ ?\w+)", str(problem))
    return f" ({told[1]} were asked for at once)" if told else ""


def _about_disks(problem: OSError) -> str:
    """What the message of the system lacks: of a cache how it is moved, of a full disk which."""
    from psm.geodata.cache import cache_folder

    path = problem.filename
    cache = cache_folder()
    if isinstance(path, (str, os.PathLike)) and Path(path).is_relative_to(cache):
        return f"; PSM_CACHE names another folder than {cache} for what is kept between runs"
    if path is None and problem.errno in NO_ROOM:
        places = {"here": Path(), "in the cache": cache, "in /tmp": Path("/tmp")}
        free = [f"{free_bytes(place) / 1e6:.1f} MB {where}" for where, place in places.items()]
        return f" (free: {', '.join(free)})"
    return ""
