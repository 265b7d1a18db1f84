"""Uncertainty laid over a drawn map: hatched where the model is least sure, or paler."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb

from psm.cartography.mapdrawing import Drawing
from psm.cartography.style import COLOURS, INK, PAPER, robust_range
from psm.errors import ConfigError
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.map_data import MapData

Uncertainty = Literal["inset", "hatch", "fade", "none"]
"""How uncertainty is drawn: a small map, hatching over the least sure third, paler colours."""

_PALEST = 0.82
_MOST_RELATIVE = 3.0  # on the colour bar
_LEAST_PROBABILITY = 1e-3  # below it nothing is heard, however unsure
_LINES = 150  # hatching lines across a map


def check_uncertainty(asked: str) -> None:
    """Refuse an unknown way of drawing uncertainty.

    Raises:
        ConfigError: it is none of :data:`Uncertainty`.
    """
    if asked not in get_args(Uncertainty):
        known = ", ".join(get_args(Uncertainty))
        raise ConfigError(f"uncertainty {asked!r}: choose one of {known}")


def fade(axes: Axes, drawing: Drawing, soundscape: MapData) -> ScalarMappable:
    """Make a map paler where it is less sure; returns what a colour bar can show of that.

    Probabilities fade by their uncertainty relative to themselves: half of the way to the palest
    where it is as large as they are. In absolute terms, likely places are the least sure.
    """
    values = soundscape.values(UNCERTAINTY.name)
    if soundscape.quantity is PROBABILITY:
        values = values / np.maximum(soundscape.values(), _LEAST_PROBABILITY)
        low, high = 0.0, _MOST_RELATIVE
        shares = _relative_share(np.linspace(low, high, 256))
        share = _relative_share(drawing.pixels(values))
    else:
        low, high = robust_range(values, frame=soundscape.frame)
        shares = np.linspace(0.0, 1.0, 256)
        share = np.clip((drawing.pixels(values) - low) / (high - low), 0.0, 1.0)
    _lay_over(axes, drawing, PAPER, _PALEST * np.ma.filled(share, 0.0))
    shares = _PALEST * shares[:, None]
    colour = np.array(COLOURS[PROBABILITY.colours](0.6)[:3])
    pale = (1.0 - shares) * colour + shares * np.array(to_rgb(PAPER))
    return ScalarMappable(Normalize(low, high), ListedColormap(pale))


def _relative_share(relative: Float[np.ndarray, "*values"]) -> Float[np.ndarray, "*values"]:
    """How far on the way to the palest a relative uncertainty is; all of it at infinity."""
    return relative / (1.0 + relative)


def hatch(axes: Axes, drawing: Drawing, soundscape: MapData, width_px: int) -> float:
    """Hatch the least sure third of a map's area; returns the uncertainty above which that is."""
    values = soundscape.values(UNCERTAINTY.name)
    _, threshold = robust_range(values, frame=soundscape.frame, share=1.0 / 3.0)
    is_unsure = np.ma.filled(drawing.pixels(values) > threshold, False)
    left, right, bottom, top = drawing.image.get_extent()
    height_px = max(1, round(width_px * (top - bottom) / (right - left)))
    rows, columns = is_unsure.shape
    row, column = np.arange(height_px)[:, None], np.arange(width_px)[None, :]
    period = max(4.0, width_px / _LINES)
    # A light line beside each dark one, so that dark values show the hatching too.
    line_px, along = max(1.0, period / 7.0), (row + column) % period
    is_there = is_unsure[row * rows // height_px, column * columns // width_px]
    _lay_over(axes, drawing, INK, 0.8 * (is_there & (along < line_px)))
    _lay_over(axes, drawing, PAPER, 0.5 * (is_there & (along >= line_px) & (along < 2.0 * line_px)))
    return threshold


def _lay_over(
    axes: Axes, drawing: Drawing, colour: str, alpha: Float[np.ndarray, "height width"]
) -> None:
    pixels = np.empty((*alpha.shape, 4))
    pixels[..., :3], pixels[..., 3] = to_rgb(colour), alpha
    layer = axes.imshow(
        pixels,
        extent=drawing.image.get_extent(),
        interpolation="none",
        aspect=axes.get_aspect(),
        zorder=drawing.image.get_zorder() + 0.5,
    )
    layer.set_clip_path(drawing.image.get_clip_path())
