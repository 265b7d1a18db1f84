"""Names of the files in a shard: which sample each belongs to, and as what.

Every reader of our shards takes names apart here, so that all of them read the same samples or
refuse the same ones. The order of the files, folders, ``./`` in front and capitals in suffixes say
nothing. A dot in a key is told from the beginning of a suffix by the other files of the sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from webdataset.tariterators import base_plus_ext

RECORDING, TILE, MEL = "json", "tile.jpg", "mel.npy"
"""Suffixes of the members that every sample has."""

NEEDED = (RECORDING, TILE, MEL)

FEATURES = "features.npy"
"""Suffix of what somebody else computed of the place, float32 numbers; not every sample has it."""

_TELLING = (f".{TILE}", f".{MEL}")  # suffixes that nobody gives to files of another kind


def view_name(zoom: int, view_px: int) -> str:
    """The suffix of a view that is stored beside its tile."""
    return f"zoom{zoom}-{view_px}.jpg"


def is_hidden(name: str) -> bool:
    """Whether a file of a tar is none of a sample: what macOS adds, or notes about the tar."""
    return PurePosixPath(name).name.startswith(".") or plain_name(name).startswith("__")


def plain_name(name: str) -> str:
    """A name without the ``./`` that ``tar`` puts in front of it."""
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


def split_names(names: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Key and suffix, in small letters, of each of the names in a shard.

    A file beside the samples belongs to the longest key that its name begins with; one that no key
    fits has what stands before its first dot as key.
    """
    plain = {name: plain_name(name) for name in names}
    keys = {
        name[: -len(suffix)]
        for name in plain.values()
        for suffix in _TELLING
        if name.lower().endswith(suffix)
    }
    return {name: _split(shown, keys) for name, shown in plain.items()}


def _split(name: str, keys: set[str]) -> tuple[str, str]:
    base = name.rpartition("/")[2]
    at = base.rfind(".")
    while at > 0:
        key = name[: len(name) - len(base) + at]
        if key in keys:
            return key, base[at + 1 :].lower()
        at = base.rfind(".", 0, at)
    key, suffix = base_plus_ext(name)
    return (name, "") if key is None else (key, suffix.lower())
