"""Files of an explanation: a picture, a GeoTIFF, or numbers as JSON."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from psm.cartography.style import (
    COLOURS,
    DIM,
    INK,
    colour_bar,
    figure_style,
    fit_text,
    new_figure,
    pale,
    scale_words,
)
from psm.errors import ConfigError
from psm.explaining.explanation import Explanation
from psm.files import atomic_path
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.geotiff import write_cog, write_qml
from psm.mapping.outputs.profileplot import place_name
from psm.mapping.outputs.render import credit_line
from psm.mapping.scale import WORDS

SUFFIXES = (".png", ".tif", ".tiff", ".json")
"""What an explanation can be written as."""

_WIDTH_IN, _HEIGHT_IN = 9.6, 6.0
_PANEL_IN, _SIDE_IN, _BOTTOM_IN = 4.2, 0.4, 1.02
_LINES, _LETTERS = 3, 84


def write_explanation(explanation: Explanation, path: str | Path, *, width_px: int = 1250) -> Path:
    """Write an explanation as what the suffix of the path says; complete or absent.

    Args:
        explanation: numbers over a view.
        path: ``.png`` for a picture of the view and the heat map, ``.tif`` for a GeoTIFF in metres
            around the place with a style for QGIS beside it, ``.json`` for all numbers.
        width_px: of a picture.

    Returns:
        The path.

    Raises:
        ConfigError: another suffix.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".png":
            return _picture(explanation, path, width_px)
        case ".tif" | ".tiff":
            write_cog(explanation.found, path)
            # Its colours are those of the picture, not those between which this one view lies.
            ends = explanation.colour_ends()
            write_qml(explanation.found, path.with_suffix(".qml"), value_range=ends)
        case ".json":
            with atomic_path(path) as aside:
                aside.write_text(json.dumps(explanation.to_json()) + "\n")
        case _:
            raise ConfigError(f"{path}: write an explanation as {', '.join(SUFFIXES)}")
    return path


def _picture(explanation: Explanation, path: Path, width_px: int) -> Path:
    found = explanation.found
    with figure_style():
        figure = new_figure(_WIDTH_IN, _HEIGHT_IN, width_px)
        _head(figure, explanation)
        left = _panel(figure, _SIDE_IN, "the view, lines of the heat map over it")
        right = _panel(figure, _WIDTH_IN - _SIDE_IN - _PANEL_IN, "the heat map")
        half_km = explanation.view.gsd_m * len(explanation.view.pixels) / 2000.0
        extent = (-half_km, half_km, -half_km, half_km)
        left.imshow(explanation.view.pixels, extent=extent, interpolation="nearest")
        colours = COLOURS[found.quantity.colours]
        image = _heat(right, explanation, extent, colours if found.is_familiar else pale(colours))
        _lines(left, explanation, half_km)
        _marks((left, right), explanation, half_km)
        _legend(figure, explanation, image)
        credit = figure.text(
            1.0 - _SIDE_IN / _WIDTH_IN, 0.1 / _HEIGHT_IN, credit_line(found),
            ha="right", va="bottom", fontsize=6, color=DIM,
        )  # fmt: skip
        fit_text(credit, room=1.0 - 2.0 * _SIDE_IN / _WIDTH_IN, smallest_pt=4.5)
        return save_figure(
            figure,
            path,
            title=_title(explanation),
            rights=found.rights,
            tags={**found.tags, "way": explanation.way},
        )


def _title(explanation: Explanation) -> str:
    view = explanation.view
    return f"{explanation.found.query.label} · {place_name(lat=view.lat, lon=view.lon)}"


def _head(figure: Figure, explanation: Explanation) -> None:
    left = _SIDE_IN / _WIDTH_IN
    title = figure.text(
        left, 1.0 - 0.14 / _HEIGHT_IN, _title(explanation),
        va="top", fontsize=15, weight="bold",
    )  # fmt: skip
    fit_text(title, room=1.0 - 2.0 * left, smallest_pt=9.0)
    when = figure.text(
        left, 1.0 - 0.47 / _HEIGHT_IN, explanation.found.when, va="top", fontsize=9, color=DIM
    )
    fit_text(when, room=1.0 - 2.0 * left, smallest_pt=6.0)


