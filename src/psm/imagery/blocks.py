"""Blocks: square pieces of RGB imagery on a grid of some projection, which views are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np
from affine import Affine
from cachetools import LRUCache
from jaxtyping import Bool, UInt8

from psm.imagery.provider import NoImagery

Pixels = UInt8[np.ndarray, "rows columns 4"]
"""RGB and alpha: 0 where there is no data."""


@dataclass(frozen=True)
class Level:
    """One resolution of some imagery.

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
"""The block in a row and column of blocks; none where there is nothing at all."""


class BlockCache:
    """The blocks used last, shared by threads. It travels empty to other processes."""

    def __init__(self, bytes_kept: int) -> None:
        self._blocks: LRUCache[Hashable, Block | NoImagery | None]
        self._blocks = LRUCache(bytes_kept, getsizeof=_bytes)
        self._lock = Lock()

    def get(
        self, key: Hashable, make: Callable[[], Block | NoImagery | None]
    ) -> Block | NoImagery | None:
        """The block under a key, made where it is not there. A passing failure is not kept."""
        with self._lock:
            if key in self._blocks:
                return self._blocks[key]
        block = make()  # by several threads at once, where they want different ones
        if not (isinstance(block, NoImagery) and block.reason.is_passing):
            with self._lock:
                self._blocks[key] = block
        return block

    def __reduce__(self) -> tuple[type[BlockCache], tuple[int]]:
        return BlockCache, (int(self._blocks.maxsize),)


def _bytes(block: Block | NoImagery | None) -> int:
    return block.pixels.nbytes if isinstance(block, Block) else 64
