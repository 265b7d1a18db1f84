"""Sheets: several maps of one query in one figure, under one scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from psm.cartography.mapdrawing import draw_map
from psm.cartography.style import (
    DIM,
    colour_bar,
    colour_range,
    figure_style,
    fit_text,
    new_figure,
)
from psm.errors import ConfigError
from psm.mapping.map_data import MapData
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.render import colours_of, credit_line, night_of

WIDTH_IN, HEIGHT_IN = 12.0, 7.2
"""Of the figure."""

_COLUMNS, _MOST = 2, 4
LEFTS, BOTTOMS, SIZE = (0.01, 0.505), (0.5, 0.1), (0.485, 0.36)
"""Of its maps, as shares of the figure."""


def write_sheet(maps: Sequence[MapData], path: Path, *, width_px: int = 1500) -> Path:
    """Draw up to four maps of one query beside each other.

    Args:
        maps: of one query on one frame.
        path: the PNG file; complete or absent.
        width_px: width of the picture.

    Returns:
        The path.

    Raises:
        ConfigError: no maps, or more than four.
    """
    if not 1 <= len(maps) <= _MOST:
        raise ConfigError(f"a sheet takes 1 to {_MOST} maps, not {len(maps)}")
    with figure_style():
        figure = new_figure(WIDTH_IN, HEIGHT_IN, width_px)
        title = figure.text(0.02, 0.972, maps[0].query.label, va="top", fontsize=19, weight="bold")
        fit_text(title, room=0.94, smallest_pt=10.0)
        values = [soundscape.values() for soundscape in maps]
        frame = maps[0].frame
        quantity = maps[0].quantity
        ends = maps[0].colour_ends()
        limits = colour_range(ends, *values, frame=frame, is_diverging=quantity.is_diverging)
        for number, (soundscape, raster) in enumerate(zip(maps, values, strict=True)):
            left, bottom = LEFTS[number % _COLUMNS], BOTTOMS[number // _COLUMNS]
            axes = figure.add_axes((left, bottom, *SIZE))
            drawing = draw_map(
                axes,
                frame,
                colours_of(soundscape),
                limits,
                has_data=np.isfinite(values[0]),
                width_px=width_px // _COLUMNS,
                coast_pt=0.25,
            )
            drawing.show(raster, night_of(soundscape.moment))
            figure.text(left + 0.012, bottom + SIZE[1] + 0.008, soundscape.when, fontsize=11)
        colour_bar(
            figure.add_axes((0.02, 0.075, 0.36, 0.018)), drawing.image, maps[0].quantity.long_name
        )
        figure.text(
            0.985, 0.004, credit_line(maps[0]), ha="right", va="bottom", color=DIM, fontsize=6.5
        )  # below the words of the colour bar
        return save_figure(
            figure,
            path,
            title=maps[0].query.label,
            rights=maps[0].rights,
            tags={"software": maps[0].tags["software"], **maps[0].told},
        )
