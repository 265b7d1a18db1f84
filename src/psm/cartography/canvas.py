"""Resampling of a global raster to the pixels of a drawn world map, by one sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse

from psm.cartography.equalearth import CENTRAL_LON, frame, unproject

SOUTH, NORTH = -60.0, 84.0
"""Latitudes that are drawn; there are no cells beyond."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """A drawing surface of the world in map coordinates.

    Values between cell centres are interpolated linearly over those of the four neighbours that
    hold data; whether a pixel lies on land is the business of whoever draws it.

    Attributes:
        extent: left, right, bottom, top in map coordinates.
        shape: rows and columns of pixels.
        weights: ``(pixels, cells of the frame)``.
        is_covered: pixels that have any data around, ``(rows, columns)``.
    """

    extent: tuple[float, float, float, float]
    shape: tuple[int, int]
    weights: sparse.csr_array
    is_covered: np.ndarray

    @classmethod
    def of(cls, has_data: np.ndarray, width_px: int) -> Canvas:
        """A canvas of ``width_px`` for rasters with data where ``has_data`` (rows, columns)."""
        outline = frame(south=SOUTH, north=NORTH)
        (left, bottom), (right, top) = outline.min(0), outline.max(0)
        height_px = round(width_px * (top - bottom) / (right - left))
        x = left + (np.arange(width_px) + 0.5) / width_px * (right - left)
        y = top - (np.arange(height_px) + 0.5) / height_px * (top - bottom)
        lat, lon = unproject(x[None, :], y[:, None])
        weights = _bilinear(has_data, lat.ravel(), lon.ravel() + CENTRAL_LON)
        covered = np.asarray(weights.sum(axis=1)) > 0.0
        return cls(
            (left, right, bottom, top),
            (height_px, width_px),
            weights,
            covered.reshape(height_px, width_px),
        )

    def image(self, raster: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "height width"]:
        """Values of a raster at the pixels, masked outside of the data."""
        pixels = (self.weights @ np.nan_to_num(raster.ravel())).reshape(self.shape)
        return np.ma.masked_where(~self.is_covered, pixels)


def _bilinear(
    has_data: np.ndarray, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
) -> sparse.csr_array:
    rows, columns = has_data.shape
    pixel = np.flatnonzero(np.isfinite(lat))
    row = (90.0 - lat[pixel]) * rows / 180.0 - 0.5
    column = (lon[pixel] + 180.0) * columns / 360.0 - 0.5
    first_row, first_column = np.floor(row).astype(int), np.floor(column).astype(int)
    pixels, cells, shares = [], [], []
    for down in (0, 1):
        for right in (0, 1):
            cell_row = np.clip(first_row + down, 0, rows - 1)
            cell_column = (first_column + right) % columns
            share = np.abs(1 - down - (row - first_row)) * np.abs(
                1 - right - (column - first_column)
            )
            kept = has_data[cell_row, cell_column] & (share > 0.0)
            pixels.append(pixel[kept])
            cells.append((cell_row * columns + cell_column)[kept])
            shares.append(share[kept])
    matrix = sparse.csr_array(
        (np.concatenate(shares), (np.concatenate(pixels), np.concatenate(cells))),
        shape=(len(lat), rows * columns),
    )
    total = np.asarray(matrix.sum(axis=1))
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0.0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix).astype(np.float32)
