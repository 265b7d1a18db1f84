"""Tars as the published shards are: the members of each sample one after the other."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

Members = dict[str, bytes]
"""Content by suffix."""


def write_tar(path: Path, samples: dict[str, Members]) -> None:
    with tarfile.open(path, "w") as archive:
        for key, parts in samples.items():
            for suffix, data in parts.items():
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
