"""Values of a map at points, places as GeoJSON, and the part of a map within a box."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rasterio.transform import Affine

from psm.data import delimited
from psm.errors import ConfigError, InvalidContext, MissingData, RowsLeftOut
from psm.extras import require
from psm.files import atomic_path
from psm.geodata.frame import Frame
from psm.mapping.map_data import MapData
from psm.mapping.outputs.columns import free_names

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame


Map = TypeVar("Map", bound=MapData)

_PLACE = (("lat", "latitude"), ("lon", "lng", "long", "longitude"))


def sample(
    soundscape: MapData, /, *, lat: ArrayLike, lon: ArrayLike, **columns: ArrayLike
) -> DataFrame:
    """The variables in the cells that hold N places, as a table; ``to_csv`` writes it.

    Args:
        soundscape: the map.
        lat, lon: ``(N,)`` degrees.
        columns: more to keep beside them, ``(N,)`` each, such as ``name=``.

    Returns:
        N rows: the columns, ``lat``, ``lon``, then the variables, NaN where there is no cell. A
        variable whose name is that of a column is called ``map_NAME``.

    Raises:
        InvalidContext: a place is none.
        ConfigError: the columns are not as long as the places.
    """
    from pandas import DataFrame

    lats, lons = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, float)) for x in (lat, lon)))
    wrong = ~((np.abs(lats) <= 90.0) & (np.abs(lons) <= 180.0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InvalidContext(
            f"place {at}: {lats[at]:g}, {lons[at]:g} is no latitude and longitude in degrees"
        )
    for name, values in columns.items():
        if len(np.atleast_1d(np.asarray(values))) != len(lats):
            raise ConfigError(f"column {name!r} needs {len(lats)} values, one for each place")
    rows, across = soundscape.frame.index(lat=lats, lon=lons)
    table = {**columns, "lat": lats, "lon": lons}
    names = free_names([band.name for band in soundscape.bands], table)
    for name, called in names.items():
        found = soundscape.values(name)[rows, across]
        table[called] = np.where(rows >= 0, found, np.nan).astype(np.float32)
    return DataFrame(table)


def sample_file(soundscape: MapData, places: Path, path: Path) -> Path:
    """:func:`sample` of a CSV file of places with columns ``lat`` and ``lon``, as another CSV file.

    All other columns are kept as the text that they are. Rows that do not fit the header are left
    out.

    Raises:
        MissingData: the file cannot be read.
        ConfigError: it has no such columns, or no places, or its structure is broken.
        InvalidContext: a place is none.

    Warns:
        RowsLeftOut: rows were left out; the message names the first.
    """
    table = read_places(places)
    if table.left_out:
        first, count = table.left_out[0], len(table.left_out)
        warnings.warn(
            f"{places}: {count} row{'s are' if count > 1 else ' is'} left out "
            f"(line {first.line}: {first.problem})",
            RowsLeftOut,
            stacklevel=2,
        )
    found = sample(soundscape, lat=table.lat, lon=table.lon, **table.others)
    with atomic_path(path) as aside:
        found.assign(**soundscape.told).to_csv(aside, index=False)
    return path


@dataclass(frozen=True)
class Places:
    """Places of a table, its other columns as they stand there, and rows that do not fit it."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    others: Mapping[str, list[str]]
    left_out: Sequence[delimited.DelimitedRow]


