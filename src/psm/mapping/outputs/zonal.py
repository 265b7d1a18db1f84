"""A map by polygons: what a park, a district, a country comes to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS
from rasterio.warp import transform_geom

from psm.errors import ConfigError, MissingData
from psm.extras import require
from psm.geodata.frame import WGS84
from psm.mapping.soundscape_map import SoundscapeMap

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries

QUANTILES = (10, 50, 90)
"""Percentiles of a summary."""

_PIECES = 200  # of the side of a polygon that is bent by a change of coordinate system


def summarise(
    soundscape: SoundscapeMap, polygons: GeoDataFrame | str | Path, *, prefix: str = ""
) -> GeoDataFrame:
    """Area-weighted statistics of the cells under each polygon, also of those it holds in part.

    The columns are, for a quantity such as ``match_probability``: ``match_probability_mean``,
    ``_max``, ``_q10``, ``_q50`` and ``_q90``; ``uncertainty_mean``, the mean of the cells, which an
    average over the polygon cannot exceed; and ``covered_km2``, the area with data.

    Args:
        soundscape: the map.
        polygons: with a coordinate system, any; or a file of them.
        prefix: of the new columns, to put several maps side by side.

    Returns:
        The polygons as they came, with all their columns and the new ones; NaN where the map has
        no data.

    Raises:
        MissingExtra: geopandas or exactextract is not installed.
        MissingData: there is no such file.
        ConfigError: something is no polygon, has no coordinate system, or a column is taken.
    """
    found = _read(polygons) if isinstance(polygons, (str, Path)) else polygons
    main, *others = (band.name for band in soundscape.bands if band.is_standard)
    statistics = {main: ["mean", "max", *(f"q{percent}" for percent in QUANTILES)]}
    statistics |= {name: ["mean"] for name in others}
    columns = [f"{prefix}{which}_{what}" for which, all_of in statistics.items() for what in all_of]
    columns.append(f"{prefix}covered_km2")
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


def _statistics(
    soundscape: SoundscapeMap, name: str, wanted: list[str], shapes: GeoSeries
) -> np.ndarray:
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
    rows = exactextract.exact_extract(
        raster, geopandas.GeoDataFrame(geometry=shapes), operations, output="geojson"
    )
    found = [[row["properties"][name] for name in names] for row in rows]
    return np.array([[np.nan if v is None else v for v in row] for row in found], float)


def _in_frame(shapes: GeoSeries, soundscape: SoundscapeMap) -> GeoSeries:
    """The polygons in the coordinate system of the map, cut at the antimeridian."""
    geopandas = require("geopandas", "maps")
    shapely = require("shapely", "maps")
    crs = soundscape.frame.crs
    if CRS.from_user_input(shapes.crs).equals(CRS.from_user_input(crs), ignore_axis_order=True):
        return shapes.reset_index(drop=True)

    def moved(shape: Any) -> Any:
        west, south, east, north = shape.bounds
        # A straight side in one system is bent in another: it is cut into short pieces first.
        dense = shapely.segmentize(shape, max(east - west, north - south) / _PIECES)
        return shapely.geometry.shape(
            transform_geom(shapes.crs.to_wkt(), crs, shapely.geometry.mapping(dense))
        )

    return geopandas.GeoSeries([moved(shape) for shape in shapes.values], crs=crs)


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


def _read(path: str | Path) -> GeoDataFrame:
    if not Path(path).exists():
        raise MissingData(f"{path}: no such file of polygons")
    geopandas = require("geopandas", "maps")
    try:
        return geopandas.read_file(path)
    except Exception as problem:  # every driver has its own errors
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"{path}: not readable as polygons ({reason})") from None
