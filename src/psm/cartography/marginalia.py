"""Scale bar, north arrow and colour keys beside the map of a region."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from psm.cartography.style import DIM, INK, PAPER
from psm.cartography.window import Window


def round_length(longest_m: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is not longer, in metres."""
    power = 10.0 ** np.floor(np.log10(longest_m) + 1e-12)
    return float(max(n * power for n in (1.0, 2.0, 5.0) if n * power <= longest_m * (1.0 + 1e-9)))


def scale_bar(
    figure: Figure,
    window: Window,
    *,
    inches_per_unit: float,
    left_in: float,
    bottom_in: float,
    longest_in: float,
) -> float:
    """Draw a bar whose length is true at the centre of the map; returns that length in metres.

    Args:
        figure: where.
        window: what the map shows.
        inches_per_unit: of x, on the map.
        left_in, bottom_in: corner of the bar.
        longest_in: the room for it.
    """
    metres_per_inch = window.metres_per_unit / inches_per_unit
    length_m = round_length(longest_in * metres_per_inch)
    width_in = length_m / metres_per_inch
    axes = _inches(figure, left_in, bottom_in, width_in, 0.06)
    for part in range(2):
        axes.add_patch(
            Rectangle(
                (part / 2.0, 0.0),
                0.5,
                1.0,
                facecolor=INK if part == 0 else PAPER,
                edgecolor=INK,
                linewidth=0.7,
                clip_on=False,
            )
        )
    unit, size = ("km", 1000.0) if length_m >= 1000.0 else ("m", 1.0)
    for share in (0.0, 0.5, 1.0):
        words = f"{share * length_m / size:g}" + (f" {unit}" if share == 1.0 else "")
        axes.annotate(
            words,
            (share, 1.0),
            (0.0, 3.0),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7.0,
            color=INK,
        )
    return length_m


def north_arrow(
    figure: Figure, north_deg: float, *, centre_in: tuple[float, float], size_in: float
) -> None:
    """Draw an arrow to true north, ``north_deg`` clockwise from up."""
    x, y = centre_in
    axes = _inches(figure, x - size_in / 2.0, y - size_in / 2.0, size_in, size_in)
    axes.set(xlim=(-1.0, 1.0), ylim=(-1.0, 1.0))
    angle = np.radians(north_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for side, colour in ((-1.0, INK), (1.0, PAPER)):
        corners = np.array([(0.0, 0.62), (0.34 * side, -0.8), (0.0, -0.5)]) @ turn.T
        axes.add_patch(
            Polygon(corners, facecolor=colour, edgecolor=INK, linewidth=0.7, clip_on=False)
        )
    tip = turn @ np.array([0.0, 0.98])
    axes.text(
        float(tip[0]),
        float(tip[1]),
        "N",
        ha="center",
        va="center",
        fontsize=8.0,
        color=INK,
        weight="bold",
    )


def key(
    figure: Figure,
    colour: str,
    words: str,
    *,
    left_in: float,
    bottom_in: float,
    is_hatched: bool = False,
) -> None:
    """A small field of a colour, hatched or not, and what it means."""
    axes = _inches(figure, left_in, bottom_in, 0.22, 0.15)
    field = Rectangle((0.0, 0.0), 1.0, 1.0, facecolor=colour, edgecolor=DIM, linewidth=0.4)
    if is_hatched:
        field.set(hatch="//////", edgecolor=INK)
    axes.add_patch(field)
    axes.annotate(
        words,
        (1.0, 0.5),
        (4.0, 0.0),
        textcoords="offset points",
        va="center",
        fontsize=7.5,
        color=DIM,
    )


def _inches(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    across, up = figure.get_size_inches()
    axes = figure.add_axes((left / across, bottom / up, width / across, height / up))
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    axes.axis("off")
    return axes
