"""Figures of maps: the quantity in large, its uncertainty beside the legend."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from psm.cartography import marginalia
from psm.cartography.graticule import draw_graticule
from psm.cartography.layout import GLOBE, Layout, region_layout
from psm.cartography.mapdrawing import Drawing, draw_map
from psm.cartography.night import Night, night_side
from psm.cartography.style import (
    COLOURS,
    DIM,
    NO_DATA,
    PAPER,
    colour_bar,
    colour_range,
    figure_style,
    fit_text,
    new_figure,
    pale,
    scale_words,
)
from psm.cartography.towns import draw_towns
from psm.cartography.vectorlayers import geography
from psm.cartography.window import Window
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.map_data import MapData
from psm.mapping.moment import Moment
from psm.mapping.outputs import overlay
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.overlay import Uncertainty
from psm.mapping.scale import WORDS

_LETTERS_PER_INCH = 19.0
_CREDIT_PT = 6.5


def write_png(
    soundscape: MapData,
    path: Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 1600,
    uncertainty: Uncertainty = "inset",
) -> Path:
    """Draw a map with title, coastlines, legend, uncertainty and attribution.

    The map of a region is drawn in its own projection, with graticule, scale bar, north, rivers,
    borders and the names of its largest towns.

    Args:
        soundscape: the map.
        path: the PNG file; complete or absent.
        value_range: values at the ends of the colours; by default those of the sound, and where
            that has none, where all but the lowest and the highest 2 % of the mapped area lie.
        width_px: width of the picture.
        uncertainty: a small map of its own (``inset``), hatching over the least sure third
            (``hatch``), colours paler where less sure (``fade``), or ``none``.

    Returns:
        The path.

    Raises:
        ConfigError: the range is none, or the way to draw uncertainty unknown.
    """
    with figure_style():
        figure = draw(
            soundscape, value_range=value_range, width_px=width_px, uncertainty=uncertainty
        )
        return _save(figure, path, soundscape, "png")


def write_svg(
    soundscape: MapData,
    path: Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 1600,
    uncertainty: Uncertainty = "inset",
) -> Path:
    """Draw the figure of :func:`write_png` as SVG: lines and words as such, the values as pixels.

    Words are set in DejaVu Sans where it is installed, and may be edited.

    Args:
        soundscape, value_range, uncertainty: see :func:`write_png`.
        path: the SVG file; complete or absent.
        width_px: pixels of the values across the figure, as far as the map has as many.

    Returns:
        The path.

    Raises:
        ConfigError: the range is none, or the way to draw uncertainty unknown.
    """
    with figure_style(), mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "psm"}):
        figure = draw(
            soundscape, value_range=value_range, width_px=width_px, uncertainty=uncertainty
        )
        return _save(figure, path, soundscape, "svg")


def _save(figure: Figure, path: Path, soundscape: MapData, kind: Literal["png", "svg"]) -> Path:
    return save_figure(
        figure,
        path,
        title=f"{soundscape.query.label}, {soundscape.moment}",
        rights=soundscape.rights,
        tags=soundscape.tags,
        kind=kind,
    )


def draw(
    soundscape: MapData,
    *,
    value_range: tuple[float, float] | None,
    width_px: int,
    uncertainty: Uncertainty = "inset",
) -> Figure:
    """The figure of :func:`write_png`."""
    overlay.check_uncertainty(uncertainty)
    frame = soundscape.frame
    window = None if frame.is_globe else Window.of(frame)
    layout = GLOBE if window is None else region_layout(window.shape)
    figure = new_figure(*layout.size, width_px)
    _titles(figure, layout, soundscape)
    values = soundscape.values()
    axes = layout.axes(figure, layout.map)
    map_px = round(width_px * layout.map[2] / layout.size[0])
    drawing = draw_map(
        axes,
        frame,
        colours_of(soundscape),
        colour_range(
            value_range or soundscape.colour_ends(),
            values,
            frame=frame,
            is_diverging=soundscape.quantity.is_diverging,
        ),
        has_data=np.isfinite(values),
        width_px=map_px,
    )
    drawing.show(values, night_of(soundscape.moment))
    _legend(figure, layout, drawing, soundscape, value_range)
    _uncertainty(figure, layout, axes, drawing, soundscape, map_px, uncertainty)
    sources = [] if window is None else _surroundings(figure, layout, axes, window, soundscape)
    credit = credit_line(soundscape, sources)
    lines = textwrap.fill(credit, int(layout.credit_width * _LETTERS_PER_INCH))
    figure.text(
        *layout.at(layout.credit), lines, ha="right", va="bottom", color=DIM, fontsize=_CREDIT_PT
    )
    return figure


def colours_of(soundscape: MapData) -> Colormap:
    """The colours of a map, pale where the query is unlike what the model learnt."""
    colours = COLOURS[soundscape.quantity.colours]
    return colours if soundscape.is_familiar else pale(colours)


def night_of(moment: Moment) -> Night | None:
    """The night side at a moment; None where its month or UTC hour is unknown."""
    return night_side(month=moment.month, utc=moment.utc)


def _titles(figure: Figure, layout: Layout, soundscape: MapData) -> None:
    title = figure.text(
        *layout.at(layout.title), soundscape.query.label, va="top", fontsize=21, weight="bold"
    )
    fit_text(title, room=1.0 - 2.0 * layout.at(layout.title)[0], smallest_pt=10.0)
    when = soundscape.when
    frame = soundscape.frame
    if frame.is_globe:
        when += " · shaded sea: night" if night_of(soundscape.moment) else ""
    else:
        step, unit = (frame.transform.a, "°") if frame.is_geographic else _metric(frame.transform.a)
        when += f" · cells of {step:.4g}{unit}"
    words = figure.text(*layout.at(layout.moment), when, va="top", fontsize=12.5, color=DIM)
    fit_text(words, room=1.0 - 2.0 * layout.at(layout.moment)[0], smallest_pt=8.0)


def _legend(
    figure: Figure,
    layout: Layout,
    drawing: Drawing,
    soundscape: MapData,
    value_range: tuple[float, float] | None,
) -> None:
    """The colour bar; that of a sound says what its colours are called, and the base rate."""
    left, bottom, width, height = layout.bar
    bar = layout.axes(figure, layout.bar)
    scale = None if value_range else soundscape.scale
    label = soundscape.quantity.label
    colour_bar(bar, drawing.image, label, extend="both" if scale is None else "max")
    how = "fixed range" if value_range else "2nd to 98th percentile of the mapped area"
    if scale is not None:
        how = scale.words
        if scale.base_rate is not None:
            scale_words(bar, drawing.image, WORDS, mark=scale.base_rate)
    above = layout.at((left + width, bottom + height + 0.06))
    figure.text(*above, how, ha="right", va="bottom", fontsize=7.5, color=DIM)


def _metric(metres: float) -> tuple[float, str]:
    return (metres / 1e3, " km") if metres >= 1e3 else (metres, " m")


def _uncertainty(
    figure: Figure,
    layout: Layout,
    axes: Axes,
    drawing: Drawing,
    soundscape: MapData,
    width_px: int,
    how: Uncertainty,
) -> None:
    left, bottom, _, height = layout.small_map
    if how != "none" and not soundscape.knows_uncertainty:
        words = "uncertainty not known:\nthe model gives points"
        margin, middle = layout.at(layout.title)[0], layout.at((left, bottom + height / 2.0))[1]
        figure.text(margin, middle, words, ha="left", va="center", color=DIM, fontsize=_CREDIT_PT)
    elif how == "inset":
        values = soundscape.values(UNCERTAINTY.name)
        small = draw_map(
            layout.axes(figure, layout.small_map),
            soundscape.frame,
            COLOURS[UNCERTAINTY.colours],
            colour_range(soundscape.colour_ends(UNCERTAINTY), values, frame=soundscape.frame),
            has_data=np.isfinite(values),
            width_px=width_px // 3,
            coast_pt=0.2,
            is_plain=True,
        )
        small.show(values)
        unit = soundscape.quantity.unit
        words = f"uncertainty (standard deviation{'' if unit == '1' else f', {unit}'})"
        colour_bar(layout.axes(figure, layout.small_bar), small.image, words, small=True)
    elif how == "fade":
        bar = layout.axes(figure, (left, bottom + height / 2.0, 2.2, layout.small_bar[3]))
        is_relative = soundscape.quantity is PROBABILITY
        words = f"{'relative ' if is_relative else ''}uncertainty: paler where less sure"
        colour_bar(bar, overlay.fade(axes, drawing, soundscape), words, small=True)
    elif how == "hatch":
        least = overlay.hatch(axes, drawing, soundscape, width_px)
        words = f"uncertainty above {least:.2g}: the least sure third"
        place = {"left_in": left, "bottom_in": bottom + height / 2.0}
        marginalia.key(figure, PAPER, words, is_hatched=True, **place)


def _surroundings(
    figure: Figure, layout: Layout, axes: Axes, window: Window, soundscape: MapData
) -> list[str]:
    """What only the map of a region has; returns the sources of what was drawn."""
    top = max(layer.get_zorder() for layer in axes.get_children())
    draw_graticule(axes, window, size_pt=7.0, zorder=top + 1.0)
    towns = draw_towns(axes, window, size_pt=layout.words_pt, zorder=top + 3.0)
    if layout.scale is not None and window.is_all_earth:
        left, bottom, room = layout.scale
        inches = layout.map[2] / window.width
        marginalia.scale_bar(
            figure,
            window,
            inches_per_unit=inches,
            left_in=left,
            bottom_in=bottom,
            longest_in=room,
        )
    if window.north_deg is not None and window.is_all_earth:
        marginalia.north_arrow(figure, window.north_deg, centre_in=layout.north, size_in=0.5)
    if layout.key is not None and not np.isfinite(soundscape.values()).all():
        left, bottom = layout.key
        words = "not covered" if soundscape.not_covered_share else "no data"
        marginalia.key(figure, NO_DATA, words, left_in=left, bottom_in=bottom)
    sources = ["GSHHG (LGPL)"] if geography(window) is not None else []
    return [*sources, "GeoNames (CC BY 4.0)"] if towns else sources


def credit_line(soundscape: MapData, sources: list[str] | None = None) -> str:
    """What a map stands on: data, model, zoom, software, licence, sources of what is drawn."""
    parts = [soundscape.provenance.statement, soundscape.model]
    parts += [f"zoom {soundscape.zoom}", soundscape.tags["software"]]
    named = [source for source in sources or () if source not in soundscape.attribution]
    parts.append(", ".join([*filter(None, [soundscape.attribution]), *named]))
    if soundscape.licence not in ("", "unknown"):
        parts.append(f"licence {soundscape.licence}")
    return " · ".join(filter(None, parts))
