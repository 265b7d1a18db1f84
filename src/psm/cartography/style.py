"""Style of every figure: colours, fonts, ranges of colours, legends, titles that fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, ScalarFormatter, StrMethodFormatter

from psm.errors import ConfigError
from psm.geodata.frame import Frame

PAPER, INK, DIM = "#ffffff", "#1c2430", "#6b7683"
NIGHT = "#cdd6df"
SEA, NO_DATA, GRATICULE, COAST = "#eaeff3", "#d5dadf", "#dbe2e8", "#3a4552"
RIVER = "#8ab4d9"

_MOST_VALUES = 4_000_000
_FLAT = 1e-9
_NARROWEST = 0.1  # part of a colour bar that has room for a word
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear red, green and blue (Rec. 709); near enough here
_PALE = 0.3  # of a colour that is left


def _part(name: str, low: float, high: float) -> Colormap:
    # The ends of these maps are black and white, which the coastlines and the sea need.
    return ListedColormap(mpl.colormaps[name](np.linspace(low, high, 256)), name=f"{name}-part")


COLOURS: dict[str, Colormap] = {
    "ember": _part("magma_r", 0.02, 0.92),
    "slate": _part("bone_r", 0.05, 0.80),
    "purple-orange": _part("PuOr_r", 0.06, 0.94),
}
"""Colour maps by name. Light to dark; purple and orange are two opposites about zero."""


def pale(colours: Colormap) -> Colormap:
    """The same colours, nearly the paper's, for what says next to nothing."""
    ink = colours(np.linspace(0.0, 1.0, 256))[:, :3]
    paper = np.array(to_rgb(PAPER))
    return ListedColormap(paper + _PALE * (ink - paper), name=f"{colours.name}-pale")


@contextmanager
def figure_style() -> Iterator[None]:
    """The figure settings of maps, whatever the user's own are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {"font.family": "DejaVu Sans", "text.color": INK, "text.parse_math": False}
        )
        yield


def new_figure(width_in: float, height_in: float, width_px: int) -> Figure:
    """An empty figure, drawn by Agg."""
    figure = Figure(figsize=(width_in, height_in), dpi=width_px / width_in, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


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


def colour_bar(
    axes: Axes,
    image: ScalarMappable,
    label: str,
    *,
    small: bool = False,
    extend: Literal["both", "max"] = "both",
) -> None:
    """A horizontal colour bar in ``axes`` with its label below.

    Args:
        axes: of the bar.
        image: whose colours.
        label: what they show.
        small: for a map beside another one.
        extend: at which ends there may be values beyond.
    """
    size = 7.0 if small else 9.0
    figure = axes.figure
    bar = figure.colorbar(image, cax=axes, orientation="horizontal", extend=extend)
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=size, color=INK, labelpad=3)
    bar.locator = MaxNLocator(4 if small else 6)
    tiny = abs(image.get_clim()[1] or 0.0) < 1e-3
    bar.formatter = StrMethodFormatter("{x:.1e}") if tiny else ScalarFormatter(useOffset=False)
    bar.ax.tick_params(labelsize=size - 1.0, colors=DIM, length=2, width=0.5)


def scale_words(
    axes: Axes, image: ScalarMappable, words: Sequence[tuple[float, str]], *, mark: float
) -> None:
    """Write into a colour bar what its colours are called, and mark one value.

    Args:
        axes: of a :func:`colour_bar`.
        image: whose colours.
        words: from which value on each holds, rising.
        mark: the value, marked by a triangle above the bar.
    """
    low, high = image.get_clim()
    assert low is not None
    assert high is not None
    starts = [max(low, value) for value, _ in words]
    ends = [min(high, start) for start in (*starts[1:], high)]
    for start, end, (_, word) in zip(starts, ends, words, strict=True):
        if end - start <= _NARROWEST * (high - low):
            continue
        middle = 0.5 * (start + end)
        is_dark = np.dot(image.to_rgba(middle)[:3], _LUMINANCE) < 0.5  # type: ignore[arg-type]  # a number gives one colour
        colour = PAPER if is_dark else INK
        axes.text(middle, 0.47, word, ha="center", va="center", fontsize=7, color=colour)
        if start > low:
            axes.axvline(start, color=colour, linewidth=0.6)
    if low <= mark <= high:
        axes.plot([mark], [1.25], "v", markersize=5, color=INK, markeredgewidth=0, clip_on=False)


def colour_range(
    value_range: tuple[float, float] | None,
    *rasters: Float[np.ndarray, "rows columns"],
    frame: Frame,
    share: float = 0.02,
    is_diverging: bool = False,
) -> tuple[float, float]:
    """The range asked for, or :func:`robust_range` of what is drawn, about zero if it diverges.

    Raises:
        ConfigError: the range asked for is none.
    """
    if value_range is None:
        low, high = robust_range(*rasters, frame=frame, share=share)
        reach = max(abs(low), abs(high))
        return (-reach, reach) if is_diverging else (low, high)
    low, high = value_range
    if not low < high:
        raise ConfigError(f"colour range {low:g} to {high:g}: the first must be the smaller one")
    return low, high


def robust_range(
    *rasters: Float[np.ndarray, "rows columns"], frame: Frame, share: float = 0.02
) -> tuple[float, float]:
    """Values between which all but ``share`` of the area at either end lies; 0 to 1 without any."""
    # Quantiles of millions of values do not change when some rows and columns are left out.
    total = len(rasters) * frame.shape[0] * frame.shape[1]
    every = max(1, int(np.sqrt(total / _MOST_VALUES)))
    values = np.stack([raster[::every, ::every] for raster in rasters])
    return ends_of(values, frame.row_km2[::every, None], share=share)


def ends_of(
    values: Float[np.ndarray, "*values"], area: Float[np.ndarray, "*area"], *, share: float = 0.02
) -> tuple[float, float]:
    """Ends of colours: all but ``share`` of the area at either end lies between them.

    Args:
        values: NaN where there is none.
        area: of each value, in any unit; it is broadcast to ``values``.
        share: of the whole area.

    Returns:
        The lower and the upper end; 0 and 1 without any value.
    """
    known = np.isfinite(values)
    if not known.any():
        return 0.0, 1.0
    low, high = np.quantile(
        values[known].astype(np.float64),
        [share, 1.0 - share],
        weights=np.broadcast_to(area, values.shape)[known],
        method="inverted_cdf",
    )
    if high - low < _FLAT:  # a flat map still needs two ends
        half = max(0.5 * _FLAT, 0.01 * abs(low))
        low, high = low - half, high + half
    return float(low), float(high)
