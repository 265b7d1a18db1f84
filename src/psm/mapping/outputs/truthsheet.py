"""Sheets of a map, its truth and their difference, with how far they agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from psm.cartography.mapdrawing import draw_map
from psm.cartography.style import (
    COLOURS,
    DIM,
    INK,
    colour_bar,
    colour_range,
    figure_style,
    fit_text,
    new_figure,
)
from psm.mapping.bands import DIFFERENCE
from psm.mapping.map_data import MapData
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.render import credit_line, night_of
from psm.mapping.outputs.sheet import BOTTOMS, HEIGHT_IN, LEFTS, SIZE, WIDTH_IN
from psm.mapping.soundscape_map import SoundscapeMap
from psm.mapping.truth import agreement

AGREEMENT = "agreement"
"""Name of the metadata of the picture that say how far they agree."""

_STEP = 0.042  # of the figure's height, from line to line
_BARS = (0.19, 0.105)  # heights of the two colour bars


def write_truth_sheet(
    soundscape: SoundscapeMap, truth: SoundscapeMap, path: Path, *, width_px: int = 1500
) -> Path:
    """Draw a map, its truth and the difference beside each other.

    Args:
        soundscape: the map.
        truth: see :func:`psm.mapping.truth.true_map`.
        path: the PNG file; complete or absent.
        width_px: width of the picture.

    Returns:
        The path.
    """
    with figure_style():
        figure = new_figure(WIDTH_IN, HEIGHT_IN, width_px)
        words = f"{soundscape.query.label}, {soundscape.moment}"
        title = figure.text(0.02, 0.972, words, va="top", fontsize=19, weight="bold")
        fit_text(title, room=0.94, smallest_pt=10.0)
        limits = colour_range(
            soundscape.colour_ends(),
            soundscape.values(),
            truth.values(),
            frame=soundscape.frame,
        )
        # A map may be compared with the truth whether it is calibrated or not.
        difference = soundscape - replace(truth, calibration=soundscape.calibration)
        apart = colour_range(None, difference.values(), frame=difference.frame, is_diverging=True)
        panels = (
            (soundscape, f"The map of {soundscape.model}", limits),
            (truth, "The truth, by the rules of the simulated Earth", limits),
            (difference, "Map minus truth", apart),
        )
        for number, (shown, name, ends) in enumerate(panels):
            _panel(figure, number, shown, name, ends, width_px)
        _numbers(figure, soundscape, truth)
        figure.text(
            0.985, 0.02, credit_line(soundscape), ha="right", va="bottom", color=DIM, fontsize=6.5
        )
        agreement = ". ".join(_agreement(soundscape, truth))
        return save_figure(
            figure,
            path,
            title=words,
            rights=soundscape.rights,
            tags={**soundscape.tags, AGREEMENT: agreement},
        )


def _panel(
    figure: Figure,
    number: int,
    shown: MapData,
    name: str,
    ends: tuple[float, float],
    width_px: int,
) -> None:
    left, bottom = LEFTS[number % 2], BOTTOMS[number // 2]
    values = shown.values()
    drawing = draw_map(
        figure.add_axes((left, bottom, *SIZE)),
        shown.frame,
        COLOURS[shown.quantity.colours],
        ends,
        has_data=np.isfinite(values),
        width_px=width_px // 2,
        coast_pt=0.25,
    )
    drawing.show(values, night_of(shown.moment))
    figure.text(left + 0.012, bottom + SIZE[1] + 0.008, name, fontsize=11, color=INK)
    if number == 1:
        return  # in the colours of the first
    is_difference = shown.quantity is DIFFERENCE
    bar = figure.add_axes((LEFTS[1] + 0.06, _BARS[is_difference], 0.3, 0.014))
    label = "map minus truth" if is_difference else shown.quantity.long_name
    colour_bar(
        bar, drawing.image, label, small=True,
        extend="both" if is_difference or ends[0] else "max",
    )  # fmt: skip


def _numbers(figure: Figure, soundscape: MapData, truth: MapData) -> None:
    """The last panel: what the eye cannot measure."""
    x, y = LEFTS[1] + 0.06, BOTTOMS[1] + SIZE[1] - 0.02
    figure.text(x, y, "How far they agree", va="top", fontsize=11, weight="bold", color=INK)
    for number, words in enumerate(_agreement(soundscape, truth), 1):
        figure.text(x, y - _STEP * number, words, va="top", fontsize=11, color=INK)


def _agreement(soundscape: MapData, truth: MapData) -> list[str]:
    found = agreement(soundscape, truth)
    return [
        f"Mean probability: {found.mean:.3f} on the map, {found.true_mean:.3f} in truth",
        f"Mean absolute difference: {found.error:.3f}",
        f"Rank correlation of the cells (Spearman): {_signed(found.spearman)}",
        f"Share of the truth's variance explained: {_signed(found.explained)}",
    ]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
