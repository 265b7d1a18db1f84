"""Vector files: polygons of GeoJSON, GeoPackage, shapefile and whatever else GDAL reads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError, MissingData, RepairedGeometry
from psm.extras import require
from psm.geodata.frame import WGS84
from psm.geodata.outlines import polygons_of, unfolded, valid
from psm.mapping.region import geojsoncrs

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


def split_layer(text: str) -> tuple[Path, str | None]:
    """Path and layer of ``FILE`` or ``FILE:LAYER``; a colon may be part of the path."""
    front, colon, layer = text.rpartition(":")
    if colon and not Path(text).is_file() and Path(front).is_file():
        return Path(front), layer
    return Path(text), None


def layer_of(path: Path, layer: str | None = None) -> str:
    """The layer of a file that is meant: the one asked for, or the only one.

    Raises:
        MissingData: there is no such file.
        ConfigError: it cannot be read, has no such layer, or several and none is named.
        MissingExtra: pyogrio is not installed.
    """
    if not path.exists():
        raise MissingData(f"{path}: no such file")
    pyogrio = require("pyogrio", "maps")
    try:
        found = pyogrio.list_layers(path)
    except (OSError, ValueError, RuntimeError) as problem:  # pyogrio's errors are RuntimeErrors
        raise _unreadable(path, problem) from None
    layers = [str(row[0]) for row in found if row[1] is not None]
    if layer is None and len(layers) > 1:
        raise ConfigError(f"{path}: name one of its layers: {', '.join(layers)} (FILE:LAYER)")
    if layer is not None and layer not in layers:
        raise ConfigError(f"{path}: no layer {layer!r} but {', '.join(layers) or 'none'}")
    if not layers:
        raise ConfigError(f"{path}: no layer with geometry")
    return layer or layers[0]


def read_outline(path: Path, layer: str | None = None) -> BaseGeometry:
    """The area of all polygons of a layer: lon and lat, within [-180, 180], split there.

    Warns:
        RepairedGeometry: outlines crossed themselves, or lines and points were left out.

    Raises:
        MissingData: there is no such file.
        ConfigError: it cannot be read, or holds no area.
        MissingExtra: pyogrio is not installed.
    """
    shapes, system = _read(path, layer_of(path, layer))
    name = str(path) if layer is None else f"{path}, layer {layer}"
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise ConfigError(f"{name}: no geometry in it")
    areas = [polygons_of(shape) for shape in shapes]
    polygons = [part for area in areas for part in shapely.get_parts(area)]
    if not polygons:
        kinds = sorted({shape.geom_type for shape in shapes})
        raise ConfigError(f"{name}: holds {', '.join(kinds)} only; a region needs polygons")
    try:
        outline, repaired = on_globe(polygons, system)
    except ConfigError as problem:
        raise ConfigError(f"{name}: {problem}") from None
    if outline.is_empty:
        raise ConfigError(f"{name}: its polygons have no area")
    warn_of_repairs(name, repaired, sum(area.is_empty for area in areas), stacklevel=3)
    return outline


def on_globe(polygons: Sequence[shapely.Polygon], system: CRS) -> tuple[BaseGeometry, int]:
    """The area of polygons of any coordinate system: lon and lat in [-180, 180], split there.

    A straight edge of a projected system becomes a curve; see
    :func:`psm.geodata.outlines.unfolded` for what is made of one in longitude and latitude.

    Returns:
        The area, and how many outlines crossed themselves and were repaired.

    Raises:
        ConfigError: coordinates that are none.
    """
    repaired = 0
    if not system.is_geographic:
        # Repaired where they cross: in longitude and latitude they may cross elsewhere.
        repaired = sum(not polygon.is_valid for polygon in polygons)
        polygons = [part for p in polygons for part in shapely.get_parts(valid(p))]
        if not polygons:
            return shapely.MultiPolygon(), repaired
        west, south, east, north = shapely.total_bounds(np.array(polygons, object))
        step = max(east - west, north - south) / _PIECES_PER_EDGE
        polygons = [shapely.segmentize(polygon, step) for polygon in polygons]
    if not is_wgs84(system):
        transform = Transformer.from_crs(system, WGS84, always_xy=True).transform
        polygons = [shapely.transform(p, transform, interleaved=False) for p in polygons]
        if not all(np.isfinite(shapely.get_coordinates(polygon)).all() for polygon in polygons):
            raise ConfigError("coordinates that its coordinate system does not have")
    outline, crossed = unfolded(polygons)
    return outline, repaired + crossed


def is_wgs84(system: CRS) -> bool:
    """Whether coordinates of a system are longitude and latitude as GPS has them."""
    return bool(system.equals(CRS.from_user_input(WGS84), ignore_axis_order=True))


def warn_of_repairs(name: str, repaired: int, left_out: int = 0, *, stacklevel: int) -> None:
    """Say how many outlines were repaired, and how many points and lines left out, if any."""
    words = []
    if repaired:
        words.append(f"{repaired} outlines crossed themselves and were repaired")
    if left_out:
        words.append(f"{left_out} points and lines were left out")
    if words:
        warnings.warn(f"{name}: {'; '.join(words)}", RepairedGeometry, stacklevel=stacklevel + 1)


def _read(path: Path, layer: str) -> tuple[np.ndarray, CRS]:
    pyogrio = require("pyogrio", "maps")
    try:
        meta, _, wkb, _ = pyogrio.raw.read(path, layer=layer, columns=[], force_2d=True)
    except (OSError, ValueError, RuntimeError) as problem:
        raise _unreadable(path, problem) from None
    return np.asarray(shapely.from_wkb(wkb, on_invalid="fix")), system_of(path, meta["crs"])


def system_of(path: Path, told: object) -> CRS:
    """The coordinate system of a file.

    Args:
        path: the file.
        told: what GDAL makes of it.

    Raises:
        ConfigError: it has none, one that is not known, or one of no place on Earth.
    """
    is_geojson = path.suffix.lower() in geojsoncrs.SUFFIXES
    named = geojsoncrs.named_system(path) if is_geojson else None
    if named is None and not told:
        raise ConfigError(f"{path}: has no coordinate system; a shapefile needs its .prj beside it")
    try:
        system = CRS.from_user_input(told) if named is None else named
        Transformer.from_crs(system, WGS84)
    except ProjError:
        words = str(told or "").partition("[")[2].partition(",")[0].strip('"') or "it has"
        raise ConfigError(
            f"{path}: the coordinate system {words} is of no place on Earth; set another"
        ) from None
    return system


def _unreadable(path: Path, problem: Exception) -> ConfigError:
    reason = str(problem).splitlines()[0]
    return ConfigError(f"{path}: not a vector file that can be read ({reason})")
