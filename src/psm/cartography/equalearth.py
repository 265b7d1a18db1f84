"""The Equal Earth projection: a world map on which every square kilometre has the same size.

B. Šavrič, T. Patterson, B. Jenny, "The Equal Earth map projection", IJGIS 33(3), 2018.

Written out here: pyproj's ``+proj=eqearth`` inverts a picture sixteen times as slowly, and gives
places for what lies outside of the map.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

CENTRAL_LON = 11.0
"""The map is cut along 169 W, through the Bering Strait, where it hurts least."""

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = np.sqrt(3.0) / 2.0

Floats = Float[np.ndarray, "..."]


def project(*, lat: ArrayLike, lon_from_centre: ArrayLike) -> tuple[Floats, Floats]:
    """Map coordinates (x, y) on the unit sphere of degrees; the longitude is not wrapped."""
    lats, lons = np.broadcast_arrays(np.asarray(lat, float), np.asarray(lon_from_centre, float))
    theta = np.arcsin(_M * np.sin(np.radians(lats)))
    return np.radians(lons) * np.cos(theta) / (_M * _slope(theta)), _height(theta)


def unproject(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Latitude and longitude from the central meridian, degrees; NaN outside the map."""
    heights = np.asarray(y, float)
    theta = heights / _A1
    for _ in range(8):  # Newton; the curve is nearly straight
        theta = theta - (_height(theta) - heights) / _slope(theta)
    sine = np.sin(theta) / _M
    is_inside = np.abs(sine) <= 1.0
    lon = np.degrees(np.asarray(x, float) * _M * _slope(theta) / np.cos(theta))
    is_inside = is_inside & (np.abs(lon) <= 180.0)
    lat = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return np.where(is_inside, lat, np.nan), np.where(is_inside, lon, np.nan)


def from_centre(lon: ArrayLike) -> Floats:
    """Longitudes relative to the central meridian, in [-180, 180)."""
    return np.asarray((np.asarray(lon, float) - CENTRAL_LON + 180.0) % 360.0 - 180.0)


def frame(*, south: float, north: float) -> Float[np.ndarray, "points 2"]:
    """Outline (x, y) of the map between two latitudes, closed."""
    lat = np.concatenate([np.linspace(south, north, 181), np.linspace(north, south, 181)])
    side = np.repeat([180.0, -180.0], 181)
    outline = np.stack(project(lat=lat, lon_from_centre=side), -1)
    return np.concatenate([outline, outline[:1]])


def _height(theta: Floats) -> Floats:
    square = theta * theta
    six = square**3
    return np.asarray(theta * (_A1 + _A2 * square + six * (_A3 + _A4 * square)))


def _slope(theta: Floats) -> Floats:
    square = theta * theta
    six = square**3
    return np.asarray(_A1 + 3.0 * _A2 * square + six * (7.0 * _A3 + 9.0 * _A4 * square))
