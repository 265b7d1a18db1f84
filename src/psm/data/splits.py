"""Geographic splits: places near each other are all for training, validation or test.

Neighbouring tiles share pixels, so a split that ignores distance lets a model see its test set.
Whole blocks of places are dealt to the splits, at random but so that the wanted shares are met
best, and places nearer than a buffer to those of a more protected split are left out. There are
three ways to cut blocks and to deal them:

- :func:`split_by_blocks` cuts a data set whose places are all known, be it of a town or the world;
- :func:`split_by_cells` holds out cells with many recordings, as the published data set does;
- :func:`psm.data.worldsplits.split_by_position` needs no other places: the same place is always in
  the same split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from psm.errors import ConfigError
from psm.geodata.sphere import KM_PER_DEGREE, chord_to_km, unit_vectors
from psm.seeding import generator

Floats = NDArray[np.float64]
TRAIN, VAL, TEST, BUFFER = "train", "val", "test", "buffer"

IN_BUFFER = "in the buffer between splits"
"""Why a recording that is in no split is left out."""

DEALS = 256
"""Random deals of blocks, of which the best is taken."""

_BLOCKS = 40
_MOST = {TEST: 0.2, VAL: 0.1}
_ENOUGH = 3  # candidates hold so many times what is held out, so that there is a choice


@dataclass(frozen=True)
class Splits:
    """Split and cell of each of N places."""

    split: NDArray[np.str_]
    """``"train"``, ``"val"``, ``"test"`` or ``"buffer"`` (use in no split)."""
    cell: NDArray[np.str_]
    """Geographic cell, 2 degrees by default, by which intervals are clustered: ``"N48E002"``."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of places of each split."""
        return dict(Counter(self.split.tolist()))


@dataclass(frozen=True, kw_only=True)
class HoldOutRules:
    """How many recordings :func:`split_by_cells` holds out, and of which cells.

    Attributes:
        val, test: recordings, or below 1 the share of them; at most a tenth and a fifth, so that
            the published numbers suit small data sets too.
        cell_deg: side of a cell.
        least_in_cell: recordings that a cell must have to be held out; fewer are asked for where
            such cells hold too little.
        buffer_km: least distance between places of two splits.
        seed: which cells.
    """

    val: float = 5_000
    test: float = 10_000
    cell_deg: float = 1.0
    least_in_cell: int = 25
    buffer_km: float
    seed: int = 0

    def wanted(self, split: str, total: int) -> int:
        """Recordings of ``total`` that are to be held out for a split."""
        asked = self.test if split == TEST else self.val
        return round(min(asked if asked >= 1.0 else asked * total, _MOST[split] * total))


def split_by_blocks(
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    seed: int,
    buffer_km: float,
    val: float = 0.08,
    test: float = 0.14,
) -> Splits:
    """Split N places that are all known, be they of the world or of a region, by square blocks.

    Blocks are as large as leaves some forty of them with places, but several buffers wide; of many
    deals the one is taken that comes closest to the wanted shares. Buffers are measured from place
    to place.

    Args:
        lat, lon: the places, ``(N,)``.
        seed: which blocks go where.
        buffer_km: validation places closer than this to a test place, and training places closer
            than this to a validation or test place, become "buffer".
        val, test: wanted shares of all places, before the buffer.

    Raises:
        ConfigError: the places lie too close together to be kept apart.
    """
    lats, lons = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
    block = _grid_blocks(lats, lons, buffer_km)
    split = _deal_blocks(np.bincount(block), seed=seed, val=val, test=test)[block]
    split = keep_apart(split, lat=lats, lon=lons, buffer_km=buffer_km)
    lost = {TRAIN, VAL, TEST} - set(split.tolist())
    if lost:
        raise ConfigError(
            f"splits: the places lie too close together for a buffer of {buffer_km:.0f} km "
            f"(nothing is left for {', '.join(sorted(lost))}); name the split of each recording"
        )
    return Splits(split=split, cell=cell_names(lats, lons))


