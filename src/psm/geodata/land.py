"""Land of the Earth, as polygons and as the cells of a global grid that hold any of it.

The polygons are the GSHHG shorelines (Wessel & Smith 1996) of intermediate resolution, true to
about 1 km; the finest land mask at hand, which the grid is cut from, has pixels of 2.3 km.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError
from psm.geodata.cache import Arrays, cached_arrays
from psm.geodata.outlines import polygons_of, valid_each
from psm.geodata.packages import land_mask, land_mask_file
from psm.geodata.vectors import read_shapes

Floats = NDArray[np.float64]

SOUTH_LIMIT, NORTH_LIMIT = -60.0, 84.0
"""Degrees of latitude between which land is mapped: without Antarctica and the northernmost ice."""

_LAND, _LAKE, _ISLAND_IN_LAKE = (1, 5), (2,), (3,)  # levels of GSHHG; 5: Antarctica


def on_land(geometry: BaseGeometry) -> BaseGeometry:
    """The part of a geometry (lon, lat) that is land, without lakes; perhaps empty.

    Raises:
        BrokenPackageData: the shoreline files are missing or damaged.
    """
    land = shapely.get_parts(land_polygons())
    near = land[shapely.STRtree(land).query(geometry, "intersects")]
    shapely.prepare(geometry)
    inside = shapely.contains_properly(geometry, near)
    cut = shapely.intersection(near[~inside], geometry)
    return polygons_of(*near[inside], *cut)


@lru_cache(maxsize=1)
def land_polygons() -> BaseGeometry:
    """All land of the Earth, without lakes, within [-180, 180]."""
    shapes = read_shapes("gshhs", "i")
    areas = valid_each(np.array([shapely.Polygon(ring) for ring in shapes.lines]))
    land, lakes, islands = (
        areas[np.isin(shapes.level, levels)] for levels in (_LAND, _LAKE, _ISLAND_IN_LAKE)
    )
    row, lake = shapely.STRtree(lakes).query(land, "intersects")
    for at in np.unique(row):
        land[at] = _without(land[at], lakes[lake[row == at]])
    return polygons_of(*land, *islands)


def land_grid(step_deg: float = 1.0) -> tuple[Floats, Floats]:
    """Centres (lat, lon) of the grid cells that hold any land, from north to south, row by row.

    The grid starts at 180 W and 90 N; cells reach from 60 S to 84 N.

    Raises:
        ConfigError: the step does not divide 180 degrees, or is outside [0.1, 30].
    """
    rows = round(180.0 / step_deg) if step_deg > 0 else 0
    if not 0.1 <= step_deg <= 30.0 or abs(rows * step_deg - 180.0) > 1e-6:
        raise ConfigError(f"grid step {step_deg:g}: give a divisor of 180 between 0.1 and 30")
    found = cached_arrays(
        f"land-cells-{rows}", version=1, sources=[land_mask_file()], build=lambda: _land_cells(rows)
    )
    return np.array(found["lat"]), np.array(found["lon"])


def _land_cells(rows: int) -> Arrays:
    mask, step_deg = land_mask(), 180.0 / rows
    row_edge = np.linspace(0, mask.shape[0], rows + 1).round().astype(int)[:-1]
    column_edge = np.linspace(0, mask.shape[1], 2 * rows + 1).round().astype(int)[:-1]
    is_land = (mask != 0).astype(np.uint8)
    cells = np.maximum.reduceat(np.maximum.reduceat(is_land, row_edge, 0), column_edge, 1) > 0
    row, column = np.nonzero(cells)
    lat = np.asarray(90.0 - (row + 0.5) * step_deg, float)
    lon = np.asarray((column + 0.5) * step_deg - 180.0, float)
    kept = (lat > SOUTH_LIMIT) & (lat < NORTH_LIMIT)
    return {"lat": lat[kept], "lon": lon[kept]}


def _without(land: BaseGeometry, lakes: NDArray[np.object_]) -> BaseGeometry:
    """Cut lakes out of land: most lie within, and become holes as they are."""
    shapely.prepare(land)
    inside = shapely.contains_properly(land, lakes)
    holes = [lake.exterior for part in lakes[inside] for lake in shapely.get_parts(part)]
    if land.geom_type == "Polygon" and (cut := shapely.Polygon(land.exterior, holes)).is_valid:
        land, lakes = cut, lakes[~inside]
    return shapely.difference(land, shapely.union_all(lakes)) if len(lakes) else land
