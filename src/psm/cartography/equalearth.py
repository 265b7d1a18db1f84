"""The Equal Earth projection: a world map on which every square kilometre has the same size.

B. Šavrič, T. Patterson, B. Jenny, "The Equal Earth map projection", IJGIS 33(3), 2018.

Written out here: pyproj's ``+proj=eqearth`` inverts a picture sixteen times as slowly, and gives
places for what lies outside of the map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import sparse

CENTRAL_LON = 11.0
"""The map is cut along 169 W, through the Bering Strait, where it hurts least."""

SOUTH, NORTH = -60.0, 84.0
"""Latitudes that are drawn; there are no cells beyond."""

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = np.sqrt(3.0) / 2.0

Floats = Float[np.ndarray, "..."]


def project(*, lat: ArrayLike, lon_from_centre: ArrayLike) -> tuple[Floats, Floats]:
    """Map coordinates (x, y) on the unit sphere of degrees; the longitude is not wrapped."""
    lats, lons = np.broadcast_arrays(np.asarray(lat, float), np.asarray(lon_from_centre, float))
    theta = np.arcsin(_M * np.sin(np.radians(lats)))
    return np.radians(lons) * np.cos(theta) / (_M * _slope(theta)), _height(theta)


def unproject(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Latitude and longitude from the central meridian, degrees; NaN outside the map."""
    heights = np.asarray(y, float)
    theta = heights / _A1
    for _ in range(8):  # Newton; the curve is nearly straight
        theta = theta - (_height(theta) - heights) / _slope(theta)
    sine = np.sin(theta) / _M
    is_inside = np.abs(sine) <= 1.0
    lon = np.degrees(np.asarray(x, float) * _M * _slope(theta) / np.cos(theta))
    is_inside = is_inside & (np.abs(lon) <= 180.0)
    lat = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return np.where(is_inside, lat, np.nan), np.where(is_inside, lon, np.nan)


def from_centre(lon: ArrayLike) -> Floats:
    """Longitudes relative to the central meridian, in [-180, 180)."""
    return np.asarray((np.asarray(lon, float) - CENTRAL_LON + 180.0) % 360.0 - 180.0)


def world_edge(*, south: float, north: float) -> Float[np.ndarray, "points 2"]:
    """Outline (x, y) of the map between two latitudes, closed."""
    lat = np.concatenate([np.linspace(south, north, 181), np.linspace(north, south, 181)])
    side = np.repeat([180.0, -180.0], 181)
    outline = np.stack(project(lat=lat, lon_from_centre=side), -1)
    return np.concatenate([outline, outline[:1]])


def _height(theta: Floats) -> Floats:
    square = theta * theta
    six = square**3
    return np.asarray(theta * (_A1 + _A2 * square + six * (_A3 + _A4 * square)))


def _slope(theta: Floats) -> Floats:
    square = theta * theta
    six = square**3
    return np.asarray(_A1 + 3.0 * _A2 * square + six * (7.0 * _A3 + 9.0 * _A4 * square))


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
        outline = world_edge(south=SOUTH, north=NORTH)
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
    of_pixel, of_cell, weight = (np.concatenate(parts) for parts in (pixels, cells, shares))
    total = np.bincount(of_pixel, weight, minlength=len(lat))
    return sparse.csr_array(
        ((weight / total[of_pixel]).astype(np.float32), (of_pixel, of_cell)),
        shape=(len(lat), rows * columns),
    )
