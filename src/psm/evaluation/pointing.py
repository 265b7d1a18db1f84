"""Pointing game and AUC: heat maps held against where the painter put towns, roads, rivers, coasts.

On the simulated Earth it is known what each pixel of a view shows. A heat map of a sound points
right where its highest cell lies on what makes the sound (pointing game, Zhang et al. 2018), and
its AUC is the chance that a pixel of that class has the higher number than another one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.stats import rankdata

from psm.earth import network, paint
from psm.earth.paint import GroundSquare, PointIndex
from psm.earth.sounds import Sound

_BUILT = 0.3  # cover from which a pixel is town
_ROAD_KM, _RIVER_KM, _SHORE_KM = 1.0, 2.0, 4.0
"""How far from a road, a river and the shore it is still heard, as in :mod:`psm.earth.rules`."""

Mask = Bool[np.ndarray, "size size"]


def painted_class(sound: Sound, square: GroundSquare) -> Mask:
    """Pixels of a square that show what makes a sound.

    Args:
        sound: traffic (towns, and within 1 km of main roads), stream (within 2 km of rivers) or
            waves (within 4 km of the sea's shore).
        square: pixels around a place, as the painter has them.

    Raises:
        KeyError: another sound.
    """
    return _CLASSES[sound](square)


def points_right(peak: tuple[int, int], cells: int, mask: Mask) -> float:
    """Pointing game: how much of the middle of the highest cell lies on the class.

    Args:
        peak: row and column of the cell.
        cells: along a side of the heat map.
        mask: of the class, over the pixels of the view.

    Returns:
        1 on it, 0 off it; the middle of a cell is where up to four pixels meet.
    """
    side = len(mask) / cells
    rows, columns = ({int((at + 0.5) * side - 0.5), int((at + 0.5) * side)} for at in peak)
    return float(mask[np.ix_(sorted(rows), sorted(columns))].mean())


def auc(heat: Float[np.ndarray, "cells cells"], mask: Mask) -> float:
    """Chance that a pixel of the class has the higher number than another; ties count half.

    Args:
        heat: drawn over the view, every pixel with the number of its cell.
        mask: of the class, neither empty nor everything.
    """
    cell = np.arange(len(mask)) * len(heat) // len(mask)
    ranks = rankdata(heat[np.ix_(cell, cell)].ravel())
    inside, every = int(mask.sum()), mask.size
    return float(
        (ranks[mask.ravel()].sum() - inside * (inside + 1) / 2) / (inside * (every - inside))
    )


def _traffic(square: GroundSquare) -> Mask:
    return np.asarray((paint.towns(square) >= _BUILT) | _near(_main_roads(), square, _ROAD_KM))


def _stream(square: GroundSquare) -> Mask:
    return _near(_rivers(), square, _RIVER_KM)


def _waves(square: GroundSquare) -> Mask:
    return _near(_shores(), square, _SHORE_KM)


@lru_cache(maxsize=1)
def _main_roads() -> PointIndex:
    roads = network.roads()
    main = roads.is_main
    return PointIndex(lat=roads.lat[main], lon=roads.lon[main], values=main[main])


@lru_cache(maxsize=1)
def _rivers() -> PointIndex:
    rivers = network.rivers()
    return PointIndex(lat=rivers.lat, lon=rivers.lon, values=rivers.is_main)


@lru_cache(maxsize=1)
def _shores() -> PointIndex:
    shore = network.shores()
    lat, lon = shore["sea_lat"], shore["sea_lon"]
    return PointIndex(lat=lat, lon=lon, values=np.ones(len(lat)))


_CLASSES: dict[Sound, Callable[[GroundSquare], Mask]] = {
    Sound.TRAFFIC: _traffic,
    Sound.STREAM: _stream,
    Sound.WAVES: _waves,
}
"""Sounds whose cause is painted, and nothing but painted."""


def _near(index: PointIndex, square: GroundSquare, reach_km: float) -> Mask:
    """Pixels that hold a point or whose middle lies within ``reach_km`` of a pixel that does."""
    row, column, _ = index.within(square, margin_km=reach_km)
    margin = int(np.ceil(reach_km / square.gsd_km))
    size = square.size + 2 * margin
    hit = np.zeros((size, size), bool)
    rows, columns = (np.floor(at).astype(int) + margin for at in (row, column))
    inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    hit[rows[inside], columns[inside]] = True
    if not hit.any():
        return np.zeros((square.size, square.size), bool)
    away = ndimage.distance_transform_edt(~hit) * square.gsd_km
    middle = slice(margin, margin + square.size)
    return np.asarray(away[middle, middle] <= reach_km)
