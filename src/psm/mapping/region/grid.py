"""Grid of a region: cells at an even spacing in metres, streamed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import UInt8
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError
from psm.geodata.frame import Frame, Indices
from psm.geodata.outlines import polygons_of
from psm.mapping.cells import Cells
from psm.mapping.region.lengths import format_length

Polygons = NDArray[np.object_]

BLOCK = 64
_BLOCKS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells whose centres lie in a region. Nothing as large as the grid is held in memory.

    Attributes:
        frame: the raster that the cells lie on.
        outline: of the region, in the frame's x and y.
        spacing_m: side of a cell in metres.
        distortion: the most that a distance between neighbours is off, as a share.
        name: of the region.
    """

    frame: Frame
    outline: BaseGeometry
    spacing_m: float
    distortion: float
    name: str

    def blocks(self, side: int = BLOCK) -> Iterator[tuple[Indices, Indices]]:
        """Rows and columns ``(n,)`` of the cells of each block of ``side`` x ``side`` pixels.

        Blocks come from the north-west, row of blocks by row of blocks; those without a cell are
        left out. Within a block cells come row by row.

        Args:
            side: of a block in pixels.

        Returns:
            Pairs of ``(n,)`` rows and columns.
        """
        for top, left, mask in self._windows(side):
            for at in range(0, mask.shape[1], side):
                rows, columns = np.nonzero(mask[:, at : at + side])
                if len(rows):
                    yield rows + top, columns + (left + at)

    def count(self) -> int:
        """How many cells there are; exact, without listing them."""
        return sum(int(np.count_nonzero(mask)) for _, _, mask in self._windows(256))

    def cells(self) -> Cells:
        """All cells in memory, in the order of :meth:`blocks`.

        Raises:
            ConfigError: no cell has its centre in the region.
        """
        blocks = list(self.blocks())
        if not blocks:
            raise ConfigError(
                f"{self.name}: no cell of {format_length(self.spacing_m)} has its centre in it; "
                "take a smaller spacing"
            )
        rows, columns = (np.concatenate(part) for part in zip(*blocks, strict=True))
        return Cells(self.frame, rows, columns)

    def _windows(self, side: int) -> Iterator[tuple[int, int, UInt8[np.ndarray, "rows columns"]]]:
        """Top row, left column and mask of windows that may hold cells."""
        height, width = self.frame.shape
        areas = shapely.get_parts(self.outline)
        for top in range(0, height, side):
            rows = min(side, height - top)
            strip = self._clip(areas, top, 0, rows, width)
            if not len(strip):
                continue
            for left in range(0, width, side * _BLOCKS_AT_ONCE):
                columns = min(side * _BLOCKS_AT_ONCE, width - left)
                pieces = self._clip(strip, top, left, rows, columns)
                if len(pieces):
                    corner = self.frame.transform @ Affine.translation(left, top)
                    mask = rasterize(
                        pieces.tolist(), (rows, columns), transform=corner, dtype=np.uint8
                    )
                    yield top, left, mask

    def _clip(self, areas: Polygons, top: int, left: int, rows: int, columns: int) -> Polygons:
        """The areas within a window, and one pixel more: no new edge may touch a centre."""
        t = self.frame.transform
        west, east = t.c + (left - 1) * t.a, t.c + (left + columns + 1) * t.a
        south, north = t.f + (top + rows + 1) * t.e, t.f + (top - 1) * t.e
        xmin, ymin, xmax, ymax = shapely.bounds(areas).T
        is_near = (xmin < east) & (xmax > west) & (ymin < north) & (ymax > south)
        clipped = shapely.clip_by_rect(areas[is_near], west, south, east, north)
        return np.asarray(shapely.get_parts(polygons_of(*clipped)))


def frame_around(outline: BaseGeometry, crs: str, spacing_m: float) -> Frame:
    """The smallest frame around an outline whose pixel corners are multiples of the spacing."""
    # odc-geo's GeoBox would do it, too; for these lines it is no dependency of the core.
    left, bottom, right, top = np.asarray(outline.bounds) / spacing_m
    left, bottom = np.floor(left), np.floor(bottom)
    shape = (int(np.ceil(top) - bottom) or 1, int(np.ceil(right) - left) or 1)
    corner = Affine.translation(left * spacing_m, (bottom + shape[0]) * spacing_m)
    return Frame(crs, corner @ Affine.scale(spacing_m, -spacing_m), shape)
