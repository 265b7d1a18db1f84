"""Rasterises towns, roads and rivers, which the base imagery is too coarse to show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.earth import network
from psm.geodata import packages
from psm.geodata.packages import town_radius_km
from psm.geodata.sphere import KM_PER_DEGREE

Floats = NDArray[np.float64]
Coverage = NDArray[np.float32]
_ROWS_PER_DEGREE = 2
_REACH_KM = 60.0
"""How far outside a square the centre of a town may lie and still be painted."""


@dataclass(frozen=True)
class GroundSquare:
    """A square of ground: ``size`` pixels of ``gsd_km`` around a place, north up, local metric."""

    lat: float
    lon: float
    size: int
    gsd_km: float

    @property
    def half_deg(self) -> float:
        """Half the height in degrees of latitude."""
        return self.size * self.gsd_km / 2.0 / KM_PER_DEGREE

    @property
    def shrink(self) -> float:
        """Length of a degree of longitude relative to one of latitude, at the centre."""
        return max(math.cos(math.radians(self.lat)), 0.02)

    def pixels(self, *, lat: ArrayLike, lon: ArrayLike) -> tuple[Floats, Floats]:
        """Row and column of points, in pixels from the upper left corner of the square."""
        scale = KM_PER_DEGREE / self.gsd_km
        row = (self.lat + self.half_deg - np.asarray(lat, float)) * scale
        east = (np.asarray(lon, float) - self.lon + 180.0) % 360.0 - 180.0
        return row, east * self.shrink * scale + self.size / 2.0


class PointIndex:
    """Points sorted into bands of latitude and by longitude inside each, for window queries."""

    def __init__(self, *, lat: ArrayLike, lon: ArrayLike, values: ArrayLike) -> None:
        lats, lons = np.asarray(lat, np.float32), np.asarray(lon, np.float32)
        band = ((lats + 90.0) * _ROWS_PER_DEGREE).astype(np.int64)
        order = np.lexsort((lons, band))
        self._lat, self._lon = lats[order], lons[order]
        self._values = np.asarray(values, np.float32)[order]
        self._start = np.searchsorted(band[order], np.arange(180 * _ROWS_PER_DEGREE + 2))

    def within(
        self, square: GroundSquare, *, margin_km: float = 0.0
    ) -> tuple[Floats, Floats, NDArray[np.float32]]:
        """Rows, columns and values of the points in a square (with a few from just outside)."""
        half = square.half_deg + margin_km / KM_PER_DEGREE
        half_lon = min(half / square.shrink, 180.0)
        last = 180 * _ROWS_PER_DEGREE
        first = max(int((square.lat - half + 90.0) * _ROWS_PER_DEGREE), 0)
        final = min(int((square.lat + half + 90.0) * _ROWS_PER_DEGREE), last)
        spans = [
            np.array([west, west + 2.0 * half_lon], np.float32)
            for turn in (-360.0, 0.0, 360.0)  # a square may cross the antimeridian
            if (west := square.lon - half_lon + turn) <= 180.0 and west + 2.0 * half_lon >= -180.0
        ]
        parts = []
        for band in range(first, final + 1):
            start, stop = self._start[band], self._start[band + 1]
            for span in spans:
                a, b = self._lon[start:stop].searchsorted(span)
                if b > a:
                    parts.append(slice(start + a, start + b))
        lats, lons, values = (
            np.concatenate([array[part] for part in parts]) if parts else array[:0]
            for array in (self._lat, self._lon, self._values)
        )
        row, column = square.pixels(lat=lats, lon=lons)
        return row, column, values


@lru_cache(maxsize=1)
def _road_index() -> PointIndex:
    roads = network.roads()
    return PointIndex(lat=roads.lat, lon=roads.lon, values=np.where(roads.is_main, 0.6, 0.25))


@lru_cache(maxsize=1)
def _river_index() -> PointIndex:
    rivers = network.rivers()
    return PointIndex(lat=rivers.lat, lon=rivers.lon, values=np.where(rivers.is_main, 0.9, 0.5))


@lru_cache(maxsize=1)
def _town_index() -> PointIndex:
    towns = packages.towns()
    return PointIndex(lat=towns.lat, lon=towns.lon, values=town_radius_km(towns.people))


def town_share(square: GroundSquare) -> float:
    """Area of the towns centred in a square as a share of its own, overlaps counted twice."""
    _, _, radius_km = _town_index().within(square)
    return float(np.pi * (radius_km**2).sum() / (square.size * square.gsd_km) ** 2)


def roads(square: GroundSquare) -> Coverage:
    """Road coverage of every pixel, ``(size, size)`` in [0, 1]."""
    return _lines(_road_index(), square)


def rivers(square: GroundSquare) -> Coverage:
    """River coverage of every pixel, ``(size, size)`` in [0, 1]."""
    return _lines(_river_index(), square)


def _lines(index: PointIndex, square: GroundSquare) -> Coverage:
    row, column, km2 = index.within(square)
    return np.minimum(_splat(row, column, km2 * network.SPACING_KM, square), 1.0)


def towns(square: GroundSquare) -> Coverage:
    """Built-up coverage of every pixel, ``(size, size)`` in [0, 1], with soft round edges.

    A town smaller than a pixel gives its area to the four pixels around it; larger ones are drawn
    on patches of one size per group, the few largest one by one on the whole square.
    """
    row, column, radius_km = _town_index().within(square, margin_km=_REACH_KM)
    radius = radius_km / square.gsd_km
    small = radius < 1.0
    cover = _splat(row[small], column[small], np.pi * radius_km[small] ** 2, square)
    for least, most, half in ((1.0, 2.5, 5), (2.5, 6.0, 11)):
        group = (radius >= least) & (radius < most)
        if group.any():
            cover += _patches(row[group], column[group], radius[group], half, square)
    for i in np.flatnonzero(radius >= 6.0):
        reach = int(1.5 * radius[i]) + 2
        top, left = max(int(row[i]) - reach, 0), max(int(column[i]) - reach, 0)
        bottom, right = int(row[i]) + reach, int(column[i]) + reach
        if bottom <= 0 or right <= 0 or top >= square.size or left >= square.size:
            continue
        window = cover[top:bottom, left:right]
        y = np.arange(top, top + window.shape[0], dtype=np.float32)[:, None] + 0.5 - row[i]
        x = np.arange(left, left + window.shape[1], dtype=np.float32)[None] + 0.5 - column[i]
        window += _disc(np.hypot(y, x), radius[i], square)
    return np.minimum(cover, 1.0)


def _disc(distance: NDArray[np.float32], radius: ArrayLike, square: GroundSquare) -> Coverage:
    """1 inside, falling to 0 across the edge; everything in pixels."""
    edge = 0.6 * np.asarray(radius, np.float32) + max(0.3 / square.gsd_km, 1.0)
    inside = (np.asarray(radius, np.float32) - distance) / edge + 0.5
    return np.clip(inside, 0.0, 1.0).astype(np.float32)


def _patches(
    row: Floats, column: Floats, radius: NDArray[np.float32], half: int, square: GroundSquare
) -> Coverage:
    offset = np.arange(-half, half + 1)
    y = np.floor(row).astype(int)[:, None] + offset
    x = np.floor(column).astype(int)[:, None] + offset
    dy = ((y + 0.5) - row[:, None]).astype(np.float32)
    dx = ((x + 0.5) - column[:, None]).astype(np.float32)
    distance = np.sqrt(dy[:, :, None] ** 2 + dx[:, None, :] ** 2)
    value = _disc(distance, radius[:, None, None], square)
    flat, inside = _flat(y[:, :, None], x[:, None, :], square)
    return _accumulate(flat[inside], value[inside], square)


def _splat(row: Floats, column: Floats, km2: NDArray[np.float32], square: GroundSquare) -> Coverage:
    """Areas in square kilometres shared out to the four nearest pixels, as coverage."""
    y, x = row - 0.5, column - 0.5
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = y - top, x - left
    weight = km2 / square.gsd_km**2
    if square.gsd_km >= 2.0:  # a pixel is wider than what is drawn: the nearest one takes it all
        flat, inside = _flat(np.floor(row).astype(int), np.floor(column).astype(int), square)
        return _accumulate(flat[inside], weight[inside], square)
    cover = np.zeros((square.size, square.size), np.float32)
    for dy, wy in ((0, 1.0 - fy), (1, fy)):
        for dx, wx in ((0, 1.0 - fx), (1, fx)):
            flat, inside = _flat(top + dy, left + dx, square)
            cover += _accumulate(flat[inside], (weight * wy * wx)[inside], square)
    return cover


def _flat(
    row: NDArray[np.int64], column: NDArray[np.int64], square: GroundSquare
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    inside = (row >= 0) & (row < square.size) & (column >= 0) & (column < square.size)
    return row * square.size + column, inside


def _accumulate(flat: NDArray[np.int64], weight: ArrayLike, square: GroundSquare) -> Coverage:
    total = np.bincount(flat, np.asarray(weight), square.size * square.size)
    return total.astype(np.float32).reshape(square.size, square.size)
