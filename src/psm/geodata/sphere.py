"""Spherical geometry: unit vectors, great-circle distances, wrapped longitudes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = EARTH_RADIUS_KM * np.pi / 180.0


def unit_vectors(*, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
    """Points as unit vectors: ``(...)`` degrees to ``(..., 3)``."""
    phi, theta = np.deg2rad(np.asarray(lat, float)), np.deg2rad(np.asarray(lon, float))
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], -1)


def chord_to_km(chord: ArrayLike) -> NDArray[np.float64]:
    """Great-circle distance of two points whose unit vectors are ``chord`` apart."""
    half: NDArray[np.float64] = np.clip(np.asarray(chord, float) / 2.0, 0.0, 1.0)
    return np.asarray(2.0 * EARTH_RADIUS_KM * np.arcsin(half))


def km_to_chord(distance_km: float) -> float:
    """Straight-line distance, in unit-sphere radii, of a great-circle distance."""
    return float(2.0 * np.sin(distance_km / (2.0 * EARTH_RADIUS_KM)))


def wrap_longitude(lon: ArrayLike) -> NDArray[np.float64]:
    """Longitudes folded into [-180, 180)."""
    return np.asarray((np.asarray(lon, float) + 180.0) % 360.0 - 180.0)
