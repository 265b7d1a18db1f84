"""World maps of the data card: density of recordings, and their splits."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from psm.cartography.equalearth import NORTH, SOUTH, from_centre, project, world_edge
from psm.cartography.graticule import globe_graticule
from psm.cartography.style import (
    COAST,
    COLOURS,
    DIM,
    GRATICULE,
    INK,
    NO_DATA,
    SEA,
    new_figure,
)
from psm.cartography.worldmap import (
    area,
    projected_coastlines,
    projected_lakes,
    projected_land,
)
from psm.collect.outputs.facts import Facts
from psm.data.splits import TEST, TRAIN, VAL
from psm.errors import BrokenPackageData
from psm.geodata.sphere import EARTH_RADIUS_KM

SPLIT_COLOURS = {TRAIN: "#5b7fa6", VAL: "#e39a2d", TEST: "#b1305f"}

_WIDTH_IN, _HEIGHT_IN, _WIDTH_PX = 12.0, 6.9, 1800
_BOX = (0.015, 0.1, 0.97, 0.765)
_SHAPE = _BOX[2] * _WIDTH_IN / (_BOX[3] * _HEIGHT_IN)
_COLOURS = ListedColormap(COLOURS["ember"](np.linspace(0.12, 1.0, 256)))
_HEXAGONS, _MANY_HEXAGONS, _MANY = 110, 180, 30_000  # from edge to edge; from so many recordings
_MARGIN = 0.15  # of the width that places take up, around a part of the world
_NARROWEST = 0.25  # radii of the Earth, some 1,600 km
_ABOVE = 20
_LEAST_PT2, _MOST_PT2 = 1.2, 30.0


def density_map(facts: Facts) -> Figure:
    """How many recordings lie in each hexagon of the same area."""
    x, y = _places(facts)
    figure, axes = _world(x, y)
    left, right, bottom, top = *axes.get_xlim(), *axes.get_ylim()
    across = _MANY_HEXAGONS if len(x) >= _MANY else _HEXAGONS
    rows = round(across * (top - bottom) / (right - left) / np.sqrt(3.0))
    hexagons = axes.hexbin(
        x,
        y,
        gridsize=(across, rows),
        extent=(left, right, bottom, top),
        mincnt=1,
        cmap=_COLOURS,
        linewidths=0.25,
        edgecolors="#ffffff",
        zorder=6,
    )
    most = float(np.max(np.append(np.asarray(hexagons.get_array()), 10.0)))
    hexagons.set_norm(LogNorm(1.0, most))
    bar_axes = figure.add_axes((0.36, 0.06, 0.28, 0.017))
    bar = figure.colorbar(hexagons, cax=bar_axes, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.ax.xaxis.set_major_locator(LogLocator(10.0))
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    bar.ax.tick_params(labelsize=8.5, colors=DIM, length=2, width=0.5)
    figure.text(0.655, 0.0685, "recordings", fontsize=9, color=DIM, va="center")
    size_km = (right - left) / across * EARTH_RADIUS_KM
    title = f"{len(facts.rows):,} recordings"
    beyond = sum(not SOUTH <= row.lat <= NORTH for row in facts.rows)
    more = f"; {beyond:,} south or north of the map" if beyond else ""
    _headline(figure, title, f"in hexagons of equal area, about {size_km:.0f} km across{more}")
    return figure


def split_map(facts: Facts) -> Figure:
    """Every recording in the colour of its split."""
    x, y = _places(facts)
    figure, axes = _world(x, y)
    split = np.array([row.split for row in facts.rows])
    size = float(np.clip(60_000.0 / max(len(split), 1), _LEAST_PT2, _MOST_PT2))
    for order, (name, colour) in enumerate(SPLIT_COLOURS.items()):
        mine = split == name
        axes.scatter(
            x[mine],
            y[mine],
            s=size,
            c=colour,
            alpha=0.9 if size > 6.0 else 0.6,
            linewidths=0.3 if size > 6.0 else 0.0,
            edgecolors="#ffffff",
            zorder=6 + order,
        )
    marks = [
        Line2D([], [], marker="o", linestyle="", color=colour, markersize=7,
               label=f"{name}  {facts.splits[name]:,}")
        for name, colour in SPLIT_COLOURS.items()
    ]  # fmt: skip
    figure.legend(
        handles=marks,
        loc="lower center",
        ncols=3,
        frameon=False,
        fontsize=10,
        labelcolor=INK,
        bbox_to_anchor=(0.5, 0.025),
        columnspacing=3.0,
        handletextpad=0.3,
    )
    _headline(figure, "Splits", "whole cells, with a buffer wider than a tile between them")
    return figure


def _world(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> tuple[Figure, Axes]:
    """A figure with an empty map; without coasts where the shorelines are not installed."""
    figure = new_figure(_WIDTH_IN, _HEIGHT_IN, _WIDTH_PX)
    axes = figure.add_axes(_BOX)
    outline = world_edge(south=SOUTH, north=NORTH)
    edge, (left, right, bottom, top) = Path(outline), _view(x, y, outline)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.axis("off")
    ground = [PathPatch(edge, facecolor=SEA, edgecolor="none")]
    lines = [LineCollection(globe_graticule(), colors=GRATICULE, linewidths=0.5)]
    try:
        ground += [
            PathPatch(area(projected_land()), facecolor=NO_DATA, edgecolor="none"),
            PathPatch(area(projected_lakes()), facecolor=SEA, edgecolor="none"),
        ]
        lines.append(LineCollection(projected_coastlines(), colors=COAST, linewidths=0.25))
    except BrokenPackageData:
        pass
    below = (ground[0], lines[0], *ground[1:])
    for order, artist in enumerate((*below, *lines[1:])):
        axes.add_artist(artist)
        artist.set_zorder(order if order < len(below) else _ABOVE)
        artist.set_clip_path(edge, axes.transData)
    return figure, axes


def _view(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], outline: Float[np.ndarray, "points 2"]
) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of what is shown: the world, or the part of it with places."""
    (left, bottom), (right, top) = outline.min(0) - 0.02, outline.max(0) + 0.02
    if len(x):
        width = max(np.ptp(x) * (1.0 + 2.0 * _MARGIN), _NARROWEST)
        height = max(np.ptp(y) * (1.0 + 2.0 * _MARGIN), width / _SHAPE)
        width = height * _SHAPE
        if width < (right - left) * 0.6:
            middle_x, middle_y = (x.min() + x.max()) / 2.0, (y.min() + y.max()) / 2.0
            return (
                middle_x - width / 2.0, middle_x + width / 2.0,
                middle_y - height / 2.0, middle_y + height / 2.0,
            )  # fmt: skip
    return left, right, bottom, top


def _places(facts: Facts) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """On the map; those beyond its edges lie outside of it and are not drawn."""
    lat = np.array([row.lat for row in facts.rows])
    return project(lat=lat, lon_from_centre=from_centre([row.lon for row in facts.rows]))


def _headline(figure: Figure, title: str, below: str) -> None:
    figure.text(0.03, 0.965, title, fontsize=17, weight="bold", color=INK, va="top")
    figure.text(0.03, 0.912, below, fontsize=10.5, color=DIM, va="top")
