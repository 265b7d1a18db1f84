"""Files of an array of float16 rows, a chunk each: read by themselves, mapped, flushed to disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16
from torch import Tensor

from psm.errors import MissingData

MOST_MAPPED = 16_384
"""Files of one array that are mapped: Linux lets a process have 65,530 mappings."""


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


class MappedRows:
    """Rows of an array as they lie on disk: pages come and go as the system has memory for them.

    A file is mapped when it is first asked for, without keeping it open. What takes its place on
    disk later does not change the rows.

    Args:
        folder: of the array.
        shape: of the array.
        unit: rows of a chunk.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], *, unit: int) -> None:
        self._folder, self._shape, self._unit = folder, shape, unit
        self._files: dict[int, Tensor] = {}

    def read(self, rows: slice) -> Float16[Tensor, "n width"]:
        """Some rows, NaN where nothing was written.

        Args:
            rows: of step 1.

        Raises:
            MissingData: a file was cut short, or cannot be read.
        """
        start, stop, _ = rows.indices(self._shape[0])
        unit, parts = self._unit, []
        for number in range(start // unit, -(-stop // unit)):
            first, last = max(start, number * unit), min(stop, (number + 1) * unit)
            parts.append(self._file(number)[first - number * unit : last - number * unit])
        if not parts:
            return torch.empty(0, self._shape[1], dtype=torch.float16)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _file(self, number: int) -> Tensor:
        found = self._files.get(number)
        if found is None:
            found = self._files[number] = self._mapped(number)
        return found

    def _mapped(self, number: int) -> Tensor:
        count, width = min(self._unit, self._shape[0] - number * self._unit), self._shape[1]
        path = self._folder / f"c.{number}.0"
        if not path.exists():  # nothing but NaN is not written
            return torch.full((1, 1), torch.nan, dtype=torch.float16).expand(count, width)
        try:
            # Not by numpy.memmap, which keeps every file open.
            flat = torch.from_file(str(path), shared=False, size=count * width, dtype=torch.float16)
        except RuntimeError as problem:
            what = "cut short" if "smaller than" in str(problem) else "cannot be read"
            raise MissingData(f"{path}: {what}; delete the store and embed it anew") from None
        return flat.view(count, width)


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
