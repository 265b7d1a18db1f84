"""Files of an array of float16 rows, a chunk each: read by themselves, and flushed to disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from psm.errors import MissingData


def read_rows(folder: Path, start: int, stop: int, into: np.ndarray, *, unit: int) -> None:
    """Read rows straight from the files of an array.

    Chunks are plain rows of float16: read where they are wanted, at the speed of memory.

    Args:
        folder: of the array.
        start, stop: rows, of all of them.
        into: ``(stop - start, width)`` float16 to fill, NaN where nothing was written.
        unit: rows of a chunk.

    Raises:
        MissingData: a file was cut short.
    """
    row_bytes = into.itemsize * into.shape[1]
    for number in range(start // unit, -(-stop // unit)):
        first, last = max(start, number * unit), min(stop, (number + 1) * unit)
        part = into[first - start : last - start]
        path = folder / f"c.{number}.0"
        try:
            with path.open("rb", buffering=0) as file:
                file.seek((first - number * unit) * row_bytes)
                count = file.readinto(part.data.cast("B"))
        except FileNotFoundError:  # nothing but NaN is not written
            part.fill(np.nan)
            continue
        if count != part.nbytes:
            raise MissingData(f"{path}: cut short; delete the store and embed it anew")


def flush(path: Path) -> None:
    """Wait until a file is on disk, so that what says so is not there before it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # nothing but NaN is not written
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
