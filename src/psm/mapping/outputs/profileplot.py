"""Figure of a profile: for every sound the day across and the year down."""

from __future__ import annotations

import calendar
import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

import psm
from psm.cartography.style import (
    COLOURS,
    DIM,
    INK,
    PAPER,
    colour_bar,
    figure_style,
    fit_text,
    pale,
)
from psm.errors import ConfigError
from psm.mapping.bands import PROBABILITY
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.profile import HOURS, MONTHS, Profile

_COLUMNS, _MOST = 4, 28
_READING = "hours of local time across, months down; the likeliest sounds first"
_PANEL_IN = (2.9, 1.75)
_HEAD_IN, _FOOT_IN, _SIDE_IN = 1.15, 0.95, 0.55


def write_profile(profile: Profile, path: Path, *, most: int = 12, dpi: int = 130) -> Path:
    """Draw the sounds that are likeliest at their best time.

    Args:
        profile: of a place.
        path: the PNG or SVG file; complete or absent.
        most: sounds to draw, at most 28.
        dpi: dots per inch.

    Raises:
        ConfigError: no sound, or too many.
    """
    if not 1 <= most <= _MOST:
        raise ConfigError(f"a profile shows 1 to {_MOST} sounds, not {most}")
    sounds = profile.loudest(most)
    columns = min(_COLUMNS, len(sounds))
    rows = math.ceil(len(sounds) / columns)
    width = max(6.0, columns * _PANEL_IN[0] + 2 * _SIDE_IN)
    height = rows * _PANEL_IN[1] + _HEAD_IN + _FOOT_IN
    with figure_style():
        figure = Figure(figsize=(width, height), dpi=dpi, facecolor=PAPER)
        FigureCanvasAgg(figure)
        _head(figure, profile, height)
        top = float(profile.probability[sounds].max())
        image = None
        for number, sound in enumerate(sounds):
            row, column = divmod(number, columns)
            left = (_SIDE_IN + column * _PANEL_IN[0]) / width
            bottom = 1.0 - (_HEAD_IN + (row + 1) * _PANEL_IN[1] - 0.32) / height
            size = ((_PANEL_IN[0] - 0.35) / width, (_PANEL_IN[1] - 0.62) / height)
            axes = figure.add_axes((left, bottom, *size))
            is_last = number + columns >= len(sounds)
            drawn = _panel(axes, profile, sound, top, months=column == 0, hours=is_last)
            image = drawn if image is None or profile.is_familiar(sound) else image
        assert image is not None
        bar = figure.add_axes((_SIDE_IN / width, 0.5 / height, 3.2 / width, 0.11 / height))
        colour_bar(bar, image, PROBABILITY.long_name, small=True)
        named = (profile.model, f"zoom {profile.zoom}", f"psm {psm.__version__}")
        credit = " · ".join([profile.provenance.statement, *named, profile.attribution])
        figure.text(0.985, 0.12 / height, credit, ha="right", va="bottom", color=DIM, fontsize=6)
        return save_figure(
            figure,
            path,
            title=place_name(lat=profile.lat, lon=profile.lon),
            rights=f"{profile.attribution}; licence: {profile.licence}",
            tags=profile.tags,
            kind="svg" if path.suffix.lower() == ".svg" else "png",
        )


def place_name(*, lat: float, lon: float) -> str:
    """A place in degrees, as 48.21° N, 16.37° E."""
    north = f"{abs(lat):.2f}° {'N' if lat >= 0 else 'S'}"
    return f"{north}, {abs(lon):.2f}° {'E' if lon >= 0 else 'W'}"


def _head(figure: Figure, profile: Profile, height: float) -> None:
    title = figure.text(
        0.02, 1.0 - 0.16 / height, place_name(lat=profile.lat, lon=profile.lon),
        va="top", fontsize=17, weight="bold",
    )  # fmt: skip
    fit_text(title, room=0.94, smallest_pt=10.0)
    figure.text(
        0.02,
        1.0 - 0.56 / height,
        " · ".join(filter(None, [_READING, profile.provenance.badge])),
        va="top",
        fontsize=9.5,
        color=DIM,
    )


def _panel(
    axes: Axes, profile: Profile, sound: int, top: float, *, months: bool, hours: bool
) -> AxesImage:
    colours = COLOURS[PROBABILITY.colours]
    is_familiar = profile.is_familiar(sound)
    image = axes.imshow(
        profile.probability[sound],
        cmap=colours if is_familiar else pale(colours),
        vmin=0.0,
        vmax=max(top, 1e-9),
        aspect="auto",
        extent=(-0.5, HOURS - 0.5, MONTHS - 0.5, -0.5),
        interpolation="nearest",
    )
    month, hour = profile.peak(sound)
    best = float(profile.probability[sound].max())
    name = profile.texts[sound] if is_familiar else f"{profile.texts[sound]} (unfamiliar)"
    title = axes.set_title(name, loc="left", fontsize=9, color=INK, pad=3)
    title.set_clip_on(True)
    axes.text(
        1.0, 1.03, f"{best:.2f}, {calendar.month_abbr[month]} {hour:02d} h",
        transform=axes.transAxes, ha="right", va="bottom", fontsize=6.5, color=DIM,
    )  # fmt: skip
    axes.plot([hour], [month - 1], "o", markersize=4, markerfacecolor="none",
              markeredgecolor="white", markeredgewidth=1.0)  # fmt: skip
    axes.set_xticks(np.arange(0, HOURS, 6), [f"{h}" for h in range(0, HOURS, 6)] if hours else [])
    ticks = (0, 3, 6, 9)
    axes.set_yticks(ticks, [calendar.month_abbr[t + 1] for t in ticks] if months else [])
    axes.tick_params(labelsize=6.5, colors=DIM, length=2, width=0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