def _panel(figure: Figure, left_in: float, name: str) -> Axes:
    axes = figure.add_axes(
        (
            left_in / _WIDTH_IN,
            _BOTTOM_IN / _HEIGHT_IN,
            _PANEL_IN / _WIDTH_IN,
            _PANEL_IN / _HEIGHT_IN,
        )
    )
    axes.set_title(name, loc="left", fontsize=8, color=INK, pad=3)
    axes.set_axis_off()
    return axes


def _heat(
    axes: Axes, explanation: Explanation, extent: tuple[float, ...], colours: Colormap
) -> AxesImage:
    """Cells as they are: what was not asked for is not drawn in between."""
    low, high = explanation.colour_ends()
    return axes.imshow(
        explanation.values, cmap=colours, vmin=low, vmax=high, interpolation="nearest",
        extent=(extent[0], extent[1], extent[2], extent[3]),
    )  # fmt: skip


def _lines(axes: Axes, explanation: Explanation, half_km: float) -> None:
    """Lines of equal value over the picture, at parts of the colour bar: none where it is flat."""
    low, high = explanation.colour_ends()
    frame = explanation.found.frame
    levels = [low + (high - low) * part / (_LINES + 1) for part in range(1, _LINES + 1)]
    least, most = explanation.range
    levels = [level for level in levels if least < level < most]
    if levels:
        x, y = frame.x / 1000.0, frame.y / 1000.0
        for colour, width in (("black", 2.0), ("white", 0.9)):
            axes.contour(x, y, explanation.values, levels=levels, colors=colour, linewidths=width)
    axes.set_xlim(-half_km, half_km)
    axes.set_ylim(-half_km, half_km)


def _marks(panels: tuple[Axes, ...], explanation: Explanation, half_km: float) -> None:
    """The place itself, the highest cell, and how long a round distance is."""
    row, column = explanation.peak
    x, y = explanation.found.frame.x[column] / 1000.0, explanation.found.frame.y[row] / 1000.0
    for axes in panels:
        for colour, width in (("black", 2.6), ("white", 1.2)):
            axes.plot([0.0], [0.0], "+", color=colour, markersize=9, markeredgewidth=width)
            axes.plot(
                [x], [y], "o", markerfacecolor="none", markeredgecolor=colour, markersize=9,
                markeredgewidth=width,
            )  # fmt: skip
    # A round length of at most a third of the view.
    power = 10.0 ** np.floor(np.log10(half_km / 1.5))
    length = max(step * power for step in (1.0, 2.0, 5.0) if step * power <= half_km / 1.5)
    start, low = -0.94 * half_km, -0.93 * half_km
    words = f"{length:g} km" if length >= 1.0 else f"{1000.0 * length:g} m"
    for colour, width in (("black", 3.5), ("white", 1.8)):
        panels[0].plot([start, start + length], [low, low], color=colour, linewidth=width)
    panels[0].text(
        start, low + 0.03 * half_km, words, color="white", fontsize=7, va="bottom",
        bbox={"facecolor": "black", "alpha": 0.45, "pad": 1.0, "linewidth": 0},
    )  # fmt: skip


def _legend(figure: Figure, explanation: Explanation, image: AxesImage) -> None:
    found = explanation.found
    left = (_WIDTH_IN - _SIDE_IN - _PANEL_IN) / _WIDTH_IN
    bar = figure.add_axes((left, 0.72 / _HEIGHT_IN, _PANEL_IN / _WIDTH_IN, 0.13 / _HEIGHT_IN))
    colour_bar(bar, image, found.quantity.label, small=True, extend="max")
    scale = found.scale
    if scale is not None and scale.base_rate is not None:
        scale_words(bar, image, WORDS, mark=scale.base_rate)
    low, high = explanation.range
    told = [
        f"from {low:.3g} to {high:.3g} in this view; ○ highest, + the place",
        "colours from 0 to what is high for this sound anywhere"
        if scale is not None
        else "colours over all that the number can be",
        *textwrap.wrap(explanation.way, _LETTERS, max_lines=2, placeholder=" …"),
        *textwrap.wrap(found.calibration, _LETTERS, max_lines=2, placeholder=" …"),
    ]
    figure.text(
        _SIDE_IN / _WIDTH_IN, (_BOTTOM_IN - 0.08) / _HEIGHT_IN, "\n".join(told),
        va="top", fontsize=6.5, color=DIM, linespacing=1.35,
    )  # fmt: skip
