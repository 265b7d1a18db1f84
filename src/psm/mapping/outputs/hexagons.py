"""H3 hexagons: means of a map over them, as GeoParquet or GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, Int
from pyproj import CRS, Geod
from shapely.geometry.base import BaseGeometry

from psm.cartography.window import Window
from psm.errors import ConfigError
from psm.extras import require
from psm.files import atomic_path
from psm.geodata.frame import Frame
from psm.mapping.map_data import MapData

FINEST = 15

# Hexagons differ in size and shape: this much of the mean edge is the radius of a circle that fits
# into each of them but the pentagons' nearest neighbours.
_INRADIUS = 0.6
_SAMPLES = 400
_GEOD = Geod(ellps="WGS84")
_BOX = ("xmin", "ymin", "xmax", "ymax")
_ROW_GROUP = 16_384  # hexagons, which are near each other: a reader of a box leaves most groups out


@dataclass(frozen=True, eq=False)
class Hexagons:
    """A map by H3 cells, in the order of their numbers.

    Attributes:
        resolution: of H3, 0..15.
        names: ``(N,)`` H3 indices in hexadecimal.
        values: mean of each variable over the cells whose centres lie inside, weighted by area.
        cells: ``(N,)`` how many those are.
    """

    resolution: int
    names: list[str]
    values: dict[str, Float[np.ndarray, " n"]]
    cells: Int[np.ndarray, " n"]

    def outlines(self) -> Iterator[BaseGeometry]:
        """Each hexagon as lon, lat; see :func:`outline`."""
        h3 = require("h3", "maps")
        for name in self.names:
            yield outline(np.array(h3.cell_to_boundary(name))[:, ::-1])


def write_h3(soundscape: MapData, path: Path, *, resolution: int | None = None) -> Path:
    """Write the mean of every band over H3 cells; complete or absent.

    Args:
        soundscape: the map.
        path: ``.parquet`` (GeoParquet 1.1) or ``.geojson`` (RFC 7946).
        resolution: of H3, 0..15; by default the finest that leaves no hole between the cells.

    Returns:
        The path.

    Raises:
        ConfigError: another suffix or resolution, or the map has no data at all.
        MissingExtra: h3 or pyarrow is not installed.
    """
    writers = {".parquet": _write_parquet, ".geojson": _write_geojson}
    if path.suffix.lower() not in writers:
        raise ConfigError(f"{path}: H3 cells are written as {' or '.join(writers)}")
    found = hexagons(soundscape, resolution)
    tags = {**soundscape.tags, "h3_resolution": f"{found.resolution}"}
    with atomic_path(path) as aside:
        writers[path.suffix.lower()](found, tags, aside)
    return path


def hexagons(soundscape: MapData, resolution: int | None = None) -> Hexagons:
    """Means over H3 cells.

    The uncertainty of a hexagon is the mean of its cells': their errors come from one model and one
    query, so that averaging does not cancel them.

    Raises:
        ConfigError: there is no such resolution, or the map has no data at all.
        MissingExtra: h3 is not installed.
    """
    number_of = require("h3.api.basic_int", "maps").latlng_to_cell
    frame = soundscape.frame
    rows, columns = np.nonzero(np.isfinite(soundscape.values()))
    if not len(rows):
        raise ConfigError("the map has no data at all: there is no H3 cell to write")
    if resolution is None:
        resolution = finest_resolution(frame, rows, columns)
    if resolution not in range(FINEST + 1):
        raise ConfigError(f"H3 resolution {resolution}: choose one of 0..{FINEST}")
    lat, lon = frame.places(rows, columns)
    numbers = np.fromiter(
        (number_of(*place, resolution) for place in zip(lat.tolist(), lon.tolist(), strict=True)),
        np.uint64,
        len(lat),
    )
    unique, index, cells = np.unique(numbers, return_inverse=True, return_counts=True)
    area = frame.row_km2[rows]
    total = np.bincount(index, area)
    return Hexagons(
        resolution,
        [f"{number:x}" for number in unique],
        {
            name: np.bincount(index, area * soundscape.values(name)[rows, columns]) / total
            for name in (band.name for band in soundscape.bands)
        },
        cells,
    )


def finest_resolution(
    frame: Frame, rows: Int[np.ndarray, " n"], columns: Int[np.ndarray, " n"]
) -> int:
    """The finest H3 resolution of which every hexagon among these pixels holds a centre.

    That is so where a circle through the corners of a pixel fits into a hexagon.
    """
    h3 = require("h3", "maps")
    some = np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLES)).astype(int)
    reach_m = _longest_diagonal_m(frame, rows[some], columns[some]) / 2.0
    fitting = [
        level
        for level in range(FINEST + 1)
        if _INRADIUS * h3.average_hexagon_edge_length(level, unit="m") >= reach_m
    ]
    return max(fitting, default=0)


def _longest_diagonal_m(
    frame: Frame, rows: Int[np.ndarray, " n"], columns: Int[np.ndarray, " n"]
) -> float:
    window = Window(frame.crs, *frame.bounds)
    x, y = frame.x[columns], frame.y[rows]
    half_x, half_y = frame.transform.a / 2.0, frame.transform.e / 2.0
    longest = 0.0
    for slope in (1.0, -1.0):
        lon1, lat1 = window.unproject(x - half_x, y - slope * half_y)
        lon2, lat2 = window.unproject(x + half_x, y + slope * half_y)
        known = np.isfinite(lon1 + lon2)  # a corner may lie off the Earth
        lengths = _GEOD.inv(lon1[known], lat1[known], lon2[known], lat2[known])[2]
        longest = max(longest, float(np.max(lengths, initial=0.0)))
    return longest


def outline(ring: Float[np.ndarray, "points 2"]) -> BaseGeometry:
    """A small ring of lon, lat as RFC 7946 wants it: anticlockwise, cut along the antimeridian.

    A ring around a pole reaches up to it.
    """
    closed = np.concatenate([ring, ring[:1]])
    closed[:, 0] = np.unwrap(closed[:, 0], period=360.0)
    if abs(closed[-1, 0] - closed[0, 0]) > 180.0:
        pole = np.copysign(90.0, ring[:, 1].mean())
        closed = np.concatenate([closed, [(closed[-1, 0], pole), (closed[0, 0], pole)]])
    whole = shapely.Polygon(closed)
    if closed[:, 0].min() >= -180.0 and closed[:, 0].max() <= 180.0:
        return shapely.orient_polygons(whole)
    world = shapely.box(-180.0, -90.0, 180.0, 90.0)
    turned = (shapely.transform(whole, partial(_turn, degrees=d)) for d in (-360.0, 0.0, 360.0))
    # Around a pole the pieces share an edge: where the ring was opened.
    found = shapely.union_all([shapely.intersection(each, world) for each in turned])
    return shapely.orient_polygons(_areas_only(found))


def _areas_only(shape: BaseGeometry) -> BaseGeometry:
    """Without the lines and points in which a shape touches the antimeridian."""
    parts = [part for part in shapely.get_parts(shape) if part.area > 0.0]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _turn(at: Float[np.ndarray, "points 2"], degrees: float) -> Float[np.ndarray, "points 2"]:
    return np.asarray(at + np.array([degrees, 0.0]))


def _write_parquet(found: Hexagons, tags: dict[str, str], path: Path) -> None:
    pyarrow = require("pyarrow", "maps")
    shapes = np.array(list(found.outlines()), object)
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": sorted({shape.geom_type for shape in shapes}),
                "crs": CRS.from_user_input("OGC:CRS84").to_json_dict(),
                "orientation": "counterclockwise",
                "edges": "planar",
                "bbox": shapely.total_bounds(shapes).tolist(),
                "covering": {"bbox": {side: ["bbox", side] for side in _BOX}},
            }
        },
    }
    table = pyarrow.table(
        {
            "h3": found.names,
            **{name: values.astype(np.float32) for name, values in found.values.items()},
            "cells": found.cells.astype(np.int32),
            "bbox": pyarrow.StructArray.from_arrays(list(shapely.bounds(shapes).T), list(_BOX)),
            "geometry": pyarrow.array(shapely.to_wkb(shapes).tolist(), pyarrow.binary()),
        }
    )
    metadata = {"geo": json.dumps(geo), "psm": json.dumps(tags, ensure_ascii=False)}
    require("pyarrow.parquet", "maps").write_table(
        table.replace_schema_metadata(metadata), path, compression="zstd",
        row_group_size=_ROW_GROUP,
    )  # fmt: skip


def _write_geojson(found: Hexagons, tags: dict[str, str], path: Path) -> None:
    """Feature by feature, a line each."""
    head = json.dumps({"type": "FeatureCollection", "metadata": tags}, ensure_ascii=False)
    with path.open("w", encoding="utf-8") as target:
        target.write(f'{head[:-1]}, "features": [')
        for number, shape in enumerate(found.outlines()):
            properties: dict[str, Any] = {
                "h3": found.names[number],
                **{name: round(float(v[number]), 6) for name, v in found.values.items()},
                "cells": int(found.cells[number]),
            }
            feature = {
                "type": "Feature",
                "id": found.names[number],
                "geometry": _rounded(shape),
                "properties": properties,
            }
            target.write(("," if number else "") + "\n" + json.dumps(feature))
        target.write("\n]}\n")


def _rounded(shape: BaseGeometry) -> dict[str, Any]:
    """GeoJSON of a shape, to a centimetre."""
    found: dict[str, Any] = json.loads(shapely.to_geojson(shapely.transform(shape, _to_cm)))
    return found


def _to_cm(at: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
    return np.round(at, 7)
