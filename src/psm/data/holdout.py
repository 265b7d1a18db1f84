"""Spatial hold-out: which recordings show nothing of a region, so that a model never saw it.

A place counts as seen where its tile reaches into the region, not where its middle lies in it:
neighbours share pixels, and a model that was trained beside a border has seen across it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import shapely
from jaxtyping import Bool
from pydantic import AfterValidator
from shapely.geometry.base import BaseGeometry

from psm.data.corpus import find_split
from psm.data.recording import Recording
from psm.data.tars import MemberIndex
from psm.errors import ConfigError
from psm.geodata.sphere import EARTH_RADIUS_KM

_KM_A_DEGREE = EARTH_RADIUS_KM * np.pi / 180.0


def area_of(wkt: str) -> BaseGeometry:
    """The polygons that a text in WKT describes, longitude first.

    Raises:
        ValueError: it describes none, or reaches beyond 180 degrees of longitude or 90 of latitude.
    """
    try:
        area = shapely.from_wkt(wkt)
    except shapely.GEOSException:
        raise ValueError("no polygon as WKT, such as POLYGON ((-82 -56, -34 -56, …))") from None
    if area.is_empty or area.geom_type not in ("Polygon", "MultiPolygon") or not area.is_valid:
        raise ValueError("no polygon as WKT, or one that crosses itself")
    west, south, east, north = area.bounds
    if west < -180.0 or east > 180.0 or south < -90.0 or north > 90.0:
        raise ValueError("longitudes lie in -180..180, latitudes in -90..90, longitude first")
    return area


def _checked(wkt: str) -> str:
    area_of(wkt)
    return wkt


AreaWKT = Annotated[str, AfterValidator(_checked)]
"""A setting that holds polygons as well-known text."""


def find_unseen(
    folder: Path, split: str, hold_out: str | None, *, tile_px: int
) -> tuple[MemberIndex, tuple[Recording, ...]]:
    """Where the recordings of a split lie, as :func:`psm.data.corpus.find_split`, but for an area.

    Args:
        folder: of shards.
        split: which of them.
        hold_out: the area as WKT; without one all recordings are found.
        tile_px: side of the widest view that is looked at.

    Raises:
        MissingData: no shards.
        CorruptShard: a shard is broken.
        ConfigError: every recording of the split shows the area.
    """
    members, recordings = find_split(folder, split)
    if hold_out is None:
        return members, recordings
    rows = np.flatnonzero(~shows(area_of(hold_out), recordings, tile_px=tile_px))
    if not len(rows):
        raise ConfigError(f"{folder}: every recording of {split} shows what is held out")
    return members.part(rows), tuple(recordings[row] for row in rows)


def shows(
    area: BaseGeometry, recordings: Sequence[Recording], *, tile_px: int
) -> Bool[np.ndarray, " n"]:
    """Whether the tile of each recording reaches into an area.

    Args:
        area: polygons in longitude and latitude, split at the antimeridian.
        recordings: with the ground sample distance of their tiles.
        tile_px: side of the widest view that is looked at, in pixels of the tile.
    """
    lat = np.array([recording.lat for recording in recordings])
    lon = np.array([recording.lon for recording in recordings])
    side_km = np.array([recording.gsd_m for recording in recordings]) * tile_px / 1000.0
    up = side_km / 2.0 / _KM_A_DEGREE
    south, north = np.maximum(lat - up, -90.0), np.minimum(lat + up, 90.0)
    # A tile is widest in degrees where it comes nearest to a pole.
    narrow = np.cos(np.radians(np.minimum(np.maximum(np.abs(south), np.abs(north)), 89.9)))
    out = np.minimum(up / narrow, 180.0)
    shapely.prepare(area)
    found = np.zeros(len(recordings), bool)
    for turn in (-360.0, 0.0, 360.0):  # a tile may lie across the antimeridian
        tiles = shapely.box(lon - out + turn, south, lon + out + turn, north)
        found |= shapely.intersects(area, tiles)
    return found
