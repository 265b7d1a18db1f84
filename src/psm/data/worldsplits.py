"""A split of the whole world by position: the same place is always in the same split.

The sphere is cut into Voronoi blocks of nearly equal area around a Fibonacci lattice (Gonzalez
2010, "Measurement of areas on a sphere using Fibonacci and latitude-longitude lattices"); each
block belongs to one split, and places too close to a block of a more protected split are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.data.splits import (
    BUFFER,
    DEALS,
    TEST,
    TRAIN,
    VAL,
    Floats,
    Splits,
    best_deal,
    cell_names,
)
from psm.errors import ConfigError
from psm.geodata.sphere import EARTH_RADIUS_KM, unit_vectors
from psm.seeding import generator

BUFFER_KM = 460.0
"""More than the diagonal of a 320 km tile: no tile of one split shares a pixel with another's."""

_BINS = 6

_DENSITY = (
    "000000001111011100000001100100000000",
    "111001222321222210012002212222212100",
    "223323233333232221234322333223332232",
    "022133433333200007875533333333332221",
    "000004434674200006998553344333434100",
    "000003545650001216445654453355563000",
    "002000354430000033333435366566300000",
    "001000137443000144443442073452701000",
    "000000000354410026544531032353510000",
    "100002355578000166721000166544320000",
    "101100000055584000045552000000444232",
    "100000010037990000059744000005556730",
    "000000000068800010046200000006469906",
    "100000000065000000000101210000004035",
    "000000000054202100000000010000000000",
)
"""Where recordings come from, roughly: square roots of relative numbers in 10-degree boxes, rows
from 90 N, columns from 180 W. It only makes the deal of the blocks a fair one."""


def split_by_position(
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    seed: int,
    val: float = 0.08,
    test: float = 0.14,
    block_deg: float = 15.0,
    buffer_km: float = BUFFER_KM,
    cell_deg: float = 2.0,
) -> Splits:
    """Split N places, each by its position and the seed alone.

    Of many ways to deal the blocks that the seed gives, the one is taken whose test and validation
    blocks come closest to the wanted shares of the world's recordings, and to their spread over
    latitude and longitude.

    Args:
        lat, lon: the places in degrees, ``(N,)``.
        seed: which blocks go where.
        val, test: wanted shares of all recordings, before the buffer.
        block_deg: size of a block: it has the area of a square this wide at the equator.
        buffer_km: test places stay; validation places closer than this to a test block, and
            training places closer than this to a validation or test block, become "buffer".
        cell_deg: size of the cells named in ``cell``.

    Raises:
        ConfigError: shares, sizes or the buffer make no sense.
    """
    if not (val >= 0.0 and test >= 0.0 and val + test < 1.0):
        raise ConfigError(f"splits: val={val:g} and test={test:g} must be shares that leave a rest")
    if not (3.0 <= block_deg <= 60.0 and buffer_km >= 0.0 and cell_deg > 0.0):
        raise ConfigError(
            f"splits: block_deg={block_deg:g} (3..60), buffer_km={buffer_km:g} (>= 0) or "
            f"cell_deg={cell_deg:g} (> 0) out of range"
        )
    lats, lons = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
    points = unit_vectors(lat=lats, lon=lons)
    centres, names = _dealt(block_deg, seed=seed, val=val, test=test)
    split = names[(points @ centres.T).argmax(axis=1)]
    near_test = _distance_km(points, centres, names == TEST) < buffer_km
    near_val = _distance_km(points, centres, names == VAL) < buffer_km
    lost = np.where(split == TRAIN, near_test | near_val, (split == VAL) & near_test)
    return Splits(split=np.where(lost, BUFFER, split), cell=cell_names(lats, lons, cell_deg))


@lru_cache(maxsize=4)
def _dealt(
    block_deg: float, *, seed: int, val: float, test: float
) -> tuple[Floats, NDArray[np.str_]]:
    """Centres and splits of the blocks of the world."""
    centres = _fibonacci(block_deg)
    names = _deal(_spread(centres), seed=seed, val=val, test=test)
    for values in (centres, names):
        values.setflags(write=False)  # shared by every caller through the cache
    return centres, names


def _fibonacci(block_deg: float) -> Floats:
    """Centres of cells with the area of a ``block_deg`` square at the equator: ``(C, 3)``."""
    count = round(4.0 * np.pi / np.deg2rad(block_deg) ** 2)
    i = np.arange(count) + 0.5
    lat = np.rad2deg(np.arcsin(1.0 - 2.0 * i / count))
    lon = (i * 360.0 * (3.0 - 5.0**0.5) / 2.0) % 360.0 - 180.0
    return unit_vectors(lat=lat, lon=lon)


def _spread(centres: Floats) -> Floats:
    """Expected recordings of each block in each band of latitude and of longitude: ``(C, F)``."""
    weight = np.array([[int(digit) for digit in row] for row in _DENSITY], float) ** 2
    fine = np.repeat(np.repeat(weight, 5, axis=0), 5, axis=1)  # 2 degrees: blocks cut the boxes
    lat, lon = np.meshgrid(
        89.0 - 2.0 * np.arange(fine.shape[0]), -179.0 + 2.0 * np.arange(180), indexing="ij"
    )
    block = (unit_vectors(lat=lat.ravel(), lon=lon.ravel()) @ centres.T).argmax(axis=1)
    parts = []
    for values in (lat.ravel(), lon.ravel()):
        order = np.argsort(values, kind="stable")
        reached = np.cumsum(fine.ravel()[order]) / fine.sum()
        band = np.empty(len(values), int)
        band[order] = np.minimum((reached * _BINS).astype(int), _BINS - 1)
        counts = np.bincount(block * _BINS + band, fine.ravel(), len(centres) * _BINS)
        parts.append(counts.reshape(len(centres), _BINS))
    return np.concatenate(parts, axis=1)


def _deal(spread: Floats, *, seed: int, val: float, test: float) -> NDArray[np.str_]:
    """Splits of the blocks: the best of many random deals of the blocks that hold recordings."""
    rng = generator(seed, "splits")
    occupied = np.flatnonzero(spread.any(axis=1))
    share = spread[occupied] / spread.sum(axis=0)

    def deals() -> Iterator[tuple[float, NDArray[np.str_]]]:
        for _ in range(DEALS):
            order = rng.permutation(len(occupied))
            reached = np.cumsum(share[order].mean(axis=1))
            names = np.full(len(occupied), TRAIN)
            names[order[reached <= test + val]] = VAL
            names[order[reached <= test]] = TEST
            shares = ((TEST, test), (VAL, val))
            yield (
                sum(
                    float(np.abs(share[names == name].sum(axis=0) - wanted).sum())
                    for name, wanted in shares
                ),
                names,
            )

    split = np.full(len(spread), TRAIN)
    split[occupied] = best_deal(deals())
    return split


def _distance_km(points: Floats, centres: Floats, wanted: NDArray[np.bool_]) -> Floats:
    """Lower bound of the distance from each point to the nearest of the wanted cells; 0 inside.

    A Voronoi cell is an intersection of hemispheres {x : x . (b - s) >= 0} over the other centres
    s; the distance to the farthest of them is at most the distance to the cell.
    """
    nearest = np.full(len(points), np.inf)
    for b in np.flatnonzero(wanted):
        normals = centres[b] - np.delete(centres, b, axis=0)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        sine = (points @ normals.T).min(axis=1)
        nearest = np.minimum(nearest, np.arcsin(np.clip(-sine, 0.0, 1.0)) * EARTH_RADIUS_KM)
    return nearest
