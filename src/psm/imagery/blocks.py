"""What every source comes down to: square blocks of RGB pixels on a grid of some projection."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np
from affine import Affine
from jaxtyping import Bool, UInt8

from psm.imagery.provider import NoImagery

Pixels = UInt8[np.ndarray, "rows columns 4"]
"""RGB and alpha: 0 where there is no data."""


@dataclass(frozen=True)
class Level:
    """One resolution of a source.

    Attributes:
        crs: anything that pyproj reads.
        transform: from columns and rows, counted from the corner of the first pixel, to the crs.
        block_px: rows and columns of a block.
        shape: rows and columns; none where blocks may lie anywhere.
    """

    crs: str
    transform: Affine
    block_px: int = 256
    shape: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Block:
    """Some pixels, and those of the missing ones that are under clouds."""

    pixels: Pixels
    is_cloud: Bool[np.ndarray, "rows columns"] | None = None


def scaled(transform: Affine, x: float, y: float) -> Affine:
    """The transform of pixels that are so many columns and rows large."""
    # Written out, for affine 2 and 3 multiply by different signs.
    a, b, c, d, e, f = transform[:6]
    return Affine(a * x, b * y, c, d * x, e * y, f)


Fetch = Callable[[int, int], Block | NoImagery | None]
"""The block in a row and column of blocks; none where the source has nothing at all."""


class BlockCache:
    """The blocks used last, shared by threads. It travels empty to other processes."""

    def __init__(self, bytes_kept: int) -> None:
        self._bytes_kept = bytes_kept
        self._size = 0
        self._blocks: OrderedDict[Hashable, Block | NoImagery | None] = OrderedDict()
        self._lock = Lock()

    def get(
        self, key: Hashable, make: Callable[[], Block | NoImagery | None]
    ) -> Block | NoImagery | None:
        """The block under a key, made where it is not there. A passing failure is not kept."""
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
                return self._blocks[key]
        block = make()
        if isinstance(block, NoImagery) and block.reason.is_passing:
            return block
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = block
                self._size += _bytes(block)
            while self._size > self._bytes_kept and len(self._blocks) > 1:
                self._size -= _bytes(self._blocks.popitem(last=False)[1])
        return block

    def __reduce__(self) -> tuple[type[BlockCache], tuple[int]]:
        return BlockCache, (self._bytes_kept,)


def _bytes(block: Block | NoImagery | None) -> int:
    return block.pixels.nbytes if isinstance(block, Block) else 64
