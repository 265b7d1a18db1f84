"""The look of every map: colours, coastlines, legend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, ScalarFormatter, StrMethodFormatter

from psm.errors import ConfigError
from psm.mapping.canvas import NORTH, SOUTH, Canvas
from psm.mapping.coastlines import projected_coastlines, projected_lakes, projected_land
from psm.mapping.moment import Moment
from psm.mapping.night import night_side
from psm.mapping.projection import frame, project

PAPER, INK, DIM = "#ffffff", "#1c2430", "#6b7683"
NIGHT = "#cdd6df"
SEA, NO_DATA, GRATICULE, COAST = "#eaeff3", "#d5dadf", "#dbe2e8", "#3a4552"

_EMPTY = Path(np.zeros((0, 2)))


def _part(name: str, low: float, high: float) -> Colormap:
    # The ends of these maps are black and white, which the coastlines and the sea need.
    return ListedColormap(mpl.colormaps[name](np.linspace(low, high, 256)), name=f"{name}-part")


PROBABILITY_COLOURS = _part("magma_r", 0.02, 0.92)
UNCERTAINTY_COLOURS = _part("bone_r", 0.05, 0.80)


@contextmanager
def style() -> Iterator[None]:
    """The figure settings of maps, whatever the user's own are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {"font.family": "DejaVu Sans", "text.color": INK, "text.parse_math": False}
        )
        yield


class World:
    """A world drawn into ``axes``, whose values and night side may be changed afterwards.

    Attributes:
        image: the values, cut at the coast.
        layers: what changes from one moment to the next and what lies above that, in the order of
            drawing.
    """

    def __init__(
        self,
        axes: Axes,
        canvas: Canvas,
        colours: Colormap,
        value_range: tuple[float, float],
        *,
        coast_pt: float = 0.3,
    ) -> None:
        self._canvas = canvas
        left, right, bottom, top = canvas.extent
        axes.set(xlim=(left - 0.02, right + 0.02), ylim=(bottom - 0.02, top + 0.02), aspect="equal")
        axes.axis("off")
        edge = Path(frame(south=SOUTH, north=NORTH))
        land, lakes = _area(projected_land()), _area(projected_lakes())
        self.image = axes.imshow(
            np.zeros((1, 1)),
            extent=canvas.extent,
            cmap=colours,
            vmin=value_range[0],
            vmax=value_range[1],
            interpolation="none",
        )
        self.image.set_clip_path(land, axes.transData)
        self._night = PathPatch(_EMPTY, facecolor=NIGHT, edgecolor="none")
        self._dusk = PathPatch(_EMPTY, facecolor="none", edgecolor=COAST, linewidth=0.7, alpha=0.6)
        self._dusk.set_linestyle((0, (4, 3)))
        still: tuple[Artist, ...] = (
            PathPatch(edge, facecolor=SEA, edgecolor="none"),
            LineCollection(_graticule(), colors=GRATICULE, linewidths=0.5),
        )
        self.layers: tuple[Artist, ...] = (
            self._night,
            PathPatch(land, facecolor=NO_DATA, edgecolor="none"),
            self.image,
            PathPatch(lakes, facecolor=SEA, edgecolor="none"),
            LineCollection(projected_coastlines(), colors=COAST, linewidths=coast_pt),
            self._dusk,
        )
        for order, artist in enumerate((*still, *self.layers)):
            artist.set_zorder(order)
            if artist is not self.image:
                # add_patch and add_collection would spend seconds on limits that are already set.
                axes.add_artist(artist)
                artist.set_clip_path(edge, axes.transData)

    def show(self, values: Float[np.ndarray, "rows columns"], moment: Moment) -> None:
        """Put values on the land and, at a UTC instant, night on the sea."""
        self.image.set_data(self._canvas.image(values))
        night = night_side(moment)
        self._night.set_path(_EMPTY if night is None else Path(night.outline))
        self._dusk.set_path(_EMPTY if night is None else Path(night.terminator))


def _area(rings: tuple[np.ndarray, ...]) -> Path:
    return Path.make_compound_path(*(Path(ring) for ring in rings))


def fit_text(text: Text, *, room: float, smallest_pt: float) -> None:
    """Shrink a text until it takes at most ``room`` of the figure's width; then shorten it."""
    figure = text.get_figure()
    assert isinstance(figure, Figure)
    room_px = room * figure.bbox.width
    width_px = text.get_window_extent().width
    if width_px <= room_px:
        return
    size_pt = max(smallest_pt, float(text.get_fontsize()) * room_px / width_px)
    text.set_fontsize(size_pt)
    width_px = text.get_window_extent().width
    if width_px > room_px * 1.02:
        words = text.get_text()
        text.set_text(words[: int(len(words) * room_px / width_px) - 1].rstrip() + "…")


def colour_bar(axes: Axes, image: AxesImage, label: str, *, small: bool = False) -> None:
    """A horizontal colour bar in ``axes`` with its label below."""
    size = 7.0 if small else 9.0
    bar = axes.figure.colorbar(image, cax=axes, orientation="horizontal", extend="both")
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=size, color=INK, labelpad=3)
    bar.locator = MaxNLocator(4 if small else 6)
    tiny = abs(image.get_clim()[1]) < 1e-3
    bar.formatter = StrMethodFormatter("{x:.1e}") if tiny else ScalarFormatter(useOffset=False)
    bar.ax.tick_params(labelsize=size - 1.0, colors=DIM, length=2, width=0.5)


def colour_range(
    value_range: tuple[float, float] | None,
    *rasters: Float[np.ndarray, "rows columns"],
    share: float = 0.02,
) -> tuple[float, float]:
    """The range asked for, or :func:`robust_range` of what is drawn.

    Raises:
        ConfigError: the range asked for is none.
    """
    if value_range is None:
        return robust_range(*rasters, share=share)
    low, high = value_range
    if not low < high:
        raise ConfigError(f"colour range {low:g} to {high:g}: the first must be the smaller one")
    return low, high


def robust_range(
    *rasters: Float[np.ndarray, "rows columns"], share: float = 0.02
) -> tuple[float, float]:
    """Values between which all but ``share`` of the area at either end lies."""
    values = np.stack(rasters)
    lat = 90.0 - (np.arange(values.shape[1]) + 0.5) * 180.0 / values.shape[1]
    area = np.broadcast_to(np.cos(np.radians(lat))[:, None], values.shape)
    known = np.isfinite(values)
    low, high = np.quantile(
        values[known].astype(np.float64),
        [share, 1.0 - share],
        weights=area[known],
        method="inverted_cdf",
    )
    if high - low < 1e-9:  # a flat map still needs two ends
        low, high = low - 5e-10, high + 5e-10
    return float(low), float(high)


def _graticule() -> list[np.ndarray]:
    side = np.linspace(-180.0, 180.0, 181)
    tall = np.linspace(SOUTH, NORTH, 73)
    parallels = [project(lat=lat, lon_from_centre=side) for lat in range(-30, 84, 30)]
    meridians = [project(lat=tall, lon_from_centre=lon) for lon in range(-150, 151, 30)]
    return [np.stack(line, -1) for line in (*parallels, *meridians)]
