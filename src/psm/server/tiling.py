"""Index from the pixels of a map tile to cells: found once a tile, for every map after that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psm.geodata.frame import Frame
from psm.mapping.cells import Cells

SIDE_PX = 256
DEEPEST = 22

_DENSE_PIXELS = 2**25
_SMOOTH_FROM_PX = 2.0
_EMPTY = np.empty(0, np.int64)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TileIndex:
    """Cells behind the pixels of a tile that show any.

    Attributes:
        pixels: ``(p,)`` numbers of pixels, along rows.
        cells: ``(k, p)`` numbers of cells.
        weights: ``(k, p)`` that sum to 1, or ``None`` where each pixel shows one cell.
    """

    pixels: NDArray[np.int64]
    cells: NDArray[np.int32]
    weights: NDArray[np.float32] | None

    @property
    def size_bytes(self) -> int:
        """In memory."""
        return (
            self.pixels.nbytes
            + self.cells.nbytes
            + (0 if self.weights is None else self.weights.nbytes)
            + 256
        )

    def levels(self, values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
        """1 to 255 from ``low`` to ``high``, 0 where there is no value: ``(256, 256)``.

        Args:
            values: of all cells.
            low, high: ends of the colours.
        """
        levels = np.zeros(SIDE_PX * SIDE_PX, np.uint8)
        if len(self.pixels):
            shown = values[self.cells]
            found = shown[0] if self.weights is None else (shown * self.weights).sum(0)
            scale = 254.0 / max(high - low, 1e-12)
            scaled = np.clip((found - low) * scale, 0.0, 254.0) + 1.5
            levels[self.pixels] = np.where(np.isnan(scaled), 0.0, scaled).astype(np.uint8)
        return levels.reshape(SIDE_PX, SIDE_PX)


class CellFinder:
    """Finds the cells of a frame by row and column.

    Args:
        cells: all cells of a store.
        is_known: ``(n,)`` those that have imagery; the others are not found.
    """

    def __init__(self, cells: Cells, is_known: NDArray[np.bool_]) -> None:
        self.frame = cells.frame
        numbers = np.flatnonzero(is_known)
        flat = cells.flat[numbers]
        rows, columns = self.frame.shape
        self._dense: NDArray[np.int32] | None = None
        self._flat = self._numbers = _EMPTY
        if rows * columns <= _DENSE_PIXELS:
            self._dense = np.full(rows * columns, -1, np.int32)
            self._dense[flat] = numbers
        else:
            order = np.argsort(flat)
            self._flat, self._numbers = flat[order], numbers[order]

    def find(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int32]:
        """Numbers of cells, -1 where there is none or the row is -1; shapes broadcast."""
        flat = np.where(rows < 0, -1, rows * self.frame.shape[1] + columns)
        if self._dense is not None:
            return np.where(flat < 0, np.int32(-1), self._dense[flat])
        if not len(self._flat):
            return np.full(flat.shape, -1, np.int32)
        at = np.minimum(np.searchsorted(self._flat, flat), len(self._flat) - 1)
        return np.where(self._flat[at] == flat, self._numbers[at], -1).astype(np.int32)

    def at(self, *, lat: float, lon: float) -> int:
        """Number of the cell that holds a place, or -1."""
        row, column = self.frame.index(lat=lat, lon=lon)
        return int(self.find(np.asarray(row), np.asarray(column)))

    def tile(self, z: int, x: int, y: int) -> TileIndex:
        """The cells of a tile of the usual web map."""
        lat, lon = pixel_centres(z, x, y)
        frame = self.frame
        if not frame.is_geographic:
            found = self.find(*frame.index(lat=lat[:, None], lon=lon[None, :]))
            return _nearest(found)
        step_px = frame.transform.a / 360.0 * SIDE_PX * 2**z
        if frame.is_globe and step_px >= _SMOOTH_FROM_PX:
            return self._smooth(lat, lon)
        rows = _within(np.floor((lat - frame.transform.f) / frame.transform.e), frame.shape[0])
        columns = _columns(frame, np.floor(_column_of(frame, lon)))
        either = (rows[:, None] < 0) | (columns[None, :] < 0)
        found = self.find(np.where(either, -1, rows[:, None]), columns[None, :])
        return _nearest(found)

    def _smooth(self, lat: Floats, lon: Floats) -> TileIndex:
        """Bilinear between the centres of the cells that there are, where they cover half."""
        frame = self.frame
        down = (lat - frame.transform.f) / frame.transform.e - 0.5
        across = _column_of(frame, lon) - 0.5
        top, left = np.floor(down), np.floor(across)
        south, east = (down - top)[:, None], (across - left)[None, :]
        rows = [np.clip(top + k, 0, frame.shape[0] - 1).astype(np.int64)[:, None] for k in (0, 1)]
        columns = [np.mod(left + k, frame.shape[1]).astype(np.int64)[None, :] for k in (0, 1)]
        corners = [(i, j) for i in (0, 1) for j in (0, 1)]
        cells = np.stack([self.find(rows[i], columns[j]).ravel() for i, j in corners])
        shares = [(south if i else 1.0 - south) * (east if j else 1.0 - east) for i, j in corners]
        weights = np.stack([share.ravel() for share in shares]) * (cells >= 0)
        total = weights.sum(0)
        pixels = np.flatnonzero(total >= 0.5)
        cells, weights = cells[:, pixels], weights[:, pixels] / total[pixels]
        return TileIndex(pixels, np.maximum(cells, 0), weights.astype(np.float32))


def _nearest(found: NDArray[np.int32]) -> TileIndex:
    flat = found.ravel()
    pixels = np.flatnonzero(flat >= 0)
    return TileIndex(pixels, flat[pixels][None], None)


def pixel_centres(z: int, x: int, y: int) -> tuple[Floats, Floats]:
    """Latitude of each row and longitude of each column of pixels.

    By hand: morecantile knows the corners of tiles alone, one in 0.4 ms; a tile has 512 of these.
    """
    steps = (np.arange(SIDE_PX) + 0.5) / SIDE_PX
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * (y + steps) / 2**z))))
    return lat, (x + steps) / 2**z * 360.0 - 180.0


def _column_of(frame: Frame, lon: Floats) -> Floats:
    """Columns as numbers that are not whole; a frame may reach beyond the antimeridian."""
    west = frame.transform.c
    turned = west + np.mod(lon - west, 360.0)
    return np.asarray((turned - west) / frame.transform.a)


def _columns(frame: Frame, columns: Floats) -> NDArray[np.int64]:
    if frame.is_globe:
        return np.mod(columns, frame.shape[1]).astype(np.int64)
    return _within(columns, frame.shape[1])


def _within(values: Floats, size: int) -> NDArray[np.int64]:
    return np.where((values >= 0) & (values < size), values, -1).astype(np.int64)
