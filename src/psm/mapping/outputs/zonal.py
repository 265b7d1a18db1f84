"""Zonal statistics: what a map comes to in each polygon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from psm.cartography.window import Window
from psm.errors import ConfigError
from psm.extras import require
from psm.geodata.frame import WGS84
from psm.geodata.outlines import polygons_of, recentred, valid
from psm.mapping.map_data import MapData
from psm.mapping.outputs.columns import free_names
from psm.mapping.region.vectorfiles import layer_of, on_globe, system_of, warn_of_repairs

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries

QUANTILES = (10, 50, 90)
"""Percentiles of a summary."""

_PIECES = 200  # of the side of a polygon that is bent by a change of coordinate system


def summarise(
    soundscape: MapData,
    polygons: GeoDataFrame | str | Path,
    *,
    layer: str | None = None,
    prefix: str | None = "",
) -> GeoDataFrame:
    """Area-weighted statistics of the cells under each polygon, also of those it holds in part.

    The columns are, for a quantity such as ``match_probability``: ``match_probability_mean``,
    ``_max``, ``_q10``, ``_q50`` and ``_q90``; ``uncertainty_mean``, the mean of the cells, which an
    average over the polygon cannot exceed (NaN where it is not known); and ``covered_km2``, the
    area with data.

    Args:
        soundscape: the map.
        polygons: with a coordinate system, any; or a vector file of them. Those that cross the
            antimeridian may be split there, run on beyond 180, or jump from 180 to -180.
        layer: of the file, where it has several.
        prefix: of the new columns, to put several maps side by side; ``None`` puts ``map_`` before
            those whose names are taken.

    Returns:
        The polygons as they came, with all their columns and the new ones; NaN where the map has
        no data.

    Warns:
        RepairedGeometry: outlines crossed themselves; they count as what they enclose.

    Raises:
        MissingExtra: geopandas, pyogrio or exactextract is not installed.
        MissingData: there is no such file.
        ConfigError: something is no polygon, has no coordinate system, or a column is taken; the
            file has several layers and none is named.
    """
    found = _read(Path(polygons), layer) if isinstance(polygons, (str, Path)) else polygons
    main, *others = (band.name for band in soundscape.bands if band.is_standard)
    statistics = {main: ["mean", "max", *(f"q{percent}" for percent in QUANTILES)]}
    statistics |= {name: ["mean"] for name in others}
    start = prefix or ""
    columns = [f"{start}{which}_{what}" for which, all_of in statistics.items() for what in all_of]
    columns.append(f"{start}covered_km2")
    if prefix is None:
        columns = list(free_names(columns, found.columns).values())
    taken = [column for column in columns if column in found.columns]
    if taken:
        raise ConfigError(f"the polygons have a column {taken[0]!r} already: give another prefix")
    _require_polygons(found)
    shapes = _in_frame(found.geometry, soundscape)
    values = [
        _statistics(soundscape, which, all_of, shapes) for which, all_of in statistics.items()
    ]
    area = _statistics(soundscape, main, ["count"], shapes)
    area = area if soundscape.frame.is_geographic else area / 1e6
    table = np.concatenate([*values, area], axis=1)
    return found.assign(**dict(zip(columns, table.T, strict=True)))


def _statistics(soundscape: MapData, name: str, wanted: list[str], shapes: GeoSeries) -> np.ndarray:
    """``(polygons, statistics)``, weighted by area on the ground."""
    geopandas = require("geopandas", "maps")
    exactextract = require("exactextract", "maps")
    require("exactextract.raster", "maps")
    west, south, east, north = soundscape.frame.bounds
    raster = exactextract.raster.NumPyRasterSource(
        soundscape.values(name).astype(float),
        west, south, east, north,
        nodata=np.nan,
        name=name,
        srs_wkt=CRS.from_user_input(soundscape.frame.crs).to_wkt(),
    )  # fmt: skip
    area = "area_spherical_km2" if soundscape.frame.is_geographic else "area_cartesian"
    operations, names = [], []
    for what in wanted:
        percent = int(what[1:]) if what.startswith("q") else None
        operations.append(
            f"{what}={what}(coverage_weight={area})"
            if percent is None
            else f"q=quantile(q={percent / 100},coverage_weight={area})"
        )
        names.append(what if percent is None else f"q_{percent}")
    # A polygon far off the map is empty, of which exactextract makes nothing.
    is_near = ~shapes.is_empty.to_numpy()
    table = np.full((len(shapes), len(names)), np.nan)
    table[~is_near, [what == "count" for what in wanted]] = 0.0
    rows = exactextract.exact_extract(
        raster, geopandas.GeoDataFrame(geometry=shapes[is_near]), operations, output="geojson"
    )
    found = [[row["properties"][name] for name in names] for row in rows]
    table[is_near] = [[np.nan if v is None else v for v in row] for row in found]
    return table


def _in_frame(shapes: GeoSeries, soundscape: MapData) -> GeoSeries:
    """The polygons in the coordinate system of the map, repaired where they cross themselves."""
    geopandas = require("geopandas", "maps")
    frame = soundscape.frame
    system, target = CRS.from_user_input(shapes.crs), CRS.from_user_input(frame.crs)
    repaired = 0
    moved: list[BaseGeometry] = []
    if system.equals(target, ignore_axis_order=True) and not frame.is_geographic:
        for shape in shapes.values:
            repaired += not shape.is_valid
            moved.append(valid(shape))
    else:
        window = Window(frame.crs, *frame.bounds)
        for number, shape in enumerate(shapes.values):
            try:
                area, crossed = on_globe(list(shapely.get_parts(shapely.force_2d(shape))), system)
            except ConfigError as problem:
                raise ConfigError(f"polygon {number}: {problem}") from None
            repaired += crossed
            moved.append(area if frame.is_geographic else _projected(area, window))
    warn_of_repairs("polygons", repaired, stacklevel=3)
    return geopandas.GeoSeries(moved, crs=frame.crs)


def _projected(area: BaseGeometry, window: Window) -> BaseGeometry:
    """An area of longitude and latitude in the plane of a map, as far as the map may reach."""
    if area.is_empty:
        return area
    # Whole across the antimeridian where the map is: cut opposite to the middle of its plane, and
    # only near the map, for no plane has all of the Earth.
    west, south, east, north = window.box
    near = shapely.clip_by_rect(
        recentred(area, window.meridian), west, south - 1e-3, east, north + 1e-3
    )
    left, bottom, right, top = near.bounds if not near.is_empty else (0.0, 0.0, 0.0, 0.0)
    # A straight side in one system is bent in another: it is cut into short pieces first.
    step = max(right - left, top - bottom) / _PIECES
    dense = shapely.segmentize(near, step) if step else near
    plane = shapely.transform(dense, lambda at: np.stack(window.project(*at.T), -1))
    return valid(polygons_of(plane))


def _require_polygons(found: GeoDataFrame) -> None:
    if not len(found):
        raise ConfigError("there is no polygon to summarise by")
    if found.crs is None:
        raise ConfigError(
            f"the polygons have no coordinate system: set it, as polygons.set_crs('{WGS84}')"
        )
    wrong = ~found.geom_type.isin(["Polygon", "MultiPolygon"])
    if wrong.any():
        kind = found.geom_type[wrong].iloc[0] or "empty"
        raise ConfigError(f"{int(wrong.sum())} of {len(found)} shapes are no polygons ({kind})")


def _read(path: Path, layer: str | None) -> GeoDataFrame:
    name = layer_of(path, layer)
    geopandas = require("geopandas", "maps")
    try:
        found = geopandas.read_file(path, layer=name)
    except Exception as problem:  # every driver has its own errors
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"{path}: not readable as polygons ({reason})") from None
    return found.set_crs(system_of(path, found.crs), allow_override=True)