def read_places(path: Path) -> Places:
    """The places of a CSV file with columns ``lat`` and ``lon``.

    Raises:
        MissingData: the file cannot be read.
        ConfigError: it has no such columns, or no places, or its structure is broken.
        InvalidContext: a place is none.
    """
    try:
        rows = list(delimited.rows_of(path))
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file") from None
    except (OSError, EOFError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise MissingData(f"{path}: not readable as CSV ({reason})") from None
    good = [row for row in rows if not row.problem]
    names = list(good[0].cells) if good else []
    at = [next((n for n in names if n.strip().lower() in ways), None) for ways in _PLACE]
    if at[0] is None or at[1] is None:
        raise ConfigError(f"{path}: needs places in columns named lat and lon")
    lat, lon = np.array([_place(path, row, at[0], at[1]) for row in good]).T
    others = {name: [row.cells[name] for row in good] for name in names if name not in at}
    if taken := sorted(others.keys() & {"lat", "lon"}):
        raise ConfigError(f"{path}: which column is the place, {taken[0]!r} or {at[0]!r}?")
    return Places(lat, lon, others, [row for row in rows if row.problem])


def _place(path: Path, row: delimited.DelimitedRow, north: str, east: str) -> tuple[float, float]:
    lat, lon = (delimited.degrees(row.cells[name]) for name in (north, east))
    if lat is None or lon is None:
        said = f"{row.cells[north]}, {row.cells[east]}"
        raise ConfigError(
            f"{path}: line {row.line}: lat and lon have to be numbers, not {said:.80}"
        )
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        raise InvalidContext(
            f"{path}: line {row.line}: {lat:g}, {lon:g} is no latitude and longitude in degrees"
        )
    return lat, lon


def write_places(
    rows: Sequence[Mapping[str, object]], path: Path, *, told: Mapping[str, str]
) -> Path:
    """Write places as points of GeoJSON, or as a table; complete or absent.

    Args:
        rows: of each place ``lat``, ``lon`` in degrees, and what else is known of it.
        path: the file; ``.csv`` is a table.
        told: what is to be said of all of them, such as :attr:`MapData.told`: the last columns of
            a table, metadata of GeoJSON.

    Returns:
        The path.
    """
    if path.suffix.lower() == ".csv":
        columns = list(dict.fromkeys(name for row in rows for name in row))
        names = [*(columns or ["lat", "lon"]), *told]
        with atomic_path(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows({**row, **told} for row in rows)
        return path
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            "properties": {name: row[name] for name in row if name not in ("lat", "lon")},
        }
        for row in rows
    ]
    with atomic_path(path) as aside:
        found = {"type": "FeatureCollection", "metadata": dict(told)}
        aside.write_text(json.dumps({**found, "features": features}) + "\n")
    return path


def as_geodataframe(table: DataFrame) -> GeoDataFrame:
    """A table of :func:`sample` with a point in EPSG:4326 for each row.

    Raises:
        MissingExtra: geopandas is not installed.
    """
    geopandas = require("geopandas", "maps")
    points = geopandas.points_from_xy(table["lon"], table["lat"])
    return geopandas.GeoDataFrame(table, geometry=points, crs="EPSG:4326")


def crop(soundscape: Map, *, west: float, south: float, east: float, north: float) -> Map:
    """The cells whose centres lie within a box of degrees, on the smallest frame that holds them.

    With ``west`` greater than ``east`` the box reaches over the antimeridian; on a map of the
    globe the frame then spans all longitudes, with no data outside of the box.

    Raises:
        InvalidContext: there is no such box.
        ConfigError: it holds no cell of the map.
    """
    is_box = -90.0 <= south < north <= 90.0 and west != east
    if not is_box or not all(-180.0 <= lon <= 180.0 for lon in (west, east)):
        raise InvalidContext(
            f"west {west:g}, south {south:g}, east {east:g}, north {north:g} is no box in degrees"
        )
    frame = soundscape.frame
    rows, columns = np.nonzero(np.isfinite(soundscape.values()))
    lat, lon = frame.places(rows, columns)
    along = (lon >= west) & (lon <= east) if west < east else (lon >= west) | (lon <= east)
    inside = along & (lat >= south) & (lat <= north)
    if not inside.any():
        raise ConfigError(
            f"no cell of the map lies in west {west:g}, south {south:g}, "
            f"east {east:g}, north {north:g}"
        )
    rows, columns = rows[inside], columns[inside]
    top, left = int(rows.min()), int(columns.min())
    shape = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    kept = np.zeros(frame.shape, bool)
    kept[rows, columns] = True
    vertical, horizontal = frame.dims
    window = {
        vertical: slice(top, top + shape[0]),
        horizontal: slice(left, left + shape[1]),
    }
    t = frame.transform
    part = Frame(frame.crs, Affine(t.a, 0.0, t.c + left * t.a, 0.0, t.e, t.f + top * t.e), shape)
    data = soundscape.data.where(soundscape.data[soundscape.quantity.name].copy(data=kept))
    located = data.isel(window).rio.write_transform(part.transform)
    left_out = soundscape.not_covered
    if left_out is not None:
        left_out = left_out[top : top + shape[0], left : left + shape[1]]
    return replace(soundscape, data=located, frame=part, not_covered=left_out)
