"""Outlines on the globe: polygons cut at the antimeridian, closed around poles, repaired.

Everywhere here an edge is a straight line in longitude and latitude, as in GeoJSON (RFC 7946). The
antimeridian package cuts along great circles instead, takes the pole of a ring from its winding,
loses half of a ring that crosses itself, and takes ten times as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import shapely
from jaxtyping import Float
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError

Ring = Float[np.ndarray, "points 2"]
"""Closed, lon and lat in degrees."""


def unfolded(polygons: Iterable[shapely.Polygon]) -> tuple[BaseGeometry, int]:
    """Polygons as files hold them, made plain: one geometry within [-180, 180], split there.

    An edge that spans more than 180 degrees of longitude goes the short way around, except one
    between 180 W and 180 E that is plainly meant to run along the whole parallel. A ring that goes
    around the globe holds the pole of the smaller side.

    Returns:
        The geometry, and how many rings crossed themselves and were repaired.

    Raises:
        ConfigError: coordinates that are no longitudes and latitudes.
    """
    parts, repaired = [], 0
    for polygon in polygons:
        inside, crossed = _ring_area(shapely.get_coordinates(polygon.exterior))
        repaired += crossed
        holes = []
        for ring in polygon.interiors:
            hole, crossed = _ring_area(shapely.get_coordinates(ring))
            repaired += crossed
            holes.append(hole)
        parts.append(inside.difference(shapely.union_all(holes)) if holes else inside)
    return polygons_of(shapely.union_all(parts)), repaired


def recentred(geometry: BaseGeometry, lon: float) -> BaseGeometry:
    """The same area within ``[lon - 180, lon + 180]``, whole across the antimeridian.

    Args:
        geometry: within [-180, 180], or within any one turn.
        lon: degrees, the middle of the result.
    """
    left, right = lon - 180.0, lon + 180.0
    parts = shapely.get_parts(geometry)
    west, _, east, _ = shapely.bounds(parts).T
    if west.min() >= left and east.max() <= right:
        return geometry
    window = shapely.box(left, -90.0, right, 90.0)
    whole, cut = [], []
    for turn in range(
        math.ceil((left - east.max()) / 360.0), math.ceil((right - west.min()) / 360)
    ):
        shift = 360.0 * turn
        is_near = (west + shift < right) & (east + shift > left)
        is_whole = (west + shift >= left) & (east + shift <= right)
        # What ends at a cut of before meets its other half now.
        is_whole &= ((west + 180.0) % 360.0 != 0.0) & ((east + 180.0) % 360.0 != 0.0)
        moved = shapely.transform(
            parts, lambda lon, lat, s=shift: (lon + s, lat), interleaved=False
        )
        whole.extend(moved[is_whole])
        cut.extend(shapely.intersection(moved[is_near & ~is_whole], window))
    return polygons_of(*whole, shapely.union_all(cut))


def polygons_of(*geometries: BaseGeometry) -> BaseGeometry:
    """The areas of geometries, without their points and lines. They are not merged."""
    parts = np.asarray(geometries, object)
    while len(parts) and (shapely.get_type_id(parts) > 3).any():  # a collection may hold another
        parts = shapely.get_parts(parts)
    parts = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def valid(area: BaseGeometry) -> BaseGeometry:
    """An area, each part repaired where it crosses itself."""
    return polygons_of(*valid_each(shapely.get_parts(area)))


def valid_each(areas: NDArray[np.object_]) -> NDArray[np.object_]:
    """Areas, in order, those repaired that cross themselves."""
    is_crossed = ~shapely.is_valid(areas)
    repaired = shapely.make_valid(areas[is_crossed], method="structure", keep_collapsed=False)
    areas = areas.copy()
    areas[is_crossed] = repaired
    return areas


def _ring_area(ring: Ring) -> tuple[BaseGeometry, bool]:
    lon, lat = ring[:, 0], ring[:, 1]
    if not (np.isfinite(ring).all() and np.abs(lat).max() <= 90.0 + 1e-9):
        raise ConfigError(
            f"an outline has the latitude {lat[np.argmax(np.abs(lat))]:g}: longitude comes first, "
            "and other coordinates need their coordinate system in the file"
        )
    if np.abs(lon).max() > 720.0:
        raise ConfigError(f"an outline has the longitude {lon[np.argmax(np.abs(lon))]:g}")
    # Unroll: follow the ring point by point, each step the short way, beyond 180 where it leads.
    lat = np.clip(lat, -90.0, 90.0)
    steps = _steps(lon, lat)
    unrolled = lon[0] + np.concatenate([[0.0], np.cumsum(steps)])
    # As written but for whole turns: a sum of many steps would not close the ring to the last bit.
    unrolled = lon + 360.0 * np.round((unrolled - lon) / 360.0)
    points = np.stack([unrolled, lat], -1)
    # A ring that does not come back to its first longitude goes around a pole: close it along that.
    if abs(turn := unrolled[-1] - unrolled[0]) > 180.0:
        if abs(turn) > 540.0:
            raise ConfigError("an outline goes around the globe more than once")
        sine = np.sin(np.radians((lat[1:] + lat[:-1]) / 2.0))
        pole = 90.0 if np.sum(sine * steps) / turn > 0.0 else -90.0
        points = np.vstack([points, [[unrolled[-1], pole], [unrolled[0], pole]], points[:1]])
    # Repair what crosses itself, then fold all of it back into [-180, 180].
    area = shapely.Polygon(points)
    is_crossed = not area.is_valid
    if is_crossed:
        area = valid(area)
    return (recentred(area, 0.0) if not area.is_empty else area), is_crossed


def _steps(
    lon: Float[np.ndarray, " points"], lat: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " edges"]:
    """Degrees of longitude from each point to the next."""
    plain = np.diff(lon)
    short = plain - 360.0 * np.round(plain / 360.0)
    # On the antimeridian both ends of a jump are one place. It is a true edge only where the ring
    # goes on along the antimeridian, as one that is cut there does.
    on_cut = np.abs(np.abs(lon) - 180.0) < 1e-9
    along = on_cut[:-1] & on_cut[1:]
    jump = along & (np.abs(plain) > 359.0)
    side = along & ~jump & (np.diff(lat) != 0.0)
    steps = np.where(jump & (np.roll(side, 1) | np.roll(side, -1)), plain, short)
    # Along a pole every way is as long: take the one that closes the ring.
    at_pole = np.abs(lat) > 90.0 - 1e-9
    as_written = np.where(at_pole[:-1] & at_pole[1:], plain, steps)
    return steps if abs(as_written.sum()) > 180.0 > abs(steps.sum()) else as_written
