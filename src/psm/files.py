"""Files that are complete or absent, and what identifies their content.

What is moved into place is flushed and read back before; whatever was there stays until then.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psm.errors import OutputError
from psm.oserrors import NO_ROOM, free_bytes, no_room, one_line, standing
from psm.readback import read_back

_RANDOM = 4  # bytes in the name of a file that is not complete yet
_MOST_FREE_WHEN_FULL = 1_000_000


@contextmanager
def atomic_path(path: Path, *, verify: bool = True) -> Iterator[Path]:
    """A path to write to that becomes ``path`` only if the block ends well.

    The suffix is kept, since many writers choose their format by it, and says how the file is read
    back (:mod:`psm.readback`). Links are followed. The permissions are those of the file that was
    there, else those that ``open`` gives.

    Args:
        path: of the file.
        verify: read it back; not for the bytes of others, which nobody here vouches for.

    Raises:
        NoRoom: the disk is full, or a quota; a file that was there before is kept.
        OutputError: ``path`` is no file, or what was written cannot be read back.
        OSError: it cannot be written for another reason.
    """
    target = Path(os.path.realpath(path))
    _require_replaceable(target, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside, mode = _fresh(target)
    try:
        with room_for(path, aside=aside):
            yield aside
            flush(aside)
        if verify:
            _verify(aside, path)
        with suppress(OSError):  # not every file system has permissions
            aside.chmod(mode)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill that becomes ``path`` only if the block ends well.

    An older ``path``, folder or file, makes way at the last moment. As for :func:`atomic_path`,
    what was written is flushed and read back first.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    spare = Path(tempfile.mkdtemp(dir=path.parent, prefix=_hidden(path), suffix=".partial"))
    aside, old = spare / "new", spare / "old"
    aside.mkdir()
    mode = stat.S_IMODE((path if path.is_dir() else aside).stat().st_mode)
    try:
        with room_for(path):
            yield aside
            for file in aside.rglob("*"):
                if file.is_file():
                    flush(file)
        _verify(aside, path)
        if path.exists():
            path.replace(old)
        try:
            aside.replace(path)
        except OSError:
            if old.exists():
                old.replace(path)
            raise
        with suppress(OSError):
            path.chmod(mode)
    finally:
        shutil.rmtree(spare, ignore_errors=True)


@contextmanager
def room_for(
    path: Path | str, *, size: int | None = None, aside: Path | None = None
) -> Iterator[None]:
    """Say of what is written in this block that it does not fit, whichever library notices it.

    Args:
        path: what is written, for people.
        size: its bytes, where they are known.
        aside: where it is written for the time being; what that takes will be free again.

    Raises:
        NoRoom: the disk is full, a quota is used up, or the file is too large for it.
    """
    try:
        yield
    except Exception as problem:
        # Libraries in other languages have their own errors, which tell the system's in words.
        freed = _size_on_disk(aside) if aside is not None and aside.is_file() else 0
        full = no_room(problem, Path(path), size=size, freed=freed)
        if full is None or full is problem:
            raise
        raise full from None


def _size_on_disk(path: Path) -> int:
    """What a file takes; one with holes takes less than it is long."""
    status = path.stat()
    return min(status.st_size, getattr(status, "st_blocks", status.st_size) * 512)


def require_file(path: Path, *, suffixes: Collection[str] = ()) -> None:
    """Refuse a path that could not be written as a file, before any work.

    Args:
        path: of a file that is to be written.
        suffixes: in small letters, of which it has to have one; any by default.

    Raises:
        OutputError: it is a folder, has another suffix, or cannot be made there.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        kinds = ", ".join(filter(None, suffixes))
        raise OutputError(f"{path}: no format for {path.suffix!r}; choose {kinds}")
    _require_replaceable(Path(os.path.realpath(path)), path)
    _require_place(path.parent, path)


def require_folder(path: Path) -> None:
    """Refuse a path that could not be a folder to write in, before any work.

    Raises:
        OutputError: it is a file, or cannot be made or written there.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path}: is a file, and a folder is needed; choose another name")
    _require_place(path, path)


def require_room(path: Path, size: int) -> None:
    """Refuse what cannot fit, before any work.

    Args:
        path: of what is to be written.
        size: its bytes.

    Raises:
        NoRoom: less is free on the disk.
    """
    if size > free_bytes(path):
        full = no_room(OSError(errno.ENOSPC, ""), path, size=size)
        assert full is not None
        raise full


def flush(path: Path) -> None:
    """Wait until a file is on its disk: some file systems say only then that it does not fit."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what processes left unfinished that were killed, in a folder and those in it.

    For whoever has the folder to itself (:func:`psm.locking.alone_in`): what another process is at
    would go as well.
    """
    for left in [*folder.rglob(".*.partial*")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal, whatever its size."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fresh(target: Path) -> tuple[Path, int]:
    """A new file beside another one, and the permissions that this one has or is to get."""
    while True:
        unique = f"{_hidden(target)}{secrets.token_hex(_RANDOM)}.partial{target.suffix}"
        aside = target.with_name(unique)
        try:
            handle = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            continue
        break
    try:
        status = target.stat() if target.exists() else os.fstat(handle)
    finally:
        os.close(handle)
    return aside, stat.S_IMODE(status.st_mode)


def _hidden(path: Path) -> str:
    """How a name begins that is not complete yet; no longer than a name may be."""
    stem = os.fsencode(path.stem)
    room = 200 - len(os.fsencode(path.suffix))
    short = stem if len(stem) <= room else stem[: max(room, 0)]
    return f".{short.decode(errors='ignore') if short != stem else path.stem}."


def _verify(aside: Path, path: Path) -> None:
    try:
        read_back(aside, path.suffix.lower())
    except Exception as problem:
        # Every format has its own errors for a file that was cut short.
        free = free_bytes(aside)
        why = "the disk is full" if free < _MOST_FREE_WHEN_FULL else _reason(problem, aside)
        raise OutputError(
            f"{path}: was not written whole ({why}; {free / 1e6:.1f} MB free); what was there "
            "before is kept; make room and run the same command again"
        ) from None


def _reason(problem: Exception, aside: Path) -> str:
    told = next(iter(str(problem).splitlines()), "") or type(problem).__name__
    return told.replace(str(aside), "the file").replace(aside.name, "the file")


def _require_replaceable(target: Path, path: Path) -> None:
    """Refuse folders, and devices and pipes, which a file would replace."""
    try:
        mode = target.stat().st_mode
    except OSError:
        return  # whoever makes it says why that cannot be
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path}: is a folder; name a file in it, as {path / 'name'}")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path}: is a device or a pipe, no file that can be replaced")


def _require_place(folder: Path, path: Path) -> None:
    """Refuse a folder that is not there and cannot be made, or cannot be written."""
    try:
        there = standing(folder)
        if not there.is_dir():
            raise OutputError(f"{path}: {os.path.normpath(there)} is a file, no folder")
        longest = os.pathconf(there, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
        for part in path.absolute().parts:
            if len(os.fsencode(part)) > longest:
                raise OutputError(f"{part[:40]}…: the name is too long; {longest} bytes at most")
        with tempfile.TemporaryFile(dir=there):
            pass
    except UnicodeEncodeError:
        raise OutputError(
            f"{path!s}: this terminal's letters cannot name the file; choose a name in plain "
            "ASCII, or set PYTHONUTF8=1"
        ) from None
    except OSError as problem:
        problem.filename = str(path)
        if problem.errno in NO_ROOM:
            return  # what is written may replace something, and says so where it does not fit
        raise OutputError(one_line(problem)) from None