def split_by_cells(
    *, lat: ArrayLike, lon: ArrayLike, group: Sequence[str], rules: HoldOutRules
) -> Splits:
    """Split N known places by cells of a degree, of which some with many places are held out.

    The result does not depend on the order of the places.

    Args:
        lat, lon: the places in degrees, ``(N,)``.
        group: archive of each recording; held-out cells have the mix of all.
        rules: how many are held out.

    Raises:
        ConfigError: the places lie in too few cells, or too close together, to be kept apart.
    """
    lats, lons = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
    cell = cell_names(lats, lons, rules.cell_deg)
    names, number = np.unique(cell, return_inverse=True)
    groups, column = np.unique(list(group), return_inverse=True)
    counts = np.zeros((len(names), len(groups)), np.int64)
    np.add.at(counts, (number, column), 1)
    split = keep_apart(
        _deal_cells(counts, rules)[number], lat=lats, lon=lons, buffer_km=rules.buffer_km
    )
    lost = [name for name in (TRAIN, VAL, TEST) if name not in split]
    if lost:
        raise ConfigError(
            f"splits: nothing is left for {', '.join(lost)}: {len(lats)} recordings in "
            f"{len(names)} cells of {rules.cell_deg:g} degrees, kept {rules.buffer_km:.0f} km "
            "apart; collect from more places, or set a smaller splits.cell_deg"
        )
    return Splits(split=split, cell=cell)


def cell_names(lat: Floats, lon: Floats, cell_deg: float = 2.0) -> NDArray[np.str_]:
    """Name of the latitude-longitude cell of each place, by its south-west corner."""
    south = np.floor(np.minimum(lat, 90.0 - 1e-9) / cell_deg) * cell_deg
    west = np.floor(((lon + 180.0) % 360.0) / cell_deg) * cell_deg - 180.0
    return np.array([
        f"{'S' if y < 0 else 'N'}{abs(y):02.4g}{'W' if x < 0 else 'E'}{abs(x):03.4g}"
        for y, x in zip(south.tolist(), west.tolist(), strict=True)
    ], dtype=str)  # fmt: skip


def keep_apart(
    split: NDArray[np.str_], *, lat: ArrayLike, lon: ArrayLike, buffer_km: float
) -> NDArray[np.str_]:
    """Make a buffer between the splits of N places, whatever their order.

    Test places stay; validation places closer than ``buffer_km`` to a test place go, then training
    places closer than it to a test place or to a validation place that stayed.
    """
    kept = split.copy()
    points = unit_vectors(lat=lat, lon=lon)
    for name, others in ((VAL, (TEST,)), (TRAIN, (TEST, VAL))):
        inside, outside = kept == name, np.isin(kept, others)
        chord, _ = cKDTree(points[outside]).query(points[inside]) if outside.any() else (np.inf, 0)
        kept[np.flatnonzero(inside)[chord_to_km(np.minimum(chord, 2.0)) < buffer_km]] = BUFFER
    return kept


def best_deal(deals: Iterable[tuple[float, NDArray[np.str_]]]) -> NDArray[np.str_]:
    """The deal that misses the wanted shares least, of pairs of a miss and a deal."""
    return min(deals, key=itemgetter(0))[1]


def _grid_blocks(lat: Floats, lon: Floats, buffer_km: float) -> NDArray[np.int64]:
    """Block number of each place, in squares small enough for some forty of them."""
    for size_deg in (15.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01):
        row = np.floor(lat / size_deg)
        width_deg = size_deg / np.maximum(np.cos(np.deg2rad((row + 0.5) * size_deg)), 1e-3)
        squares = np.stack([row, np.floor(lon / width_deg)], axis=1)
        _, block = np.unique(squares, axis=0, return_inverse=True)
        block = block.reshape(-1)
        if block.max(initial=0) + 1 >= _BLOCKS or size_deg * KM_PER_DEGREE < 4 * buffer_km:
            break
    return block


