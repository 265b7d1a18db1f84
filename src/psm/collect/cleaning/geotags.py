"""Geotags: places repaired where certain, else flagged or refused; country."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from psm.collect.refusal import Refused
from psm.geodata.packages import towns
from psm.geodata.sphere import KM_PER_DEGREE, km_to_chord, unit_vectors

_ZERO_ISLAND_DEG = 0.05
_COARSE_M = 1000.0
# iNaturalist moves a place within a cell of 0.2 degrees: up to its diagonal away.
_OBSCURED_M = 31_500.0
_M_PER_DEGREE = 1000.0 * KM_PER_DEGREE
_MOST_DECIMALS = 7  # a centimetre


class Flag(StrEnum):
    """Mark of a place that has to be known."""

    SWAPPED = "swapped"
    """Latitude and longitude were exchanged, and have been put right."""
    OBSCURED = "obscured"
    """The archive moved it on purpose."""
    COARSE = "coarse"
    """It is known to a kilometre or worse."""


@dataclass(frozen=True)
class CheckedPlace:
    """A place after checks, and how accurate it is."""

    lat: float
    lon: float
    accuracy_m: float | None
    flags: tuple[str, ...]


def place(
    *,
    lat: float | None,
    lon: float | None,
    accuracy_m: float | None = None,
    is_obscured: bool = False,
    worst_accuracy_m: float = math.inf,
) -> CheckedPlace:
    """Check and repair the place that an archive gives.

    Accuracy is the archive's, or that of the digits where they are too few for it: 52.5, 13.4 is no
    better than some 6 km.

    Raises:
        Refused: there is none, it is impossible, or known worse than ``worst_accuracy_m``.
    """
    if lat is None or lon is None or not (math.isfinite(lat) and math.isfinite(lon)):
        raise Refused("no place")
    flags: list[str] = []
    if abs(lat) > 90.0 and abs(lat) <= 180.0 and abs(lon) <= 90.0:
        lat, lon = lon, lat
        flags.append(Flag.SWAPPED)
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        raise Refused("place out of range", detail=f"{lat:g}, {lon:g}")
    if max(abs(lat), abs(lon)) < _ZERO_ISLAND_DEG:
        raise Refused("place at zero, zero", detail=f"{lat:g}, {lon:g}")
    known = _accuracy(accuracy_m, is_obscured)
    written = written_accuracy_m(lat=lat, lon=lon)
    if written > (known or 0.0) and (known is not None or written >= _COARSE_M):
        known = written
    if is_obscured:
        flags.append(Flag.OBSCURED)
    if known is not None and known >= _COARSE_M:
        flags.append(Flag.COARSE)
    if known is not None and known > worst_accuracy_m:
        raise Refused(
            "place obscured" if is_obscured else "place too coarse", detail=f"{known:.0f} m"
        )
    return CheckedPlace(
        float(lat), float(lon), None if known is None else round(known, 1), tuple(map(str, flags))
    )


def written_accuracy_m(*, lat: float, lon: float) -> float:
    """Radius that the digits of a place leave open: half the diagonal of their last step.

    The longer of the two counts, because zeros at the end get lost. Whole arc minutes, as in
    48.8667, 2.3333, are what they were before somebody made decimals of them.
    """
    decimals = max(_decimals(lat), _decimals(lon))
    step = 10.0**-decimals
    if decimals >= 4 and _is_whole_minutes(lat, decimals) and _is_whole_minutes(lon, decimals):
        step = 1.0 / 60.0
    return 0.5 * step * _M_PER_DEGREE * math.hypot(1.0, math.cos(math.radians(lat)))


def _accuracy(accuracy_m: float | None, is_obscured: bool) -> float | None:
    known = accuracy_m if accuracy_m is not None and math.isfinite(accuracy_m) else None
    if known is not None and known <= 0.0:
        known = None
    if is_obscured and (known is None or known < _COARSE_M):
        return _OBSCURED_M  # a small one is that of the place before it was moved
    return known


def _decimals(degrees: float) -> int:
    single = np.float32(degrees)  # 51.1 kept in single precision reads 51.099998474121094
    shortest = single if float(single) == degrees else np.float64(degrees)
    _, _, decimals = np.format_float_positional(shortest, trim="-").partition(".")
    return min(len(decimals), _MOST_DECIMALS)


def _is_whole_minutes(degrees: float, decimals: int) -> bool:
    minutes = degrees * 60.0
    return abs(minutes - round(minutes)) <= 60.0 * 0.51 * 10.0**-decimals


def country_at(*, lat: float, lon: float, within_km: float) -> str:
    """ISO 3166 two letters of the nearest town's country; empty if none is ``within_km``.

    Near a border that can be the neighbour's: it serves statistics, not law.
    """
    distance, nearest = _tree().query(
        unit_vectors(lat=lat, lon=lon), distance_upper_bound=km_to_chord(within_km)
    )
    return str(towns().country[nearest]) if np.isfinite(distance) else ""


@lru_cache(maxsize=1)
def _tree() -> cKDTree:
    known = towns()
    return cKDTree(unit_vectors(lat=known.lat, lon=known.lon))
