"""One function draws a map of any frame: for figures, sheets and films alike.

By matplotlib alone: cartopy with the same shores takes four times as long for a picture of the
globe, and redraws all of it for each frame of a film.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage

from psm.cartography.equalearth import Canvas
from psm.cartography.night import Night
from psm.cartography.regionmap import RegionMap
from psm.cartography.window import Window
from psm.cartography.worldmap import World
from psm.geodata.frame import Frame


class Drawing(Protocol):
    """A map in its axes, whose values may be changed afterwards.

    Attributes:
        image: the values.
        layers: what changes from one moment to the next and what lies above that, in the order of
            drawing.
    """

    image: AxesImage
    layers: tuple[Artist, ...]

    def pixels(
        self, values: Float[np.ndarray, "rows columns"]
    ) -> Float[np.ndarray, "height width"]:
        """Values at the pixels of the image, masked outside of the data."""
        ...

    def show(self, values: Float[np.ndarray, "rows columns"], night: Night | None = None) -> None:
        """Put values on the map and, on a globe, night on the sea."""
        ...


def draw_map(
    axes: Axes,
    frame: Frame,
    colours: Colormap,
    value_range: tuple[float, float],
    *,
    has_data: np.ndarray,
    width_px: int,
    coast_pt: float = 0.3,
    is_plain: bool = False,
) -> Drawing:
    """Draw an empty map of a frame into ``axes``.

    Args:
        axes: where; a map of a globe is some 2.1 times as wide as high, another keeps its shape.
        frame: what is mapped.
        colours, value_range: of the values.
        has_data: pixels of the frame that have a value at any time that will be shown.
        width_px: width of the axes.
        coast_pt: width of the coastlines.
        is_plain: without rivers and borders.
    """
    if frame.is_globe:
        canvas = Canvas.of(has_data, width_px)
        return World(axes, canvas, colours, value_range, coast_pt=coast_pt)
    window = Window.of(frame)
    return RegionMap(
        axes,
        frame,
        window,
        colours,
        value_range,
        width_px=width_px,
        coast_pt=coast_pt,
        is_plain=is_plain,
    )
