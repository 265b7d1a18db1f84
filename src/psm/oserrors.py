"""Errors of the operating system in one line: what failed, on which path, and how to mend it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
from pathlib import Path

from psm.errors import NoRoom

NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of this user is used up",
    errno.EFBIG: "the file is larger than may be written here (see ulimit -f)",
}
"""Errors of a file that does not fit, and what they mean."""

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that nothing can be written to, whatever is written."""

_MENDED = {
    errno.EROFS: ("the disk is read-only", "choose a folder that can be written"),
    errno.EACCES: ("permission denied", "choose another folder, or have its permissions changed"),
    errno.EPERM: ("not permitted", "choose another folder, or have its permissions changed"),
    errno.EISDIR: ("is a folder", "name a file"),
    errno.ENOTDIR: ("a file stands where a folder should be", "choose another path"),
    errno.EEXIST: ("something else of this name is there", "choose another name"),
    errno.ENOTEMPTY: ("a folder that is not empty is there", "choose another name"),
    errno.ENOENT: ("no such file or folder", "check the path"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.ELOOP: ("a link that leads back to itself", "choose another path"),
    errno.EMFILE: ("too many open files", "raise the limit, as ulimit -n 4096"),
    errno.ENFILE: ("too many open files on this machine", "close other programs"),
    errno.ENOMEM: ("not enough memory", "close other programs, or ask for less at once"),
    errno.EIO: ("the disk cannot be read or written", "check the disk"),
    errno.ESTALE: ("the network disk is gone", "mount it again"),
    errno.EPIPE: ("the other end is closed", "try again"),
    errno.ETXTBSY: ("the file is in use", "close the program that uses it"),
    errno.EBUSY: ("the file is in use", "close the program that uses it"),
    errno.ECONNREFUSED: ("nobody answers there", "check the address and the network"),
    errno.ENETUNREACH: ("no network", "check the network"),
    errno.EHOSTUNREACH: ("no way to the server", "check the network"),
    errno.ETIMEDOUT: ("no answer in time", "check the network and try again"),
    errno.EADDRINUSE: ("the port is taken", "choose another port"),
}
# Libraries in other languages tell the number, or its words, in messages of their own.
_TOLD = (
    (errno.ENOSPC, re.compile(r"No space left|(?:os error|errno) ?(?:= ?)?28\b|ENOSPC")),
    (errno.EDQUOT, re.compile(r"[Qq]uota exceeded|(?:os error|errno) ?(?:= ?)?122\b")),
    (errno.EFBIG, re.compile(r"File too large|File size limit|(?:os error|errno) ?(?:= ?)?27\b")),
)
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")  # numpy's, whatever the reason
_AS_GOOD_AS_FULL = 64 * 1024


def one_line(problem: OSError) -> str:
    """What failed, on which path, and how to mend it."""
    if isinstance(problem, NoRoom):
        return str(problem)
    path = problem.filename
    where = "" if path is None or isinstance(path, int) else f"{_text(path)}: "
    if problem.errno in NO_ROOM:
        return f"{where}{NO_ROOM[problem.errno]}; make room and run the same command again"
    if isinstance(problem, socket.gaierror):
        return f"{where}no server of this name is known; check the address and the network"
    if problem.errno in _MENDED:
        what, mend = _MENDED[problem.errno]
        return f"{where}{what}; {mend}"
    told = problem.strerror or next(iter(str(problem).splitlines()), "")
    return f"{where}{told or type(problem).__name__}"


def no_room(
    problem: BaseException, path: Path, *, size: int | None = None, freed: int = 0
) -> NoRoom | None:
    """The error of a file that does not fit, if that is what a problem comes from.

    Args:
        problem: of any library.
        path: of the file, for people; its folder is on the disk that is looked at.
        size: bytes of the file, where they are known.
        freed: bytes that an unfinished file takes until it is removed.
    """
    if isinstance(problem, NoRoom):
        return problem
    code = _code(problem, path)
    if code is None:
        return None
    needed = "more is" if size is None else f"{_size(size)} are"
    return NoRoom(
        code,
        f"{path}: {NO_ROOM[code]} ({_size(free_bytes(path) + freed)} free, {needed} needed); "
        "make room and run the same command again",
    )


def _code(problem: BaseException, path: Path) -> int | None:
    number = getattr(problem, "errno", None)
    if number in NO_ROOM:
        return int(number)
    if isinstance(problem, OSError) and number is not None and not _told(problem):
        return None
    if (told := _told(problem)) is not None:
        return told
    if isinstance(problem, OSError) and _SHORT_WRITE.search(str(problem)):
        return errno.ENOSPC if free_bytes(path) < _AS_GOOD_AS_FULL else errno.EFBIG
    return None


def _told(problem: BaseException) -> int | None:
    words = str(problem)
    return next((code for code, pattern in _TOLD if pattern.search(words)), None)


def free_bytes(path: Path) -> int:
    """Room on the disk that a path lies on, or would."""
    return shutil.disk_usage(standing(path)).free


def standing(path: Path) -> Path:
    """The nearest of a path and its parents that is there."""
    path = path.absolute()
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def _text(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, (bytes, os.PathLike)) else str(path)


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
