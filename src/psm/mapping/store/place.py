"""Location of a store, a folder or a URL of fsspec; locks of its writers, clearing after a kill.

A file of a folder is written aside and moved into place. A process that is killed between the two
leaves a ``.partial`` file behind, which the next one to have the store for itself sweeps away. That
it is alone a process learns from an advisory lock on the folder, which ends with the process. The
filelock package locks files of its own, which would stay beside the stores.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
from zarr.abc.store import Store as ZarrStore
from zarr.storage import FsspecStore, LocalStore

from psm.errors import ConfigError, MissingExtra
from psm.extras import install_line

_CLOUD = ("s3", "s3a", "gs", "gcs")

try:
    import fcntl
except ImportError:  # Windows: no locks on folders, and what a kill leaves stays
    fcntl = None  # type: ignore[assignment]


def local_folder(url: str) -> Path | None:
    """The folder that ``url`` names, or ``None`` where it is elsewhere."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        return Path(url)
    return Path(rest) if scheme in ("file", "local") else None


def zarr_store(url: str) -> ZarrStore:
    """``url`` as Zarr reads and writes it.

    Raises:
        ConfigError: no file system has this kind of URL.
        MissingExtra: the package that has is not installed.
    """
    folder = local_folder(url)
    if folder is not None:
        return LocalStore(folder)
    try:
        fsspec.get_filesystem_class(scheme := url.partition("://")[0])
    except ImportError as problem:
        advice = install_line("cloud") if scheme in _CLOUD else str(problem)
        raise MissingExtra(f"{url}: reading {scheme}:// needs a package more: {advice}") from None
    except ValueError:
        raise ConfigError(f"{url}: no such kind of URL; give a folder, or s3://…, gs://…") from None
    return FsspecStore.from_url(url)


@contextmanager
def writing(url: str) -> Iterator[None]:
    """While this block runs, nobody sweeps the store's unfinished files away."""
    folder = local_folder(url)
    if folder is None or fcntl is None:
        yield  # objects are put whole, or not at all
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _sweep_if_alone(handle, folder)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
        _sweep_if_alone(handle, folder)
    finally:
        os.close(handle)


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Creating: of two processes on one machine the second waits for the first."""
    folder = local_folder(url)
    if folder is None or fcntl is None:
        yield
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep_if_alone(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    for partial in folder.rglob("*.partial"):
        partial.unlink(missing_ok=True)
