"""Outlines from vector files: GeoJSON, GeoPackage, shapefile, whatever GDAL reads."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError, MissingData, RepairedGeometry
from psm.extras import require
from psm.geodata.outlines import polygons_of, unfolded, valid

SUFFIXES = (
    ".geojson",
    ".json",
    ".gpkg",
    ".shp",
    ".fgb",
    ".kml",
    ".gml",
    ".parquet",
    ".zip",
    ".geojsonl",
)
_PIECES_PER_EDGE = 500  # a straight edge elsewhere is a curve in longitude and latitude


def read_outline(path: Path, layer: str | None = None) -> BaseGeometry:
    """The area of all polygons of a layer: lon and lat, within [-180, 180], split there.

    Warns:
        RepairedGeometry: outlines crossed themselves, or lines and points were left out.

    Raises:
        MissingData: there is no such file.
        ConfigError: it cannot be read, or holds no area.
        MissingExtra: pyogrio is not installed.
    """
    if not path.exists():
        raise MissingData(f"{path}: no such file")
    name = str(path) if layer is None else f"{path}, layer {layer}"
    shapes, system = _read(path, layer)
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise ConfigError(f"{name}: no geometry in it")
    areas = [polygons_of(shape) for shape in shapes]
    polygons = [part for area in areas for part in shapely.get_parts(area)]
    if not polygons:
        kinds = sorted({shape.geom_type for shape in shapes})
        raise ConfigError(f"{name}: holds {', '.join(kinds)} only; a region needs polygons")
    repaired = 0
    if not system.is_geographic:
        polygons, repaired = _as_lon_lat(polygons, system, name)
    elif not _is_wgs84(system):
        transform = Transformer.from_crs(system, "EPSG:4326", always_xy=True).transform
        polygons = [shapely.transform(p, transform, interleaved=False) for p in polygons]
    try:
        outline, crossed = unfolded(polygons)
    except ConfigError as problem:
        raise ConfigError(f"{name}: {problem}") from None
    if outline.is_empty:
        raise ConfigError(f"{name}: its polygons have no area")
    _report(name, repaired + crossed, sum(area.is_empty for area in areas))
    return outline


def _read(path: Path, layer: str | None) -> tuple[np.ndarray, CRS]:
    pyogrio = require("pyogrio", "maps")
    try:
        found = pyogrio.list_layers(path)
        layers = [str(row[0]) for row in found if row[1] is not None]
        if layer is None and len(layers) > 1:
            raise ConfigError(f"{path}: name one of its layers: {', '.join(layers)}")
        if layer is not None and layer not in layers:
            raise ConfigError(f"{path}: no layer {layer!r} but {', '.join(layers) or 'none'}")
        if not layers:
            raise ConfigError(f"{path}: no layer with geometry")
        meta, _, wkb, _ = pyogrio.raw.read(
            path, layer=layer or layers[0], columns=[], force_2d=True
        )
    except (OSError, ValueError, RuntimeError) as problem:  # pyogrio's errors are RuntimeErrors
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"{path}: not a vector file that can be read ({reason})") from None
    if not meta["crs"]:
        raise ConfigError(f"{path}: has no coordinate system; a shapefile needs its .prj beside it")
    return np.asarray(shapely.from_wkb(wkb, on_invalid="fix")), CRS.from_user_input(meta["crs"])


def _as_lon_lat(
    polygons: list[shapely.Polygon], system: CRS, name: str
) -> tuple[list[shapely.Polygon], int]:
    """Polygons of a projected system, repaired there, with edges that follow its straight lines."""
    whole = [valid(p) for p in polygons]
    repaired = sum(not p.is_valid for p in polygons)
    parts = [part for area in whole for part in shapely.get_parts(area)]
    if not parts:
        raise ConfigError(f"{name}: its polygons have no area")
    west, south, east, north = shapely.total_bounds(np.array(parts, object))
    step = max(east - west, north - south) / _PIECES_PER_EDGE
    transform = Transformer.from_crs(system, "EPSG:4326", always_xy=True).transform
    moved = [
        shapely.transform(shapely.segmentize(part, step), transform, interleaved=False)
        for part in parts
    ]
    if not all(np.isfinite(shapely.get_coordinates(part)).all() for part in moved):
        raise ConfigError(f"{name}: coordinates that its coordinate system does not have")
    return moved, repaired


def _is_wgs84(system: CRS) -> bool:
    return bool(system.equals(CRS.from_epsg(4326), ignore_axis_order=True))


def _report(name: str, repaired: int, left_out: int) -> None:
    words = []
    if repaired:
        words.append(f"{repaired} outlines crossed themselves and were repaired")
    if left_out:
        words.append(f"{left_out} points and lines were left out")
    if words:
        warnings.warn(f"{name}: {'; '.join(words)}", RepairedGeometry, stacklevel=4)
