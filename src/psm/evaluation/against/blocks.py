"""Spatial blocks and folds: neighbours are all learnt from or all judged by.

Places near each other look and sound alike, so that folds at random flatter whatever is judged, and
intervals that draw single points are too narrow. Sites are cut into compact blocks of about equal
size. Whole blocks are dealt to the folds; from what a fold is learnt from, those are left out that
lie nearer than a buffer to what it is judged by, as far as enough is left (Roberts et al. 2017,
"Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic
structure").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from psm.geodata.sphere import EARTH_RADIUS_KM, chord_to_km, unit_vectors
from psm.seeding import generator

FOLDS = 5
BLOCKS = 50
"""Blocks by which intervals are drawn, at most."""

_LEAST_IN_BLOCK = 4  # sites: else a block says no more than a point
_LEAST_BLOCKS = 10  # fewer say too little of how sure a mean is
_SITE_DEG = 0.002  # some 200 m: what lies nearer is one site
_KEPT = 0.7  # share of the other folds that must be left to learn from


@dataclass(frozen=True, eq=False)
class SpatialFolds:
    """Which fold each point is judged in, and what that fold is learnt from.

    Attributes:
        fold: ``(n,)`` number of the fold.
        site: ``(n,)`` number of the site.
        learnt: ``(folds, n)`` what each fold is learnt from.
        apart_km: least distance between what a fold is judged by and learnt from.
        buffer_km: the distance that was asked for.
    """

    fold: Int[np.ndarray, " n"]
    site: Int[np.ndarray, " n"]
    learnt: Bool[np.ndarray, "folds n"]
    apart_km: float
    buffer_km: float

    def __len__(self) -> int:
        return len(self.learnt)

    @property
    def sites(self) -> int:
        """How many sites there are."""
        return int(self.site.max()) + 1

    def judged(self, number: int) -> Int[np.ndarray, " some"]:
        """Rows of the points that a fold is judged by.

        Args:
            number: of the fold, from 0.

        Returns:
            Their numbers, rising.
        """
        return np.flatnonzero(self.fold == number)


def spatial_folds(
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    folds: int = FOLDS,
    blocks: int | None = None,
    buffer_km: float = 0.0,
    seed: int = 0,
) -> SpatialFolds:
    """Deal N points to folds, by compact blocks of their sites.

    Args:
        lat, lon: ``(n,)`` degrees; several points may share a site.
        folds: how many; no more than there are sites.
        blocks: how many blocks there are to deal; by default one for each fold, which is the
            strictest. With more, a fold is several regions, and what it asks is nearer to what it
            is learnt from.
        buffer_km: what lies nearer than this to the points of a fold is not learnt from. Where that
            left too little, it is halved up to three times, and then given up; ``apart_km`` says
            what was kept.
        seed: which block goes to which fold, where there are several for each.

    Returns:
        The folds, numbered from 0; each is learnt from something where there are two sites.
    """
    lats, lons = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
    vectors = unit_vectors(lat=lats, lon=lons)
    site = _sites(lats, lons)
    wanted = min(folds, int(site.max()) + 1)
    several = min(max(blocks or wanted, wanted), int(site.max()) + 1)
    block = _blocks(vectors, site, several)
    fold = block if several == wanted else _dealt(block, wanted, seed)
    nearest = _distance_to_folds(vectors, fold)
    others = np.arange(fold.max() + 1)[:, None] != fold
    apart = next(
        km for km in (buffer_km, buffer_km / 2.0, buffer_km / 4.0, buffer_km / 8.0, 0.0)
        if km == 0.0 or ((nearest >= km) & others).sum(1).min() >= _KEPT * others.sum(1).min()
    )  # fmt: skip
    return SpatialFolds(fold, site, others & (nearest >= apart), apart, buffer_km)


def spatial_blocks(
    *, lat: ArrayLike, lon: ArrayLike, count: int = BLOCKS, least_km: float = 0.0
) -> Int[np.ndarray, " n"]:
    """Compact blocks of N points, each with about as many: what a block bootstrap draws.

    Args:
        lat, lon: ``(n,)`` degrees; points of one site are in one block.
        count: how many blocks, at most; fewer where there are few sites.
        least_km: side that blocks should have, as the range over which errors are alike; there are
            fewer then, but ten at the least.

    Returns:
        ``(n,)`` number of the block of each point.
    """
    lats, lons = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
    vectors, site = unit_vectors(lat=lats, lon=lons), _sites(lats, lons)
    sites = int(site.max()) + 1
    least = min(_LEAST_BLOCKS, count, sites)
    count = max(least, min(count, sites // _LEAST_IN_BLOCK))
    while True:
        block = _blocks(vectors, site, count)
        if count <= least or block_side_km(lat=lats, lon=lons, block=block) >= least_km:
            return block
        count = max(least, round(count * 0.7))


def block_side_km(*, lat: ArrayLike, lon: ArrayLike, block: Int[np.ndarray, " n"]) -> float:
    """Side of a square as large as the median block is wide, in kilometres.

    Args:
        lat, lon: ``(n,)`` degrees.
        block: ``(n,)`` number of the block of each point.

    Returns:
        The side: in a square, the root mean square distance to the centre is side / √6.
    """
    vectors = unit_vectors(lat=lat, lon=lon)
    count = np.bincount(block)
    centre = np.stack([np.bincount(block, axis) for axis in vectors.T], axis=1) / count[:, None]
    square = ((vectors - centre[block]) ** 2).sum(1)
    spread = np.sqrt(np.bincount(block, square) / count)
    return float(np.sqrt(6.0) * np.median(spread[count > 0]) * EARTH_RADIUS_KM)


def _sites(lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Number of the site of each point; what lies within some 200 m is one."""
    cells = np.round(np.stack([lat, lon], axis=1) / _SITE_DEG).astype(int)
    return np.asarray(np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1))


