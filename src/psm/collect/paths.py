"""Where the files of a build are, each kind in a folder of its own, spread over 256 more."""

from __future__ import annotations

import hashlib
from pathlib import Path

from psm.files import sha256_of

MEDIA, CLIPS, TILES = "media", "clips", "tiles"


def media(folder: Path, key: str, archive: str, suffix: str) -> Path:
    """What was fetched of a recording."""
    return folder / MEDIA / archive / _spread(key) / f"{key}{suffix}"


def clip(folder: Path, key: str) -> Path:
    """The sound as it is used."""
    return folder / CLIPS / _spread(key) / f"{key}.flac"


def mel(folder: Path, key: str) -> Path:
    """The log-mel windows of the sound."""
    return folder / CLIPS / _spread(key) / f"{key}.npy"


def tile(folder: Path, key: str) -> Path:
    """The imagery around the place."""
    return folder / TILES / _spread(key) / f"{key}.jpg"


def sweep(folder: Path) -> None:
    """Remove the unfinished files that a kill left behind."""
    for kind in (MEDIA, CLIPS, TILES):
        for path in (folder / kind).rglob(".*.partial*"):
            path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The checksum of a file, empty where there is none."""
    try:
        return sha256_of(path)
    except FileNotFoundError:
        return ""


def _spread(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=1).hexdigest()
