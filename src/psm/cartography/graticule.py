"""Graticules: parallels and meridians of the globe, and of a window with their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from psm.cartography.equalearth import NORTH, SOUTH, project
from psm.cartography.style import COAST, DIM, PAPER
from psm.cartography.window import Floats, Window
from psm.geodata.vectors import Line

Side = Literal["left", "right", "bottom", "top"]
Label = tuple[float, float, str, Side | None]
"""x, y, the words, and the side of the window on which they stand; None: at the place itself."""

_SECONDS = (1, 2, 5, 10, 15, 30)
_MINUTES = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 2700)
_STEPS_DEG = np.array([*(s / 3600.0 for s in _SECONDS), *(m / 60.0 for m in _MINUTES)])
_LINES = 4.5
_POINTS = 241
_WIDE = np.array([-90.0, 90.0])

# Offset in points, horizontal and vertical alignment of the words on each side.
_BESIDE: dict[Side | None, tuple[tuple[float, float], str, str]] = {
    "left": ((-3.0, 0.0), "right", "center"),
    "right": ((3.0, 0.0), "left", "center"),
    "bottom": ((0.0, -3.0), "center", "top"),
    "top": ((0.0, 3.0), "center", "bottom"),
    None: ((0.0, 0.0), "center", "center"),
}


@dataclass(frozen=True, eq=False)
class Graticule:
    """Lines and their names, in map coordinates."""

    lines: tuple[Line, ...]
    labels: tuple[Label, ...]


def globe_graticule() -> list[np.ndarray]:
    """Parallels and meridians every thirty degrees, in map coordinates."""
    side = np.linspace(-180.0, 180.0, 181)
    tall = np.linspace(SOUTH, NORTH, 73)
    parallels = [project(lat=lat, lon_from_centre=side) for lat in range(-30, 84, 30)]
    meridians = [project(lat=tall, lon_from_centre=lon) for lon in range(-150, 151, 30)]
    return [np.stack(line, -1) for line in (*parallels, *meridians)]


def graticule(window: Window) -> Graticule:
    """A few lines each way, at round degrees, minutes or seconds."""
    west, south, east, north = window.box
    lats = _round(south, north, _LINES * min(1.0, window.shape))
    lons = _round(west, east, 8.0 if window.poles else _LINES * min(1.0, 1.0 / window.shape))
    wide = np.linspace(west, east, 4 * _POINTS)
    tall = np.linspace(south, north, _POINTS)
    lines: list[Line] = []
    labels: list[Label] = []
    for lat in lats:
        pieces = _cut(window, wide, np.full(len(wide), lat))
        lines += pieces
        words = _words(lat, "N", "S")
        if abs(lat) > 89.99:
            continue
        if window.poles:
            labels += _inside(window, lat, words)
        else:
            left = _ends(window, pieces, words, "left")
            labels += left or _ends(window, pieces, words, "right")
    if window.poles:
        lons = lons[lons < lons.min(initial=west) + 359.9]
        # Meridians end at the parallel before the pole, or they would make a star of it.
        inner = max((abs(lat) for lat in lats if abs(lat) < 89.99), default=90.0)
        tall = tall[np.abs(tall) <= inner]
    for lon in lons:
        pieces = _cut(window, np.full(len(tall), lon), tall)
        lines += pieces
        words = _words((lon + 180.0) % 360.0 - 180.0, "E", "W")
        for side in ("bottom", "left", "right", "top") if window.poles else ("bottom",):
            labels += _ends(window, pieces, words, side)
    return Graticule(tuple(lines), tuple(labels))


def draw_graticule(axes: Axes, window: Window, *, size_pt: float, zorder: float) -> None:
    """Draw the lines over a map and write their names around it, as far as there is room."""
    found = graticule(window)
    lines = LineCollection(found.lines, colors=COAST, linewidths=0.4, alpha=0.3, zorder=zorder)
    axes.add_artist(lines)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    for pole in window.poles:
        axes.plot(*window.project(0.0, pole), "+", color=COAST, markersize=size_pt, zorder=zorder)
    taken: list[Bbox] = []
    for x, y, words, side in found.labels:
        offset, horizontal, vertical = _BESIDE[side]
        label = axes.annotate(
            words,
            (x, y),
            offset,
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            fontsize=size_pt,
            color=DIM,
            zorder=zorder + 1.0,
            annotation_clip=False,
        )
        if side is None:
            label.set_path_effects([withStroke(linewidth=2.0, foreground=PAPER, alpha=0.8)])
        box = label.get_window_extent().padded(0.4 * size_pt * figure.dpi / 72.0)
        if box.count_overlaps(taken):
            label.remove()
        else:
            taken.append(box)


def _round(low: float, high: float, lines: float) -> Floats:
    """Round values between two, about as many as ``lines``."""
    step = _STEPS_DEG[np.argmin(np.abs(np.log(_STEPS_DEG * max(lines, 1.5) / (high - low))))]
    return np.asarray(
        np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1.0) * step
    )


def _words(degrees: float, positive: str, negative: str) -> str:
    """An angle as 48°30′N."""
    seconds = round(abs(degrees) * 3600.0)
    whole, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{whole}°"
    if minutes or rest:
        text += f"{minutes:02d}′"
    if rest:
        text += f"{rest:02d}″"
    return text + ("" if seconds in (0, 180 * 3600) else positive if degrees > 0 else negative)


def _cut(window: Window, lon: Floats, lat: Floats) -> list[Line]:
    """The pieces of a line that lie in the window."""
    x, y = window.project(lon, lat)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2:
        return []
    line = shapely.LineString(np.stack([x[known], y[known]], -1))
    cut = shapely.clip_by_rect(line, window.left, window.bottom, window.right, window.top)
    joined = shapely.line_merge(cut) if cut.geom_type == "MultiLineString" else cut
    parts = (shapely.get_coordinates(part) for part in shapely.get_parts(joined))
    return [part for part in parts if len(part) > 1]


def _ends(window: Window, pieces: list[Line], words: str, side: Side) -> list[Label]:
    """Where a line leaves the window on one side; on a map with a rounded edge, where it ends."""
    points = np.array([end for piece in pieces for end in (piece[0], piece[-1])]).reshape(-1, 2)
    axis = 0 if side in ("left", "right") else 1
    edge = {"left": window.left, "right": window.right}.get(
        side, window.bottom if side == "bottom" else window.top
    )
    if not window.is_all_earth and len(points):
        if axis == 1 and np.ptp(window.project(window.meridian + _WIDE, [window.box[1]] * 2)[0]) < (
            0.3 * window.width
        ):
            return []  # meridians meet there
        return [(*points[np.argmin(np.abs(points[:, axis] - edge))], words, side)]
    near = np.abs(points[:, axis] - edge) < 1e-6 * (window.width, window.height)[axis]
    return [(float(x), float(y), words, side) for x, y in points[near][:1]]


def _inside(window: Window, lat: float, words: str) -> list[Label]:
    """Beside a pole a parallel is named where it crosses the ray to the upper right."""
    lon = window.meridian + np.arange(-180.0, 180.0)
    x, y = window.project(lon, np.full(len(lon), lat))
    pole_x, pole_y = window.project(0.0, window.poles[-1])
    angle = np.degrees(np.arctan2(y - pole_y, x - pole_x))
    at = int(np.argmin(np.abs(angle - 22.0)))
    is_inside = window.left < x[at] < window.right and window.bottom < y[at] < window.top
    return [(float(x[at]), float(y[at]), words, None)] if is_inside else []