def _blocks(
    vectors: Float[np.ndarray, "n 3"], site: Int[np.ndarray, " n"], count: int
) -> Int[np.ndarray, " n"]:
    """Number of the block of each point."""
    size = np.bincount(site)
    centres = np.stack([np.bincount(site, axis) / size for axis in vectors.T], axis=1)
    return np.asarray(_bisected(centres, size, count)[site])


def _bisected(
    centres: Float[np.ndarray, "sites 3"], size: Int[np.ndarray, " sites"], count: int
) -> Int[np.ndarray, " sites"]:
    """Number of the part of each site: cut across the longest axis again and again, so that parts
    are compact and hold about as many points each."""
    part = np.zeros(len(size), int)
    if count == 1 or len(size) < 2:
        return part
    about = centres - np.average(centres, axis=0, weights=size)
    axis = np.linalg.eigh((about * size[:, None]).T @ about)[1][:, -1]
    # The sign of an eigenvector is the library's choice: the first site decides.
    order = np.argsort(about @ axis * (np.sign(about[0] @ axis) or 1.0), kind="stable")
    first = count // 2
    before = np.cumsum(size[order]) - size[order] / 2.0
    low = order[before <= size.sum() * first / count]
    # Each side keeps as many sites as it is to have parts.
    taken = int(np.clip(len(low), first, len(size) - (count - first)))
    low, high = order[:taken], order[taken:]
    part[low] = _bisected(centres[low], size[low], first)
    part[high] = first + _bisected(centres[high], size[high], count - first)
    return part


def _dealt(block: Int[np.ndarray, " n"], folds: int, seed: int) -> Int[np.ndarray, " n"]:
    """Number of the fold of each point: blocks in a random order, dealt like cards."""
    count = int(block.max()) + 1
    of_block = np.empty(count, int)
    of_block[generator(seed, "spatial folds").permutation(count)] = np.arange(count) % folds
    return np.asarray(of_block[block])


def _distance_to_folds(
    vectors: Float[np.ndarray, "n 3"], fold: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "folds n"]:
    """How far each point lies from the nearest one of each fold, kilometres."""
    return np.stack(
        [
            chord_to_km(cKDTree(vectors[fold == number]).query(vectors)[0])
            for number in range(fold.max() + 1)
        ]
    )
