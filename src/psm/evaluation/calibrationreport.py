"""Report of a calibration: a table and a figure of what it gained."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from rich import box
from rich.table import Table

from psm.cartography.style import DIM
from psm.evaluation.calibrationfit import CalibrationFit
from psm.evaluation.plots import MODELS, chart_style
from psm.evaluation.reliability import Reliability

_DPI = 160


def calibration_table(fit: CalibrationFit) -> Table:
    """Every method on cells that it was not fitted to, the chosen one marked."""
    about = fit.calibration
    share = about.share
    left_out = "geographic cells" if share is None or about.task == "pairs" else "cells and sounds"
    heard = (
        ""
        if share is None
        else f"\nshares heard in {share.recordings:,} recordings, which tell as much as "
        f"{share.effective:,.0f} of equal weight"
    )
    table = Table(
        title=f"Calibration on {about.recordings:,} recordings of {about.split}: "
        f"{about.pairs:,} pairs, {about.cells:,} cells, prior {about.prior:.4f}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        padding=0,
        caption=f"p: how likely {about.meaning}\nall on {left_out} left out of the fit{heard}",
        caption_justify="left",
    )
    table.add_column("match probability", no_wrap=True)
    for name in ("ECE", "log-loss", "variance explained"):
        table.add_column(name, justify="right", no_wrap=True)
    if fit.mean_errors:
        table.add_column("a sound's mean off by", justify="right", no_wrap=True)
    for name, curve in fit.curves.items():
        is_chosen = name == about.method
        table.add_row(
            f"{name} ← chosen" if is_chosen else name,
            f"{curve.ece:.4f}",
            f"{about.log_loss[name]:.4f}",
            f"{curve.skill:.1%}",
            *([f"{fit.mean_errors[name]:.4f}"] if fit.mean_errors else []),
            style="bold" if is_chosen else "",
        )
    return table


def plot_calibration(fit: CalibrationFit) -> Figure:
    """Reliability before and after, and where the probabilities lie."""
    method = fit.calibration.method
    shown = [("raw", MODELS[1]), (method, MODELS[0])]
    with chart_style():
        figure = Figure(figsize=(8.8, 5.4), dpi=_DPI, layout="constrained")
        panels = figure.subplots(2, 2, height_ratios=(4, 1))
        for column, (name, colour) in enumerate(shown):
            curve = fit.curves[name]
            _curve(panels[0, column], curve, colour)
            panels[0, column].set_title("Before: as learnt" if name == "raw" else f"After: {name}")
            _shares(panels[1, column], curve, colour)
        panels[0, 0].set_ylabel("share of pairs that match")
        panels[1, 0].set_ylabel("share of pairs")
        figure.suptitle(
            f"Held-out cells of {fit.calibration.split}: p is how likely {fit.calibration.meaning}",
            x=0.01, ha="left", fontsize=9,
        )  # fmt: skip
    return figure


def _curve(axes: Axes, curve: Reliability, colour: str) -> None:
    filled = curve.count > 0
    predicted, truth, count = (x[filled] for x in (curve.predicted, curve.truth, curve.count))
    spread = 1.96 * np.sqrt(truth * (1.0 - truth) / count)
    axes.grid()
    axes.plot([0, 1], [0, 1], color=DIM, lw=1.0, ls=(0, (4, 3)))
    axes.vlines(predicted, truth - spread, truth + spread, color=colour, alpha=0.3, lw=3)
    axes.plot(predicted, truth, "o-", color=colour, ms=4.5, lw=1.6, mec="white", mew=0.6)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.text(
        0.97, 0.05, f"ECE {curve.ece:.4f}", ha="right", fontsize=12, weight="bold", color=colour,
        transform=axes.transAxes,
    )  # fmt: skip


def _shares(axes: Axes, curve: Reliability, colour: str) -> None:
    edges = np.linspace(0.0, 1.0, len(curve.count) + 1)
    share = curve.count / curve.count.sum()
    axes.bar(edges[:-1], share, width=np.diff(edges), align="edge", color=colour, alpha=0.5)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="match probability")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
