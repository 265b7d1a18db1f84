"""Content hashes of the files of a data set: a file rewritten at the same size is another file.

Hashes of large files are remembered in the user's cache, by place, size and times of the file, so
that a resume does not read hundreds of gigabytes to find that nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from psm.files import atomic_path, sha256_of
from psm.geodata.cache import cache_folder

REMEMBERED_BYTES = 2**26
"""Files of this size and more are remembered; smaller ones are hashed every time."""

_SETTLED_S = 2.0  # a file that changed just now may change again within the same tick of the clock


def content_hashes(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """The beginnings of the SHA-256 of files, by their names below ``folder``.

    Args:
        files: that exist.
        folder: that holds them.
    """
    return {path.relative_to(folder).as_posix(): _hash(path)[:16] for path in sorted(files)}


def _hash(path: Path) -> str:
    about = path.stat()
    if about.st_size < REMEMBERED_BYTES:
        return sha256_of(path)
    state = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:24]
    note = cache_folder() / "contents" / f"{name}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_text())
        if known["state"] == state:
            return str(known["sha256"])
    found = sha256_of(path)
    if time.time() - about.st_ctime > _SETTLED_S:
        with suppress(OSError), atomic_path(note) as aside:
            aside.write_text(json.dumps({"state": state, "sha256": found}))
    return found
