"""File names as tables write them, found on disk: Unicode forms, backslashes, near matches."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path


def canonical(name: str) -> str:
    """A name in the one form in which names are compared: composed, with slashes."""
    composed = unicodedata.normalize("NFC", name).replace("\\", "/")
    return composed.removeprefix("./").rstrip("/")


def folded(name: str) -> str:
    """What names that differ in case and blanks alone have in common."""
    return "".join(canonical(name).casefold().split())


def find(name: str, folders: Iterable[Path]) -> Path | None:
    """The file of a name in the first of these folders that has it; ``None`` where none has.

    A file whose name is written in another Unicode form is the same file; so is one that the
    table names with backslashes. One that differs in case or by a blank is another.
    """
    if not name:
        return None
    folders = list(folders)
    for text in dict.fromkeys((name, canonical(name))):
        for folder in folders:
            if _is_file(folder / text):
                return folder / text
    for folder in folders:
        entries = _entries(folder / canonical(name), canonical)
        found = entries.get(canonical(Path(canonical(name)).name), ())
        if len(found) == 1 and _is_file(found[0]):
            return found[0]
    return None


def near(name: str, folders: Iterable[Path]) -> str:
    """The name of a file that is alike but for case or blanks; empty where there is none."""
    for folder in folders if name else ():
        entries = _entries(folder / canonical(name), folded)
        if found := entries.get(folded(Path(canonical(name)).name)):
            return found[0].name
    return ""


def _entries(path: Path, form: Callable[[str], str]) -> dict[str, tuple[Path, ...]]:
    try:
        stamp = path.parent.stat().st_mtime_ns
        return _listed(path.parent, form, stamp)
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=32)
def _listed(folder: Path, form: Callable[[str], str], _: int) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for entry in sorted(folder.iterdir()):
        key = form(entry.name)
        found[key] = (*found.get(key, ()), entry)
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than a name may be, or a NUL byte in it
        return False
