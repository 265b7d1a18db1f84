"""Paths of the files of a build, spread over 256 folders of each kind."""

from __future__ import annotations

import hashlib
from pathlib import Path

from psm.files import sha256_of

MEDIA, CLIPS, TILES = "media", "clips", "tiles"


def media(folder: Path, key: str, archive: str, suffix: str) -> Path:
    """Path of the media file as fetched."""
    return folder / MEDIA / archive / _spread(key) / f"{key}{suffix}"


def clip(folder: Path, key: str) -> Path:
    """Path of the clip."""
    return folder / CLIPS / _spread(key) / f"{key}.flac"


def mel(folder: Path, key: str) -> Path:
    """Path of the log-mel windows."""
    return folder / CLIPS / _spread(key) / f"{key}.npy"


def tile(folder: Path, key: str) -> Path:
    """Path of the tile."""
    return folder / TILES / _spread(key) / f"{key}.jpg"


def sha256(path: Path) -> str:
    """SHA-256 of a file, empty where there is none."""
    try:
        return sha256_of(path)
    except FileNotFoundError:
        return ""


def _spread(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=1).hexdigest()
