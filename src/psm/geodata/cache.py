"""User's cache folder, and grids that are derived once per machine and memory-mapped from it."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psm.errors import CacheNotKept, OutputError
from psm.files import require_folder

Arrays = dict[str, NDArray[Any]]


def cache_folder() -> Path:
    """``$PSM_CACHE`` if set, else ``~/.cache/psm`` (``$XDG_CACHE_HOME`` is respected)."""
    if own := os.environ.get("PSM_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "psm"


def writable(folder: Path) -> Path:
    """A folder of the cache, or where it cannot be written one that goes with this process.

    Warns:
        CacheNotKept: the second, with what can be done about it.
    """
    try:
        require_folder(folder)
    except OutputError as problem:
        warnings.warn(
            f"{problem}. Nothing is kept for the next run; PSM_CACHE names another folder",
            CacheNotKept,
            stacklevel=2,
        )
        return _of_this_process() / folder.name
    return folder


@lru_cache(maxsize=1)
def _of_this_process() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="psm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def fingerprint(version: int, sources: Iterable[Path]) -> str:
    """A short name for the content that a cached grid was made from: version, names and sizes."""
    words = [str(version), *(f"{path.name}:{path.stat().st_size}" for path in sources)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def cached_arrays(
    name: str, *, version: int, sources: Iterable[Path], build: Callable[[], Mapping[str, object]]
) -> Arrays:
    """The arrays that ``build`` makes, read from the cache where they are already there.

    One folder per fingerprint, renamed into place when complete, so that a killed or a parallel
    build leaves either nothing or the whole. An unreadable cache entry is built anew, and a cache
    folder that cannot be written costs time but is no error.
    """
    folder = cache_folder() / f"{name}-{fingerprint(version, sources)}"
    if folder.is_dir():
        try:
            return _read(folder)
        except (OSError, ValueError, EOFError):
            shutil.rmtree(folder, ignore_errors=True)
    arrays: Arrays = {key: np.asarray(value) for key, value in build().items()}
    try:
        _write(folder, arrays)
        return _read(folder)
    except (OSError, UnicodeEncodeError):
        return arrays


def _read(folder: Path) -> Arrays:
    files = sorted(folder.glob("*.npy"))
    if not files:
        raise ValueError(f"{folder}: no arrays")
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in files}


def _write(folder: Path, arrays: Arrays) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        complete = Path(scratch) / "complete"
        complete.mkdir()
        for key, array in arrays.items():
            np.save(complete / f"{key}.npy", array, allow_pickle=False)
        try:
            complete.rename(folder)
        except OSError:
            if not folder.is_dir():  # somebody else's complete build is as good as ours
                raise
