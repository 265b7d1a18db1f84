"""Hidden layers at a point: coast, climate, towns. The rules read them, a model never does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from psm.earth.base import base_grids
from psm.earth.network import rivers, roads, shores
from psm.geodata import packages
from psm.geodata.packages import town_radius_km
from psm.geodata.sphere import chord_to_km, unit_vectors

Floats = NDArray[np.float64]

TOWN_CLASSES = ((0, 8), (100_000, 4), (1_000_000, 2))
"""(least people, neighbours looked at): a metropolis matters from further away than a village."""

# Countries where a town's churches ring: Europe, the Americas, and other largely Christian ones.
_BELL_COUNTRIES = (
    "AD AL AM AO AR AT AU BA BB BE BG BI BO BR BS BY BZ CD CF CG CH CL CM CO CR CU CV CY CZ DE DK "
    "DM DO EC EE ES ET FI FJ FO FR GA GB GE GH GL GQ GR GT GY HN HR HT HU IE IM IS IT JM KE LI LS "
    "LT LU LV MC MD ME MG MK MT MW MX NA NI NL NO NZ PA PE PG PH PL PT PY RO RS RU RW SE SI SK SM "
    "SR SV SZ TL TO TT UA UG US UY VA VC VE WS ZA ZM ZW CA"
)


@dataclass(frozen=True)
class LayerValues:
    """Hidden layers at N places: arrays ``(N,)``. Fractions lie in [0, 1]."""

    lat: Floats
    lon: Floats
    is_land: NDArray[np.bool_]
    coast_km: Floats
    """Distance to the sea shore (on land and at sea)."""
    lake_km: Floats
    river_km: Floats
    road_km: Floats
    """Distance to the nearest main road."""
    ruggedness: Floats
    forest: Floats
    bare: Floats
    ice: Floats
    koeppen: NDArray[np.uint8]
    """Köppen-Geiger class number, see :func:`psm.geodata.packages.koeppen_names`."""
    town_km: Floats
    """Distance to the nearest town of 1,000 people or more."""
    people: Floats
    """People of the town that dominates the place, fading with distance from its edge."""
    built_up: Floats
    """1 in the middle of a town, 0 outside."""
    has_bells: NDArray[np.bool_]
    """The dominating town lies in a country whose churches ring."""

    def __len__(self) -> int:
        return len(self.lat)

    def rows(self, index: NDArray[np.int64]) -> LayerValues:
        """The layers of some of the places."""
        return LayerValues(**{name: values[index] for name, values in vars(self).items()})


class Layers:
    """The layers of the whole Earth. Use :meth:`load`, which reads them once per process."""

    def __init__(self) -> None:
        self._mask = packages.land_mask()
        self._grids = base_grids()
        # White sand is no ice: there is none where the climate is tropical, hot or temperate.
        self._can_freeze = np.array(
            [name[:1] in ("D", "E") or name[2:] == "k" for name in packages.koeppen_names()]
        )
        self._towns = packages.towns()
        self._bells = np.isin(self._towns.country, _BELL_COUNTRIES.split())
        shore, river, road = shores(), rivers(), roads()
        self._coast = _tree(shore["sea_lat"], shore["sea_lon"])
        self._lakes = _tree(shore["lake_lat"], shore["lake_lon"])
        self._rivers = _tree(river.lat[::2], river.lon[::2])
        self._roads = _tree(road.lat[road.is_main][::3], road.lon[road.is_main][::3])
        self._town_trees = [
            (_tree(self._towns.lat[:count], self._towns.lon[:count]), min(k, count))
            for least, k in TOWN_CLASSES
            if (count := int(np.searchsorted(-self._towns.people, -least, side="right")))
        ]

    @classmethod
    def load(cls) -> Layers:
        """The shared instance.

        Raises:
            BrokenPackageData: one of the three data packages is missing or damaged.
        """
        return _load()

    def at(self, *, lat: ArrayLike, lon: ArrayLike) -> LayerValues:
        """Layers at N points in degrees (scalars give N = 1)."""
        lats, lons = np.broadcast_arrays(
            np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
        )
        points = unit_vectors(lat=lats, lon=lons)
        grids = {
            name: pick(self._grids[name], lats, lons)
            for name in ("ruggedness", "forest", "bare", "ice", "koeppen")
        }
        grids["ice"] = grids["ice"] * self._can_freeze[grids["koeppen"]]
        town_km, people, built_up, town = self._town_values(points)
        return LayerValues(
            lat=lats,
            lon=lons,
            is_land=pick(self._mask, lats, lons) != 0,
            coast_km=_distance_km(self._coast, points),
            lake_km=_distance_km(self._lakes, points),
            river_km=_distance_km(self._rivers, points),
            road_km=_distance_km(self._roads, points),
            koeppen=grids.pop("koeppen").astype(np.uint8),
            **{name: values / 255.0 for name, values in grids.items()},
            town_km=town_km,
            people=people,
            built_up=built_up,
            has_bells=self._bells[town],
        )

    def _town_values(self, points: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
        chords, indices = zip(
            *(tree.query(points, k=list(range(1, k + 1))) for tree, k in self._town_trees),
            strict=True,
        )
        index = np.concatenate(indices, axis=1)
        distance_km = chord_to_km(np.concatenate(chords, axis=1))
        people = self._towns.people[index]
        radius_km = town_radius_km(people)
        fading = people * np.exp(-distance_km / (radius_km + 3.0))
        covered = np.clip((1.25 * radius_km - distance_km) / (0.6 * radius_km + 0.3), 0.0, 1.0)
        best = fading.argmax(axis=1)
        rows = np.arange(len(points))
        return distance_km[:, 0], fading[rows, best], covered.max(axis=1), index[rows, best]


@lru_cache(maxsize=1)
def _load() -> Layers:
    return Layers()


def _tree(lat: ArrayLike, lon: ArrayLike) -> cKDTree:
    points = unit_vectors(lat=lat, lon=lon)
    return cKDTree(points, leafsize=32, balanced_tree=False, compact_nodes=False)


def _distance_km(tree: cKDTree, points: Floats) -> Floats:
    return chord_to_km(tree.query(points)[0])


def pick(grid: NDArray[Any], lat: Floats, lon: Floats) -> NDArray[Any]:
    """Pixels of a global grid (rows from the north) under the points."""
    rows, columns = grid.shape[:2]
    row = np.clip(((90.0 - lat) * rows / 180.0).astype(int), 0, rows - 1)
    column = ((lon + 180.0) * columns / 360.0).astype(int) % columns
    return np.asarray(grid[row, column])
