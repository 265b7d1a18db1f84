"""Which recordings are held out: whole cells of a degree, spread over densities and archives.

As in the published data set, only cells with many recordings are held out. Beyond it, recordings
whose tiles could share ground with those of another split are left out as buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from psm.collect.outputs.recordings import BuiltRecording
from psm.config import ImageryConfig
from psm.data.splits import TEST, TRAIN, VAL, cell_names, keep_apart
from psm.errors import ConfigError
from psm.seeding import generator

IN_BUFFER = "in the buffer between splits"
"""Why a recording that is in no split is left out."""

_DEALS = 256
_MOST = {TEST: 0.2, VAL: 0.1}
_ENOUGH = 3  # candidates hold so many times what is held out, so that there is a choice
_BUFFER_SIDES = 1.5  # above the square root of two: squares this far apart share no corner


@dataclass(frozen=True, slots=True)
class Placed:
    """What of a recording decides about its split."""

    key: str
    lat: float
    lon: float
    source: str


class Assigned(NamedTuple):
    """The split of a recording, or ``"buffer"``, and its cell."""

    split: str
    cell: str


@dataclass(frozen=True, kw_only=True)
class SplitRules:
    """What is held out.

    Attributes:
        val, test: recordings, or below 1 the share of them; at most a tenth and a fifth, so that
            the published numbers suit small data sets too.
        cell_deg: side of a cell.
        least_in_cell: recordings that a cell must have to be held out; fewer are asked for where
            such cells hold too little.
        buffer_km: between places of two splits; see :func:`buffer_km`.
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


def buffer_km(imagery: ImageryConfig, *, gsd_m: float | None = None) -> float:
    """A distance at which the tiles of two places share no ground, with room to spare.

    Args:
        imagery: of the preset; a tile is its largest view.
        gsd_m: metres per pixel, where they are not those of the preset.
    """
    side_m = max(imagery.zooms) * imagery.view_px * (gsd_m or imagery.gsd_m)
    return _BUFFER_SIDES * side_m / 1000.0


def assign(places: Sequence[Placed], rules: SplitRules) -> dict[str, Assigned]:
    """Split and cell of every recording, by its key: the same whatever their order.

    Raises:
        ConfigError: they lie in too few cells, or too close together, to be kept apart.
    """
    if not places:
        return {}
    lat, lon = (np.array([getattr(place, name) for place in places]) for name in ("lat", "lon"))
    cell = cell_names(lat, lon, rules.cell_deg)
    names, number = np.unique(cell, return_inverse=True)
    sources, source = np.unique([place.source for place in places], return_inverse=True)
    counts = np.zeros((len(names), len(sources)), np.int64)
    np.add.at(counts, (number, source), 1)
    of_cell = _deal(counts, rules)
    split = keep_apart(of_cell[number], lat=lat, lon=lon, buffer_km=rules.buffer_km)
    lost = [name for name in (TRAIN, VAL, TEST) if name not in split]
    if lost:
        raise ConfigError(
            f"splits: nothing is left for {', '.join(lost)}: {len(places)} recordings in "
            f"{len(names)} cells of {rules.cell_deg:g} degrees, kept {rules.buffer_km:.0f} km "
            "apart; collect from more places, or set a smaller splits.cell_deg"
        )
    return {
        place.key: Assigned(str(s), str(c)) for place, s, c in zip(places, split, cell, strict=True)
    }


@dataclass(frozen=True)
class Leakage:
    """What a held-out split has in common with training.

    Attributes:
        split: val or test.
        kind: species or recordist.
        names: how many of them the split has.
        shared: how many of those are in training too.
        recordings: of the split, by those that are shared.
        share: of the recordings of the split whose species or recordist is known.
    """

    split: str
    kind: str
    names: int
    shared: int
    recordings: int
    share: float


def leakage(rows: Iterable[BuiltRecording]) -> list[Leakage]:
    """What val and test share with training.

    Two archives may have a recordist of the same name: these count as two.
    """
    found: dict[tuple[str, str], list[object]] = {}
    for row in rows:
        if row.species:
            found.setdefault(("species", row.split), []).append(row.species)
        if row.author:
            found.setdefault(("recordist", row.split), []).append((row.source, row.author))
    report = []
    for split in (VAL, TEST):
        for kind in ("species", "recordist"):
            inside, known = found.get((kind, split), []), set(found.get((kind, TRAIN), []))
            shared = [name for name in inside if name in known]
            share = len(shared) / len(inside) if inside else 0.0
            report.append(
                Leakage(split, kind, len(set(inside)), len(set(shared)), len(shared), share)
            )
    return report


def _deal(counts: Int[np.ndarray, "cells sources"], rules: SplitRules) -> NDArray[np.str_]:
    """Splits of cells with so many recordings of each archive.

    Every deal takes of each density what is its due. Of many deals the one is taken whose held-out
    cells come closest to the wanted numbers of each archive.
    """
    size = counts.sum(axis=1)
    total = int(size.sum())
    wanted = {split: rules.wanted(split, total) for split in (TEST, VAL)}
    candidates = np.flatnonzero(size >= _threshold(size, sum(wanted.values()), rules))
    density = np.floor(np.log2(size[candidates])).astype(int)
    mix = counts.sum(axis=0) / total
    rng = generator(rules.seed, "collect", "splits")
    best, least = np.full(len(size), TRAIN, dtype="<U6"), np.inf
    for _ in range(_DEALS):
        order = rng.permutation(len(candidates))
        names = np.full(len(size), TRAIN, dtype="<U6")
        miss = 0.0
        for split in (TEST, VAL):
            taken, order = _take(order, density, size[candidates], wanted[split])
            names[candidates[taken]] = split
            miss += _miss(counts[candidates[taken]].sum(axis=0), mix, wanted[split])
        if miss < least:
            best, least = names, miss
    return best


def _threshold(size: Int[np.ndarray, " cells"], wanted: int, rules: SplitRules) -> int:
    """Recordings that a cell needs: the most for which such cells hold enough to choose from."""
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


def _miss(
    got: Int[np.ndarray, " sources"], mix: Float[np.ndarray, " sources"], wanted: int
) -> float:
    """Chi-squared: an archive that is missing altogether counts, be it as small as it may."""
    difference = got / max(wanted, 1) - mix
    return float((np.square(difference) / mix).sum())