def _deal_blocks(
    counts: NDArray[np.int64], *, seed: int, val: float, test: float
) -> NDArray[np.str_]:
    """Splits of blocks that hold ``counts`` places: the first few for test, then for validation."""
    rng = generator(seed, "divide")

    def deals() -> Iterator[tuple[float, NDArray[np.str_]]]:
        for _ in range(DEALS):
            order = rng.permutation(len(counts))
            before = np.cumsum(counts[order]) - counts[order]
            names = np.full(len(counts), TRAIN, dtype="<U6")
            names[order[before < (test + val) * counts.sum()]] = VAL
            names[order[before < test * counts.sum()]] = TEST
            shares = ((TEST, test), (VAL, val), (TRAIN, 1.0 - val - test))
            yield (
                sum(abs(counts[names == n].sum() / counts.sum() - wanted) for n, wanted in shares),
                names,
            )

    return best_deal(deals())


def _deal_cells(counts: Int[np.ndarray, "cells groups"], rules: HoldOutRules) -> NDArray[np.str_]:
    """Splits of cells with so many recordings of each group.

    Every deal takes of each density what is its due. Of many deals the one is taken whose held-out
    cells come closest to the wanted numbers of each group.
    """
    size = counts.sum(axis=1)
    total = int(size.sum())
    wanted = {split: rules.wanted(split, total) for split in (TEST, VAL)}
    candidates = np.flatnonzero(size >= _threshold(size, sum(wanted.values()), rules))
    density = np.floor(np.log2(size[candidates])).astype(int)
    mix = counts.sum(axis=0) / total
    rng = generator(rules.seed, "collect", "splits")

    def deals() -> Iterator[tuple[float, NDArray[np.str_]]]:
        for _ in range(DEALS):
            order = rng.permutation(len(candidates))
            names = np.full(len(size), TRAIN, dtype="<U6")
            miss = 0.0
            for split in (TEST, VAL):
                taken, order = _take(order, density, size[candidates], wanted[split])
                names[candidates[taken]] = split
                miss += _miss(counts[candidates[taken]].sum(axis=0), mix, wanted[split])
            yield miss, names

    return best_deal(deals())


def _threshold(size: Int[np.ndarray, " cells"], wanted: int, rules: HoldOutRules) -> int:
    """Recordings a cell needs to be held out: as many as leave enough such cells to choose from."""
    descending = np.sort(size)[::-1]
    enough = np.flatnonzero(np.cumsum(descending) >= min(_ENOUGH * wanted, int(size.sum())))
    return int(min(rules.least_in_cell, descending[enough[0]]))


def _take(
    order: Int[np.ndarray, " some"],
    density: Int[np.ndarray, " candidates"],
    size: Int[np.ndarray, " candidates"],
    wanted: int,
) -> tuple[list[int], Int[np.ndarray, " rest"]]:
    """Candidates, in their order, that hold about ``wanted`` recordings; and all the others.

    First each density gives its share, then whatever fits fills the rest.
    """
    share = {d: wanted * size[density == d].sum() / size.sum() for d in np.unique(density)}
    taken: list[int] = []
    held, of_density = 0, dict.fromkeys(share, 0)
    for is_filling in (False, True):
        for candidate in order.tolist():
            n, d = int(size[candidate]), density[candidate]
            room = wanted - held if is_filling else min(share[d] - of_density[d], wanted - held)
            if candidate not in taken and n <= room:
                taken.append(candidate)
                held += n
                of_density[d] += n
    if not taken and len(order):  # every cell is larger than what is wanted
        taken = [min(order.tolist(), key=lambda candidate: size[candidate])]
    return taken, np.setdiff1d(order, taken, assume_unique=True)


def _miss(got: Int[np.ndarray, " groups"], mix: Float[np.ndarray, " groups"], wanted: int) -> float:
    """Chi-squared distance of a mix of groups, in which a small group counts as much as a large."""
    difference = got / max(wanted, 1) - mix
    return float((np.square(difference) / mix).sum())
