"""Time zone and country of a place, from tables that come with packages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from psm.extras import require
from psm.geodata.packages import towns
from psm.geodata.sphere import km_to_chord, unit_vectors


def timezone_at(*, lat: float, lon: float) -> str:
    """IANA name of the time zone; at sea the nautical one, as ``Etc/GMT+5``."""
    return str(_finder().timezone_at(lat=lat, lng=lon) or "")


def country_at(*, lat: float, lon: float, within_km: float) -> str:
    """ISO 3166 two letters of the nearest town's country; empty if none is ``within_km``.

    Near a border that can be the neighbour's: it serves statistics, not law.
    """
    distance, nearest = _tree().query(
        unit_vectors(lat=lat, lon=lon), distance_upper_bound=km_to_chord(within_km)
    )
    return str(towns().country[nearest]) if np.isfinite(distance) else ""


@lru_cache(maxsize=1)
def _finder() -> Any:
    return require("timezonefinder", "collect").TimezoneFinder(in_memory=True)


@lru_cache(maxsize=1)
def _tree() -> cKDTree:
    known = towns()
    return cKDTree(unit_vectors(lat=known.lat, lon=known.lon))
