"""Place-wise folds: recordings of a site are all learnt from or all judged by.

Places near each other look and sound alike, so that folds at random flatter a model. Sites are cut
into compact groups of about equal size; from what a fold is learnt from, those are left out whose
tiles show the ground of the fold, as far as enough is left (spatial blocks with a buffer, Roberts
et al. 2017, "Cross-validation strategies for data with temporal, spatial, hierarchical, or
phylogenetic structure").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from psm.adaptation.recipe import LEAST_PLACES
from psm.data.recording import Recording
from psm.errors import ConfigError
from psm.geodata.sphere import chord_to_km, unit_vectors

MOST_FOLDS = 5
_LEAST_IN_FOLD = 10  # recordings: a tenth of them is one
_SITE_DEG = 0.002  # some 200 m: what lies nearer is one site
_KEPT = 0.7  # share of the other folds that must be left to learn from


@dataclass(frozen=True, eq=False)
class PlaceFolds:
    """Which fold each recording is judged in, and what that fold is learnt from.

    Attributes:
        fold: ``(n,)`` number of the fold.
        site: ``(n,)`` number of the site, by which intervals are clustered.
        learnt: ``(folds, n)`` what each fold is learnt from.
        apart_km: least distance between what a fold is judged by and learnt from.
        tile_km: side of the widest view.
    """

    fold: Int[np.ndarray, " n"]
    site: Int[np.ndarray, " n"]
    learnt: Bool[np.ndarray, "folds n"]
    apart_km: float
    tile_km: float

    def __len__(self) -> int:
        return len(self.learnt)

    @property
    def sites(self) -> int:
        """How many sites there are."""
        return int(self.site.max()) + 1

    @property
    def overlap(self) -> bool:
        """Whether tiles of judged recordings show ground that was learnt from."""
        return self.apart_km < self.tile_km

    def judged(self, number: int) -> Int[np.ndarray, " some"]:
        """Rows of the recordings that a fold is judged by."""
        return np.flatnonzero(self.fold == number)


def place_folds(recordings: Sequence[Recording], tile_km: float) -> PlaceFolds:
    """Folds of recordings, at most five, by their places.

    Args:
        recordings: to be dealt.
        tile_km: side of the widest view.

    Raises:
        ConfigError: they come from too few places.
    """
    places = np.array([(r.lat, r.lon) for r in recordings])
    site = np.unique(np.round(places / _SITE_DEG).astype(int), axis=0, return_inverse=True)[1]
    site = site.reshape(-1)
    count = int(site.max()) + 1
    if count < LEAST_PLACES:
        raise ConfigError(
            f"{len(recordings)} recordings of {count} place{'s' * (count > 1)}: whether a model "
            f"has learnt more than one place by heart shows at {LEAST_PLACES} places at the least"
        )
    size = np.bincount(site)
    vectors = unit_vectors(lat=places[:, 0], lon=places[:, 1])
    centres = np.stack([np.bincount(site, axis) / size for axis in vectors.T], axis=1)
    wanted = max(2, min(MOST_FOLDS, count, len(recordings) // _LEAST_IN_FOLD))
    fold = _bisected(centres, size, wanted)[site]
    nearest = _distance_to_folds(vectors, fold)
    others = np.arange(fold.max() + 1)[:, None] != fold
    apart = next(
        km for km in (tile_km, tile_km / 2.0, tile_km / 4.0, tile_km / 8.0, 0.0)
        if km == 0.0 or ((nearest >= km) & others).sum(1).min() >= _KEPT * others.sum(1).min()
    )  # fmt: skip
    return PlaceFolds(fold, site, others & (nearest >= apart), apart, tile_km)


def _bisected(
    centres: Float[np.ndarray, "sites 3"], size: Int[np.ndarray, " sites"], count: int
) -> Int[np.ndarray, " sites"]:
    """Number of the part of each site: cut across the longest axis again and again, so that parts
    are compact and hold about as many recordings each."""
    part = np.zeros(len(size), int)
    if count == 1 or len(size) < 2:
        return part
    about = centres - np.average(centres, axis=0, weights=size)
    axis = np.linalg.svd(about * np.sqrt(size)[:, None], full_matrices=False)[2][0]
    # The sign of a singular vector is the library's choice: the first site decides.
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


def _distance_to_folds(
    vectors: Float[np.ndarray, "n 3"], fold: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "folds n"]:
    """How far each recording lies from the nearest one of each fold, kilometres."""
    return np.stack(
        [
            chord_to_km(cKDTree(vectors[fold == number]).query(vectors)[0])
            for number in range(fold.max() + 1)
        ]
    )
