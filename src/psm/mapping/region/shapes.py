"""Boxes, circles and the globe as polygons, and their areas."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import Float
from pyproj import Geod, Transformer
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError
from psm.geodata.outlines import recentred, unfolded
from psm.mapping.region.lengths import format_length

GEOD = Geod(ellps="WGS84")
_EQUAL_AREA = Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True)
_LONGEST_RADIUS_M = 9.9e6
_CORNERS = 720


def box(*, west: float, south: float, east: float, north: float) -> BaseGeometry:
    """Between two meridians and two parallels; ``west > east`` crosses the antimeridian.

    Raises:
        ConfigError: out of range, empty, or more than once around.
    """
    given = f"bbox {west:g},{south:g},{east:g},{north:g}"
    if not np.isfinite([west, south, east, north]).all():
        raise ConfigError(f"{given}: four numbers are needed")
    if not (-90.0 <= south < north <= 90.0):
        raise ConfigError(
            f"{given}: the order is west,south,east,north, with -90 <= south < north <= 90"
        )
    if min(west, east) < -180.0 or max(west, east) > 360.0:
        raise ConfigError(f"{given}: longitudes lie in -180..180 (or 0..360)")
    if west > east:
        east += 360.0
    if not 0.0 < east - west <= 360.0:
        raise ConfigError(f"{given}: west and east are the same, or more than a whole turn apart")
    return recentred(shapely.box(west, south, east, north), 0.0)


def circle(*, lat: float, lon: float, radius_m: float) -> BaseGeometry:
    """All places within ``radius_m`` metres on the ellipsoid.

    Raises:
        ConfigError: the point or the radius is out of range.
    """
    if not (abs(lat) <= 90.0 and abs(lon) <= 360.0):
        raise ConfigError(
            f"point {lat:g},{lon:g}: the order is lat,lon, with lat in -90..90 and lon in -180..180"
        )
    if not 0.0 < radius_m <= _LONGEST_RADIUS_M:
        raise ConfigError(
            f"radius {format_length(radius_m)}: needs to lie between 0 and "
            f"{format_length(_LONGEST_RADIUS_M)}; for more write globe, or a bbox"
        )
    azimuth = np.linspace(0.0, 360.0, _CORNERS + 1)
    for _ in range(24):  # near a pole a small turn is many degrees of longitude
        ring = _around(lat, lon, azimuth, radius_m)
        step = np.abs(np.diff(ring[:, 0]))
        wide = np.minimum(step, 360.0 - step) > 2.0
        wide &= np.abs(ring[:-1, 1]) < 90.0 - 1e-7
        if not wide.any():
            break
        azimuth = np.sort(np.r_[azimuth, (azimuth[:-1] + azimuth[1:])[wide] / 2.0])
    ring[-1] = ring[0]
    return unfolded([shapely.Polygon(ring)])[0]


def globe() -> BaseGeometry:
    """The whole Earth."""
    return shapely.box(-180.0, -90.0, 180.0, 90.0)


def area_km2(geometry: BaseGeometry) -> float:
    """Area of polygons in longitude and latitude, on the ellipsoid."""
    # Cylindrical equal-area: meridians and parallels stay straight.
    dense = shapely.segmentize(shapely.get_parts(geometry), 0.1)
    flat = shapely.transform(dense, _EQUAL_AREA.transform, interleaved=False)
    return float(shapely.area(flat).sum()) / 1e6


def _around(
    lat: float, lon: float, azimuth: Float[np.ndarray, " n"], radius_m: float
) -> Float[np.ndarray, "n 2"]:
    start = np.broadcast_to([[lon], [lat]], (2, len(azimuth)))
    lons, lats, _ = GEOD.fwd(start[0], start[1], azimuth, np.full(len(azimuth), radius_m))
    return np.stack([lons, lats], -1)
