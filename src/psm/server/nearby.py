"""The name of a place: the town near it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from psm.errors import BrokenPackageData
from psm.geodata.packages import towns
from psm.geodata.sphere import km_to_chord, unit_vectors

_REACHES = ((30_000.0, 40.0), (5_000.0, 60.0), (1_000.0, 150.0))
"""Least people and greatest distance in km: a large town before a nearer small one."""


def name_of(*, lat: float, lon: float) -> str | None:
    """``near Vienna, AT``; ``None`` far from any town, or without the package of towns."""
    try:
        known = towns()
    except BrokenPackageData:
        return None
    point = unit_vectors(lat=lat, lon=lon)
    for number, (_, reach_km) in enumerate(_REACHES):
        distance, row = _tree(number).query(point, distance_upper_bound=km_to_chord(reach_km))
        if np.isfinite(distance):
            return f"near {known.name[row]}, {known.country[row]}"
    return None


@lru_cache(maxsize=len(_REACHES))
def _tree(number: int) -> cKDTree:
    known = towns()
    count = int((known.people >= _REACHES[number][0]).sum())  # largest first
    return cKDTree(unit_vectors(lat=known.lat[:count], lon=known.lon[:count]))
