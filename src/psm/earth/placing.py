"""Places of a build: as many as are wanted, dealt to splits that keep their distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from psm.data.splits import BUFFER, split_by_blocks
from psm.data.worldsplits import split_by_position
from psm.earth.painted_imagery import GSD_M, VIEW_SIZE
from psm.earth.sampling import SampledPlaces, sample_places
from psm.errors import ConfigError

REGION_BUFFER_KM = float(np.ceil(VIEW_SIZE * GSD_M / 1000.0 * 2**0.5))
"""Between the splits of a region: closest views share no pixel. Those of wider zooms may, where a
region of some hundred kilometres has no room for the buffers that the whole world has."""

_LEAST, _MOST_TRIES = 1024, 8  # fewer places fill too few blocks for a choice among deals


@dataclass(frozen=True)
class DrawnPlaces:
    """Places of a build, arrays ``(N,)``.

    Attributes:
        number: of each place in the list that the seed names.
        places: themselves.
        split, cell: of each.
    """

    number: NDArray[np.int64]
    places: SampledPlaces
    split: NDArray[np.str_]
    cell: NDArray[np.str_]


def draw_everywhere(recordings: int, seed: int) -> DrawnPlaces:
    """Places of the whole world, drawn until enough lie outside the buffers."""
    drawn, missing, start = [], recordings, 0
    while missing > 0:
        count = max(256, 2 * missing)
        places = sample_places(count, seed, start=start)
        splits = split_by_position(lat=places.lat, lon=places.lon, seed=seed)
        kept = np.flatnonzero(splits.split != BUFFER)[:missing]
        drawn.append((start + kept, places.rows(kept), splits.split[kept], splits.cell[kept]))
        missing -= len(kept)
        start += count
    number, split, cell = (np.concatenate([part[i] for part in drawn]) for i in (0, 2, 3))
    return DrawnPlaces(number, SampledPlaces.concatenate([p[1] for p in drawn]), split, cell)


def draw_in_region(recordings: int, seed: int, region: BaseGeometry) -> DrawnPlaces:
    """Places within a region, of which all are split together, by blocks.

    Raises:
        ConfigError: there is hardly any land in it, or it is too small for a split.
    """
    shapely.prepare(region)
    count = max(_LEAST, recordings)
    for _ in range(_MOST_TRIES):
        places = sample_places(count, seed, region=region)
        number = np.flatnonzero(np.isfinite(places.lat))
        if not len(number):
            break
        found = places.rows(number)
        try:
            splits = split_by_blocks(
                lat=found.lat, lon=found.lon, seed=seed, buffer_km=REGION_BUFFER_KM
            )
        except ConfigError:
            raise ConfigError(
                "region: too small for training, validation and test places that lie "
                f"{REGION_BUFFER_KM:.0f} km apart; give one of some hundred kilometres"
            ) from None
        kept = np.flatnonzero(splits.split != BUFFER)
        if len(kept) >= recordings:
            kept = kept[:recordings]
            return DrawnPlaces(
                number[kept], found.rows(kept), splits.split[kept], splits.cell[kept]
            )
        count *= 2
    raise ConfigError("region: hardly any land in it, or too small for places that lie apart")
