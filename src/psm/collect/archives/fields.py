"""Typed reading of foreign JSON and table fields: a wrong form refuses the entry."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from psm.collect.refusal import Refused

_ID = re.compile(r"[A-Za-z0-9_-]+")
_MOST_CHARACTERS = 20_000

Entry = Mapping[str, object]


def entry(value: object, what: str) -> Entry:
    """A value as a mapping by names."""
    if isinstance(value, Mapping):
        return value
    raise Refused(f"{what} has another form than documented", detail=_kind(value))


def entries(value: object, what: str) -> list[object]:
    """A value as a list."""
    if isinstance(value, list):
        return value
    raise Refused(f"{what} has another form than documented", detail=_kind(value))


def text(said: Entry, name: str, *others: str) -> str:
    """The text of the first of these fields that is there, or an empty one.

    What no file can hold is taken out: NUL, and halves of characters, which JSON allows.
    """
    for field in (name, *others):
        value = said.get(field)
        if value is None or value == "":
            continue
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise Refused(f"{field} is not a text", detail=_kind(value))
        clean = value.replace("\0", "").encode("utf-8", "ignore").decode()
        return clean.strip()[:_MOST_CHARACTERS]
    return ""


def texts(said: Entry, name: str, separator: str = ",") -> tuple[str, ...]:
    """Several texts, given as a list or as one with separators."""
    value = said.get(name)
    found = value if isinstance(value, list) else text(said, name).split(separator)
    return tuple(filter(None, (text({name: one}, name) for one in found)))


def number(said: Entry, name: str, *others: str) -> float | None:
    """A number, which may be written as text; ``None`` where there is none."""
    words = text(said, name, *others)
    if not words:
        return None
    try:
        value = float(words)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refused(f"{name} is not a number", detail=words[:40])
    return value


def whole(said: Entry, name: str) -> int | None:
    """A whole number, zero or more; ``None`` where there is none."""
    value = number(said, name)
    if value is not None and (value < 0 or value != int(value)):
        raise Refused(f"{name} is not a whole number", detail=str(value))
    return None if value is None else int(value)


def flag(said: Entry, name: str) -> bool:
    """A truth value; nothing is false."""
    value = said.get(name)
    return value is True or str(value).lower() in ("true", "1", "yes")


def identifier(said: Entry, name: str) -> str:
    """The id of an entry: letters, digits, ``-`` and ``_``."""
    value = text(said, name)
    if not value:
        raise Refused("no id")
    if not _ID.fullmatch(value):
        raise Refused("an id with unusual characters", detail=value[:80])
    return value


def suffix(address: str, otherwise: str) -> str:
    """The suffix of the file at an address, or ``otherwise``."""
    found = re.search(r"(\.[A-Za-z0-9]{1,5})$", address.partition("?")[0].partition("#")[0])
    return found[1].lower() if found else otherwise


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
