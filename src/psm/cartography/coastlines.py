"""Land of the globe in map coordinates, ready to be drawn."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from psm.cartography.projection import from_centre, project
from psm.geodata.vectors import Line, read_shapes

_LAND_LEVELS, _LAKE_LEVELS = (1, 5), (2,)  # 5: Antarctica
_SMALLEST_ISLAND_KM2, _SMALLEST_LAKE_KM2 = 150.0, 4000.0


@lru_cache(maxsize=1)
def land() -> tuple[Line, ...]:
    """Rings of land, ``(points, 2)`` of lon, lat in degrees, largest first.

    A continent that crosses the antimeridian comes as an eastern and a western ring.

    Raises:
        BrokenPackageData: the shoreline files are missing or damaged.
    """
    return _rings(_LAND_LEVELS, _SMALLEST_ISLAND_KM2)


@lru_cache(maxsize=1)
def lakes() -> tuple[Line, ...]:
    """Rings of the great lakes and of the Caspian Sea, as those of :func:`land`."""
    return _rings(_LAKE_LEVELS, _SMALLEST_LAKE_KM2)


@lru_cache(maxsize=1)
def projected_land() -> tuple[Line, ...]:
    """Land in map coordinates, to be filled."""
    return tuple(_project(ring) for ring in land())


@lru_cache(maxsize=1)
def projected_lakes() -> tuple[Line, ...]:
    """Lakes in map coordinates, to be filled."""
    return tuple(_project(ring) for ring in lakes())


@lru_cache(maxsize=1)
def projected_coastlines() -> tuple[Line, ...]:
    """Shores in map coordinates as lines to stroke, without cuts along the antimeridian."""
    lines: list[Line] = []
    for ring in (*land(), *lakes()):
        closed = np.concatenate([ring, ring[:1]])
        on_cut = np.abs(closed[:, 0]) > 179.99
        breaks = np.flatnonzero(on_cut[:-1] & on_cut[1:]) + 1
        lines += [_project(part) for part in np.split(closed, breaks) if len(part) > 1]
    return tuple(lines)


def _rings(levels: tuple[int, ...], smallest_km2: float) -> tuple[Line, ...]:
    shapes = read_shapes("gshhs", "l")
    kept = np.flatnonzero(shapes.where(levels=levels, smallest_km2=smallest_km2))
    return tuple(shapes.lines[number] for number in kept)


def _project(ring: Line) -> Line:
    # Unwrapped, so that an island on the map's edge leaves the frame instead of crossing the map.
    lon = np.unwrap(from_centre(ring[:, 0]), period=360.0)
    return np.stack(project(lat=ring[:, 1], lon_from_centre=lon), -1)
