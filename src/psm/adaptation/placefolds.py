"""Place-wise folds of recordings: those of a site are all learnt from or all judged by.

The folds are spatial blocks with a buffer (:mod:`psm.evaluation.against.blocks`): from what a fold
is learnt from, those recordings are left out whose tiles show the ground of the fold, as far as
enough is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psm.adaptation.recipe import LEAST_PLACES
from psm.data.recording import Recording
from psm.errors import ConfigError
from psm.evaluation.against.blocks import FOLDS, SpatialFolds, spatial_folds

_LEAST_IN_FOLD = 10  # recordings: a tenth of them is one


@dataclass(frozen=True, eq=False)
class PlaceFolds(SpatialFolds):
    """Folds of recordings; the buffer is the side of the widest view."""

    @property
    def tile_km(self) -> float:
        """Side of the widest view."""
        return self.buffer_km

    @property
    def overlap(self) -> bool:
        """Whether tiles of judged recordings show ground that was learnt from."""
        return self.apart_km < self.buffer_km


def place_folds(recordings: Sequence[Recording], tile_km: float) -> PlaceFolds:
    """Folds of recordings, at most five, by their places.

    Args:
        recordings: to be dealt.
        tile_km: side of the widest view.

    Raises:
        ConfigError: they come from too few places.
    """
    lat, lon = np.array([(r.lat, r.lon) for r in recordings]).T
    wanted = max(2, min(FOLDS, len(recordings) // _LEAST_IN_FOLD))
    folds = spatial_folds(lat=lat, lon=lon, folds=wanted, buffer_km=tile_km)
    if folds.sites < LEAST_PLACES:
        places = f"{folds.sites} place{'s' * (folds.sites > 1)}"
        raise ConfigError(
            f"{len(recordings)} recordings of {places}: whether a model "
            f"has learnt more than one place by heart shows at {LEAST_PLACES} places at the least"
        )
    return PlaceFolds(folds.fold, folds.site, folds.learnt, folds.apart_km, folds.buffer_km)
