"""Map of a region in its own projection: cells among coasts, rivers and borders."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.patheffects import withStroke

from psm.cartography.night import Night
from psm.cartography.style import COAST, DIM, NO_DATA, PAPER, RIVER, SEA
from psm.cartography.vectorlayers import geography
from psm.cartography.window import Window
from psm.geodata.frame import Frame


class RegionMap:
    """A region drawn into ``axes``; see :class:`psm.cartography.mapdrawing.Drawing`.

    Cells are drawn as they are, unless there are more of them than pixels: then each pixel is the
    mean of its cells.
    """

    def __init__(
        self,
        axes: Axes,
        frame: Frame,
        window: Window,
        colours: Colormap,
        value_range: tuple[float, float],
        *,
        width_px: int,
        coast_pt: float = 0.3,
        is_plain: bool = False,
    ) -> None:
        self._shape = frame.shape
        # An image of half as many cells as pixels would lose every other one.
        self._every = max(1, int(np.ceil(frame.shape[1] / max(width_px, 1))))
        left, _, _, top = frame.bounds
        across, down = (-(-side // self._every) * self._every for side in frame.shape[::-1])
        extent = (
            left,
            left + across * frame.transform.a,
            top + down * frame.transform.e,
            top,
        )
        self.image = axes.imshow(
            np.zeros((1, 1)),
            extent=extent,
            cmap=colours,
            vmin=value_range[0],
            vmax=value_range[1],
            interpolation="none",
        )
        axes.set(
            xlim=(window.left, window.right),
            ylim=(window.bottom, window.top),
            aspect=window.aspect,
        )
        axes.axis("off")
        around = geography(window)
        below: list[Artist] = [_sheet(window, NO_DATA)]
        above: list[Artist] = []
        if around is not None:
            below = [_sheet(window, PAPER if around.earth else SEA)]
            if around.earth:
                below.append(PathPatch(around.earth, facecolor=SEA, edgecolor="none"))
            below.append(PathPatch(around.land, facecolor=NO_DATA, edgecolor="none"))
            below.append(PathPatch(around.lakes, facecolor=SEA, edgecolor="none"))
            halo = [withStroke(linewidth=2.2 * coast_pt + 0.9, foreground=PAPER, alpha=0.4)]
            shores = LineCollection(
                around.shores, colors=COAST, linewidths=2.2 * coast_pt, path_effects=halo
            )
            lines = [
                LineCollection(around.rivers, colors=RIVER, linewidths=2.2 * coast_pt),
                LineCollection(
                    around.borders,
                    colors=COAST,
                    linewidths=2.2 * coast_pt,
                    linestyles=(0, (6.0, 2.0, 1.5, 2.0)),
                ),
            ]
            above = [shores] if is_plain else [*lines, shores]
        if window != Window(frame.crs, *frame.bounds):
            above.append(_outline(frame))
        if around is not None and around.earth:
            above.append(PathPatch(around.earth, facecolor="none", edgecolor=DIM, linewidth=0.6))
        else:
            above.append(_sheet(window, "none", edge=DIM))
        self.layers: tuple[Artist, ...] = (self.image, *above)
        for order, artist in enumerate((*below, *self.layers)):
            artist.set_zorder(order)
            if artist is not self.image:
                axes.add_artist(artist)

    def pixels(
        self, values: Float[np.ndarray, "rows columns"]
    ) -> Float[np.ndarray, "height width"]:
        """Values at the pixels of the image, masked outside of the data."""
        n = self._every
        if n == 1:
            return np.ma.masked_invalid(values)
        rows, columns = self._shape
        padded = np.pad(values, ((0, -rows % n), (0, -columns % n)), constant_values=np.nan)
        blocks = padded.reshape(padded.shape[0] // n, n, padded.shape[1] // n, n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # blocks without data are expected
            return np.ma.masked_invalid(np.nanmean(blocks, axis=(1, 3)))

    def show(
        self,
        values: Float[np.ndarray, "rows columns"],
        night: Night | None = None,  # noqa: ARG002
    ) -> None:
        """Put values on the map; a region is small enough to have day or night as a whole."""
        self.image.set_data(self.pixels(values))


def _outline(frame: Frame) -> Rectangle:
    left, bottom, right, top = frame.bounds
    size = (right - left, top - bottom)
    return Rectangle((left, bottom), *size, facecolor="none", edgecolor=COAST, linewidth=0.5)


def _sheet(window: Window, colour: str, edge: str = "none") -> Rectangle:
    return Rectangle(
        (window.left, window.bottom),
        window.width,
        window.height,
        facecolor=colour,
        edgecolor=edge,
        linewidth=0.6,
        clip_on=False,
    )
