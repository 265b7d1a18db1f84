"""Pictures of a comparison: predicted against measured, where the errors lie, their variogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from rasterio.transform import Affine
from shapely import MultiPoint

from psm.cartography.equalearth import from_centre, project
from psm.cartography.mapdrawing import draw_map
from psm.cartography.style import COLOURS, DIM, INK, colour_bar, fit_text
from psm.cartography.window import Window
from psm.evaluation.against.comparing import Comparison
from psm.evaluation.against.scores import is_binary
from psm.evaluation.plots import MODELS, chart_style
from psm.evaluation.reliability import Reliability
from psm.geodata.frame import Frame
from psm.mapping.region.projections import best_system

_DPI = 160
_FEW = 400  # points: their intervals can be told apart
_WORLD_KM = 5000.0  # across: beyond, the whole world is drawn
_MARGIN = 0.06


def draw_scatter(found: Comparison) -> Figure:
    """What is predicted against what was measured, and beside it the reliability, where it has one.

    Args:
        found: the comparison.

    Returns:
        The figure.
    """
    curve = found.scores.reliability
    panels = 1 if curve is None else 2
    with chart_style():
        figure = Figure(figsize=(4.9 * panels, 4.4), dpi=_DPI, layout="constrained")
        axes = np.atleast_1d(figure.subplots(1, panels))
        if is_binary(found.truth.value):
            _by_class(axes[0], found)
        else:
            _cloud(axes[0], found)
        if curve is not None:
            _reliability(axes[1], curve)
        _titled(figure, f"{found.prediction.name} against {found.truth.name}")
    return figure


def draw_variogram(found: Comparison) -> Figure:
    """Semivariance of the errors by distance, with the fitted model.

    Args:
        found: the comparison.

    Returns:
        The figure.
    """
    spread = found.variogram
    with chart_style():
        figure = Figure(figsize=(6.0, 3.4), dpi=_DPI, layout="constrained")
        axes = figure.subplots()
        axes.grid()
        size = 10.0 + 60.0 * spread.pairs / max(1, spread.pairs.max(initial=0))
        axes.scatter(spread.distance_km, spread.semivariance, s=size, color=MODELS[1], zorder=3,
                     label="pairs of points, larger where there are more")  # fmt: skip
        if np.isfinite(spread.sill):
            at = np.linspace(0.0, spread.distance_km.max(), 200)
            axes.plot(at, spread.model(at), color=MODELS[0], lw=1.6,
                      label="exponential model")  # fmt: skip
            if 0.0 < spread.range_km < spread.distance_km.max():
                axes.axvline(spread.range_km, color=DIM, lw=1.0, ls=(0, (4, 3)),
                             label=f"range {spread.range_km:,.0f} km")  # fmt: skip
        axes.set(xlabel="distance, km", ylabel="semivariance of the errors", xlim=(0.0, None),
                 ylim=(0.0, None))  # fmt: skip
        axes.legend(fontsize=8, loc="lower right")
        _titled(figure, spread.words[0].upper() + spread.words[1:])
    return figure


def draw_residuals(found: Comparison) -> Figure:
    """Where a map says too much and where too little.

    Args:
        found: the comparison.

    Returns:
        The figure.
    """
    points, error = found.truth.points, found.error
    reach = float(np.quantile(np.abs(error), 0.98)) or float(np.abs(error).max()) or 1.0
    with chart_style():
        frame = _frame(points.lat, points.lon)
        shape = 0.455 if frame.is_globe else Window.of(frame).shape
        width = 8.0 if shape < 0.8 else 6.0
        figure = Figure(figsize=(width, width * shape + 1.1), dpi=_DPI)
        bottom, top = 0.78 / (width * shape + 1.1), 1.0 - 0.32 / (width * shape + 1.1)
        axes = figure.add_axes((0.02, bottom, 0.96, top - bottom))
        drawing = draw_map(
            axes, frame, COLOURS["purple-orange"], (-reach, reach),
            has_data=np.ones(frame.shape, bool), width_px=round(width * _DPI),
        )  # fmt: skip
        drawing.show(np.full(frame.shape, np.nan, np.float32))
        if frame.is_globe:
            x, y = project(lat=points.lat, lon_from_centre=from_centre(points.lon))
        else:
            x, y = Window.of(frame).project(points.lon, points.lat)
        # The largest errors last, so that none is hidden.
        order = np.argsort(np.abs(error), kind="stable")
        drawn = axes.scatter(
            x[order], y[order], c=error[order], cmap=COLOURS["purple-orange"], vmin=-reach,
            vmax=reach, s=float(np.clip(9000.0 / len(error), 3.0, 30.0)), edgecolors=INK,
            linewidths=0.2, zorder=30,
        )  # fmt: skip
        bar = figure.add_axes((0.2, 0.46 / (width * shape + 1.1), 0.6, 0.1 / (width * shape + 1.1)))
        unit = "" if found.is_same_scale else " in rank, as part of all points"
        colour_bar(bar, drawn, f"predicted − measured{unit}")
        _titled(figure, f"Errors of {found.prediction.name}")
    return figure


def _cloud(axes: Axes, found: Comparison) -> None:
    truth, predicted = found.truth.value, found.prediction.value
    axes.grid()
    few = len(truth) <= _FEW
    if few and found.prediction.interval is not None and found.is_same_scale:
        low, high = found.prediction.interval
        axes.vlines(truth, low, high, color=MODELS[1], alpha=0.25, lw=1.0)
    axes.scatter(truth, predicted, s=14 if few else 5, alpha=0.7 if few else 0.3, color=MODELS[1],
                 edgecolors="none", rasterized=True)  # fmt: skip
    if found.is_same_scale:
        ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
        axes.plot(ends, ends, color=DIM, lw=1.0, ls=(0, (4, 3)))
    axes.set(xlabel=f"measured: {found.truth.name}"[:60], ylabel="predicted")
    _say(axes, _told(found))


def _by_class(axes: Axes, found: Comparison) -> None:
    """How predictions are spread where the truth is 0 and where it is 1."""
    truth, predicted = found.truth.value > 0.5, found.prediction.value
    edges = np.linspace(predicted.min(), max(predicted.max(), predicted.min() + 1e-9), 31)
    axes.grid(axis="y")
    for is_one, colour in ((False, MODELS[1]), (True, MODELS[0])):
        part = predicted[truth == is_one]
        weights = np.full(len(part), 1.0 / max(1, len(part)))
        axes.hist(
            part, edges.tolist(), weights=weights, histtype="stepfilled", alpha=0.3, color=colour
        )
        axes.hist(part, edges.tolist(), weights=weights, histtype="step", color=colour, lw=1.4)
    axes.set(xlabel="predicted", ylabel="share of the points of a class")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    handles = [
        Line2D([], [], color=colour, lw=3, label=f"measured {name}: {count:,} points")
        for colour, name, count in (
            (MODELS[0], 1, int(truth.sum())), (MODELS[1], 0, int((~truth).sum())),
        )
    ]  # fmt: skip
    axes.legend(handles=handles, fontsize=8, loc="upper right")
    _say(axes, _told(found), y=0.7, ha="right")


def _reliability(axes: Axes, curve: Reliability) -> None:
    filled = curve.count > 0
    size = 12.0 + 90.0 * np.sqrt(curve.count[filled] / curve.count.max())
    axes.grid()
    top = 1.05 * float(max(curve.predicted[filled].max(), curve.truth[filled].max()))
    axes.plot([0, top], [0, top], color=DIM, lw=1.0, ls=(0, (4, 3)))
    axes.plot(curve.predicted[filled], curve.truth[filled], color=MODELS[0], lw=1.4)
    axes.scatter(curve.predicted[filled], curve.truth[filled], s=size, color=MODELS[0], zorder=3,
                 edgecolors="white", linewidths=0.6)  # fmt: skip
    axes.set(xlim=(0.0, top), ylim=(0.0, top), xlabel="predicted, in ten bins",
             ylabel="mean of what was measured")  # fmt: skip
    _say(axes, [f"ECE {curve.ece:.3f}"], y=0.05, x=0.97, ha="right", va="bottom")


def _told(found: Comparison) -> list[str]:
    names = {"spearman": "Spearman", "r2": "R²", "auc": "AUC"}
    return [
        f"{words} {found.scores.of[name].value:.2f}"
        for name, words in names.items()
        if name in found.scores.of and np.isfinite(found.scores.of[name].value)
    ]


def _say(
    axes: Axes, lines: Sequence[str], *, x: float | None = None, y: float = 0.97, ha: str = "left",
    va: str = "top",
) -> None:  # fmt: skip
    at = (0.97 if ha == "right" else 0.03) if x is None else x
    axes.text(at, y, "\n".join(lines), ha=ha, va=va, fontsize=10, weight="bold", color=INK,
              transform=axes.transAxes)  # fmt: skip


def _titled(figure: Figure, words: str) -> None:
    text = figure.suptitle(words, x=0.02, ha="left", fontsize=10, weight="bold")
    fit_text(text, room=0.96, smallest_pt=7.0)


def _frame(lat: np.ndarray, lon: np.ndarray) -> Frame:
    """A raster around points, of which nothing but its place is drawn."""
    around = MultiPoint(np.stack([lon, lat], axis=1))
    west, south, east, north = around.bounds
    if (north - south) * 111.0 > _WORLD_KM or (east - west) * 111.0 > _WORLD_KM:
        return Frame.globe(2.0)
    crs = best_system(around.convex_hull).crs
    x, y = Window(crs, 0.0, 0.0, 1.0, 1.0).project(lon, lat)
    side = max(np.ptp(x), np.ptp(y), 2000.0) * (1.0 + 2.0 * _MARGIN)
    width, height = (max(float(np.ptp(ax)) * (1.0 + 2.0 * _MARGIN), 0.4 * side) for ax in (x, y))
    left = float(x.max() + x.min()) / 2.0 - width / 2.0
    top = float(y.max() + y.min()) / 2.0 + height / 2.0
    step = side / 64.0
    shape = int(np.ceil(height / step)), int(np.ceil(width / step))
    return Frame(crs, Affine(step, 0.0, left, 0.0, -step, top), shape)
