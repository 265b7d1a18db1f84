"""Maps as figures: match probability in large, its uncertainty beside the legend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from psm.files import atomic_path
from psm.mapping.canvas import Canvas
from psm.mapping.moment import Moment
from psm.mapping.night import night_side
from psm.mapping.soundscape_map import SoundscapeMap
from psm.mapping.worldmap import (
    DIM,
    PAPER,
    PROBABILITY_COLOURS,
    UNCERTAINTY_COLOURS,
    World,
    colour_bar,
    colour_range,
    fit_text,
    robust_range,
    style,
)

_WIDTH_IN, _HEIGHT_IN = 12.0, 7.6


def write_png(
    soundscape: SoundscapeMap,
    path: Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 1600,
) -> Path:
    """Draw a map with title, coastlines, legend, uncertainty and attribution.

    Args:
        soundscape: the map.
        path: the PNG file; complete or absent.
        value_range: match probabilities at the ends of the colours; by default where all but the
            lowest and the highest 2 % of the mapped area lie.
        width_px: width of the picture.

    Raises:
        ConfigError: the range is none.
    """
    with style():
        figure = draw(soundscape, value_range=value_range, width_px=width_px)
        with atomic_path(path) as aside:
            figure.savefig(
                aside,
                format="png",
                facecolor=PAPER,
                metadata={"Software": soundscape.tags["software"]},
            )
    return path


def draw(
    soundscape: SoundscapeMap, *, value_range: tuple[float, float] | None, width_px: int
) -> Figure:
    """The figure of :func:`write_png`."""
    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), dpi=width_px / _WIDTH_IN, facecolor=PAPER)
    FigureCanvasAgg(figure)
    _titles(figure, soundscape)
    _main_map(figure, soundscape, value_range, width_px)
    _uncertainty_map(figure, soundscape, width_px // 3)
    figure.text(
        0.985, 0.018, credit_line(soundscape), ha="right", va="bottom", color=DIM, fontsize=6.5
    )
    return figure


def _titles(figure: Figure, soundscape: SoundscapeMap) -> None:
    title = figure.text(0.03, 0.965, soundscape.query.label, va="top", fontsize=21, weight="bold")
    when = f"{soundscape.moment}"
    if night_side(soundscape.moment):
        when += " · shaded sea: night"
    fit_text(title, room=0.94, smallest_pt=10.0)
    figure.text(0.03, 0.902, when, va="top", fontsize=12.5, color=DIM)


def _main_map(
    figure: Figure,
    soundscape: SoundscapeMap,
    value_range: tuple[float, float] | None,
    width_px: int,
) -> None:
    values = soundscape.values()
    canvas = Canvas.of(np.isfinite(values), width_px)
    axes = figure.add_axes((0.015, 0.20, 0.97, 0.665))
    world = World(axes, canvas, PROBABILITY_COLOURS, colour_range(value_range, values))
    world.show(values, soundscape.moment)
    bar = figure.add_axes((0.53, 0.125, 0.42, 0.022))
    colour_bar(bar, world.image, soundscape.quantity.long_name)
    how = "fixed range" if value_range else "2nd to 98th percentile of the mapped area"
    figure.text(0.95, 0.155, how, ha="right", va="bottom", fontsize=7.5, color=DIM)


def _uncertainty_map(figure: Figure, soundscape: SoundscapeMap, width_px: int) -> None:
    values = soundscape.values("uncertainty")
    canvas = Canvas.of(np.isfinite(values), width_px)
    axes = figure.add_axes((0.02, 0.02, 0.26, 0.178))
    world = World(axes, canvas, UNCERTAINTY_COLOURS, robust_range(values), coast_pt=0.2)
    world.show(values, Moment())
    bar = figure.add_axes((0.30, 0.125, 0.16, 0.014))
    colour_bar(bar, world.image, "uncertainty (standard deviation)", small=True)


def credit_line(soundscape: SoundscapeMap) -> str:
    """Model, zoom, software and data of a map."""
    zoom = f"zoom {soundscape.zoom}"
    return f"{soundscape.model} · {zoom} · {soundscape.tags['software']} · {soundscape.attribution}"
