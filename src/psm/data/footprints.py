"""Footprints of tiles: squares on the sphere, north up around their places, and which overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from psm.geodata.sphere import EARTH_RADIUS_KM, chord_to_km, km_to_chord, unit_vectors

Floats = Float[np.ndarray, " n"]
_AT_ONCE = 256
_LARGEST_KM = 10_000.0


@dataclass(frozen=True, eq=False)
class Footprints:
    """N tiles: their places in degrees, and their sides."""

    lat: Floats
    lon: Floats
    side_km: Floats

    def __len__(self) -> int:
        return len(self.lat)

    @property
    def points(self) -> Float[np.ndarray, "n 3"]:
        """The places as unit vectors."""
        return unit_vectors(lat=self.lat, lon=self.lon)


def least_distance_km(a: Footprints, b: Footprints) -> float:
    """Between a place of one and a place of the other; infinite if either has none."""
    if not len(a) or not len(b):
        return float("inf")
    chord, _ = cKDTree(a.points).query(b.points)
    return float(chord_to_km(np.min(chord)))


def overlaps(a: Footprints, b: Footprints) -> Iterator[tuple[int, int]]:
    """A pair (number in ``a``, number in ``b``) for every tile of ``b`` that touches one of ``a``.

    It is the nearest such tile of ``a``. Where nothing is found, no tiles share ground; tiles that
    miss each other by less than the Earth bends under them count as touching.
    """
    if not len(a) or not len(b):
        return
    tree, points = cKDTree(a.points), b.points
    reach_km = min((a.side_km.max() + b.side_km.max()) / np.sqrt(2.0), _LARGEST_KM)
    reach = km_to_chord(float(reach_km)) * (1.0 + 1e-9)
    chord, _ = tree.query(points, distance_upper_bound=reach)
    near = np.flatnonzero(np.isfinite(chord))
    for first in range(0, len(near), _AT_ONCE):
        chosen = near[first : first + _AT_ONCE]
        found = tree.query_ball_point(points[chosen], reach)
        i = np.concatenate([np.asarray(one, np.int64) for one in found])
        j = np.repeat(chosen, [len(one) for one in found])
        yield from _nearest(a, i, b, j)


def _nearest(
    a: Footprints, i: Int[np.ndarray, " pairs"], b: Footprints, j: Int[np.ndarray, " pairs"]
) -> Iterator[tuple[int, int]]:
    """Of the pairs that touch, for every ``j`` the one whose places are nearest."""
    touching, distance = _touch(a, i, b, j)
    i, j, distance = i[touching], j[touching], distance[touching]
    order = np.lexsort((i, distance, j))
    _, firsts = np.unique(j[order], return_index=True)
    for pair in order[firsts].tolist():
        yield int(i[pair]), int(j[pair])


def _touch(
    a: Footprints, i: Int[np.ndarray, " pairs"], b: Footprints, j: Int[np.ndarray, " pairs"]
) -> tuple[Bool[np.ndarray, " pairs"], Floats]:
    """Whether the tiles of pairs touch, and how many kilometres lie between their places.

    In the plane around the place of the first, in which its tile is drawn, the other one is a
    square too, turned by how much the meridians converge. Two squares are apart if and only if they
    are along a side of either (separating axes).
    """
    here, there = (a.lat[i], a.lon[i]), (b.lat[j], b.lon[j])
    distance, out = _course(*here, *there)
    _, back = _course(*there, *here)
    turn = out - back - np.pi
    east, north = distance * np.sin(out), distance * np.cos(out)
    bent = 1.0 + (distance / EARTH_RADIUS_KM) ** 2
    half_a, half_b = a.side_km[i] / 2.0 * bent, b.side_km[j] / 2.0 * bent
    cos, sin = np.cos(turn), np.sin(turn)
    wider = np.abs(cos) + np.abs(sin)
    along = np.maximum(np.abs(east), np.abs(north)) - (half_a + half_b * wider)
    # An axis of the other square, whose north points ``turn`` clockwise of ours.
    across = np.maximum(np.abs(east * cos - north * sin), np.abs(east * sin + north * cos))
    across -= half_b + half_a * wider
    return np.maximum(along, across) <= 0.0, distance


def _course(lat: Floats, lon: Floats, to_lat: Floats, to_lon: Floats) -> tuple[Floats, Floats]:
    """Great-circle distance in kilometres, and the azimuth it sets out on, in radians."""
    phi, to_phi = np.radians(lat), np.radians(to_lat)
    east = np.radians(to_lon - lon)
    y = np.sin(east) * np.cos(to_phi)
    x = np.cos(phi) * np.sin(to_phi) - np.sin(phi) * np.cos(to_phi) * np.cos(east)
    z = np.sin(phi) * np.sin(to_phi) + np.cos(phi) * np.cos(to_phi) * np.cos(east)
    return EARTH_RADIUS_KM * np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
