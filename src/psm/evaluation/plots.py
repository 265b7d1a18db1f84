"""Figures of an evaluation: retrieval against what is attainable, and maps against the truth.

Each function returns a matplotlib figure; ``figure.savefig(path)`` chooses the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import PercentFormatter

from psm.cartography.style import DIM, INK, figure_style
from psm.evaluation.mapreport import MapReport
from psm.evaluation.oracles import DIRECTIONS, SOURCE_TAG
from psm.evaluation.reliability import Reliability, RiskCoverage
from psm.evaluation.retrieval import ORACLE_OF, QUERIES
from psm.evaluation.retrievalreport import RetrievalReport, RetrievalRow

FAINT, TRACK = "#dbe2e8", "#e7ecf0"
MODELS = ("#b5367a", "#2b7a9e", "#d98b2b", "#5d8a3a")
_DPI = 160
_HALO = [Stroke(linewidth=2.0, foreground="white"), Normal()]


@contextmanager
def chart_style() -> Iterator[None]:
    """The figure settings of charts: those of maps, and open axes with a faint grid."""
    with figure_style():
        mpl.rcParams.update({
            "font.size": 9.0,
            "axes.edgecolor": DIM,
            "axes.labelcolor": INK,
            "axes.titlesize": 10.0,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "xtick.color": DIM,
            "ytick.color": DIM,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "grid.color": FAINT,
            "grid.linewidth": 0.6,
            "legend.frameon": False,
        })  # fmt: skip
        yield


def plot_retrieval(reports: Sequence[RetrievalReport], *, restriction: str = "all") -> Figure:
    """R@10% of each kind of query with its interval, between chance and the fitting oracle.

    Args:
        reports: one a model, all on the same corpus.
        restriction: ``all`` or ``same_source``.
    """
    rows = [row for report in reports for row in report.rows if row.restriction == restriction]
    queries = [query for query in QUERIES if any(row.query == query for row in rows)]
    models = list(dict.fromkeys(row.model for row in rows))
    with chart_style():
        figure = Figure(figsize=(9.6, 1.7 + 0.62 * len(queries)), dpi=_DPI, layout="constrained")
        panels = figure.subplots(1, len(DIRECTIONS), sharex=True, sharey=True)
        for axes, direction in zip(panels, DIRECTIONS, strict=True):
            references = {
                row.query: row.r_at_10pct
                for row in reports[0].reference
                if (row.direction, row.restriction) == (direction, restriction)
            }
            _retrieval_panel(
                axes, [r for r in rows if r.direction == direction], queries, models, references
            )
            axes.set_title(direction.replace("_", " "))
        panels[0].set_yticks(
            range(len(queries)), [query.replace(" without", "\nwithout") for query in queries]
        )
        panels[0].set_ylim(len(queries) - 0.45, -0.6)
        figure.legend(
            handles=_retrieval_legend(models, restriction), loc="outside lower center", ncols=6,
            fontsize=8, handlelength=1.6, columnspacing=1.4,
        )  # fmt: skip
    return figure


def _retrieval_panel(
    axes: Axes,
    rows: Sequence[RetrievalRow],
    queries: Sequence[str],
    models: Sequence[str],
    references: Mapping[str, float | None],
) -> None:
    chance = references["none"]
    axes.grid(axis="x")
    if chance is not None:
        axes.axvline(chance, color=DIM, lw=1.0, ls=(0, (4, 3)))
    tag = references.get(SOURCE_TAG)
    if tag is not None and chance is not None and tag > chance + 1e-6:
        axes.axvline(tag, color=DIM, lw=1.0, ls=(0, (1, 2)))
    for y, query in enumerate(queries):
        oracle = references.get(ORACLE_OF.get(query, ""))
        if oracle is not None and chance is not None:
            axes.barh(y, oracle - chance, left=chance, height=0.56, color=TRACK)
            axes.plot([oracle] * 2, [y - 0.28, y + 0.28], color=INK, lw=1.4, solid_capstyle="butt")
    spread = np.linspace(-0.14, 0.14, len(models)) if len(models) > 1 else np.zeros(1)
    for row in rows:
        index = models.index(row.model)
        y, colour = queries.index(row.query) + spread[index], MODELS[index % len(MODELS)]
        if row.r_at_10pct is None or row.too_few is not None:
            told = f"too few recordings ({row.too_few})"
            axes.text(0.02, y, told, va="center", fontsize=7.5, color=colour)
            continue
        if row.ci95:
            axes.plot(row.ci95, [y, y], color=colour, lw=2.2, alpha=0.55, solid_capstyle="round")
        axes.plot(row.r_at_10pct, y, "o", color=colour, ms=5.5, mec="white", mew=0.7)
        axes.annotate(
            f"{row.r_at_10pct:.2f}", (max(row.ci95 or (row.r_at_10pct,)), y), (5, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=colour, path_effects=_HALO,
        )  # fmt: skip
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel("R@10%")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _retrieval_legend(models: Sequence[str], restriction: str) -> list[Line2D]:
    handles = [
        Line2D([], [], color=MODELS[index % len(MODELS)], marker="o", ms=5, lw=2, label=model)
        for index, model in enumerate(models)
    ]
    handles += [
        Line2D([], [], color=DIM, lw=1, ls=(0, (4, 3)), label="chance"),
        Line2D(
            [], [], color=INK, lw=0, marker="|", ms=9, mew=1.4, label="oracle that knows as much"
        ),
    ]
    if restriction == "all":
        handles.append(Line2D([], [], color=DIM, lw=1, ls=(0, (1, 2)), label="source tag alone"))
    return handles


def plot_reliability(report: MapReport) -> Figure:
    """True against predicted probability, and how many cells each bin holds."""
    curve = report.reliability
    filled = curve.count > 0
    edges = np.linspace(0.0, 1.0, len(curve.count) + 1)
    with chart_style():
        figure = Figure(figsize=(4.6, 5.9), dpi=_DPI, layout="constrained")
        main, below = figure.subplots(2, 1, height_ratios=(4, 1))
        main.grid()
        main.plot([0, 1], [0, 1], color=DIM, lw=1.0, ls=(0, (4, 3)), label="perfect")
        main.vlines(
            curve.predicted[filled], curve.predicted[filled], curve.truth[filled],
            color=MODELS[0], alpha=0.25, lw=4,
        )  # fmt: skip
        main.plot(
            curve.predicted[filled], curve.truth[filled], "o-", color=MODELS[0], ms=4.5, lw=1.6,
            mec="white", mew=0.6, label=report.model,
        )  # fmt: skip
        main.set(ylabel="true probability", xlim=(0, 1), ylim=(0, 1), box_aspect=1.0)
        main.set_title("Is the match probability a probability?")
        main.legend(loc="upper left")
        main.text(
            0.97, 0.05, f"ECE {curve.ece:.3f}\nskill {curve.skill:.2f}", ha="right", fontsize=12,
            transform=main.transAxes, weight="bold", color=MODELS[0],
        )  # fmt: skip
        share = curve.count / curve.count.sum()
        below.bar(edges[:-1], share, width=np.diff(edges), align="edge", color=MODELS[0], alpha=0.5)
        below.set(
            xlim=(0, 1),
            xlabel="match probability",
            ylabel="share of cells",
            ylim=(0, None),
            box_aspect=0.22,
        )
        below.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def plot_sound_reliability(report: MapReport) -> Figure:
    """Reliability of every sound, calibrated where the maps are, with the mean drawn and true."""
    judged = report.calibrated or report
    found, learnt = judged.by_sound, report.by_sound
    if found is None or learnt is None:
        raise ValueError("the report has no calibration of single sounds")
    columns = 7
    rows = -(-len(found.sounds) // columns)
    with chart_style():
        figure = Figure(figsize=(1.55 * columns, 1.8 * rows + 0.7), dpi=_DPI, layout="constrained")
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in panels.flat[len(found.sounds) :]:
            axes.set_visible(False)
        order = np.argsort(-np.array(found.mean_true), kind="stable")
        for axes, sound in zip(panels.flat, order, strict=False):
            axes.plot([0, 1], [0, 1], color=DIM, lw=0.8, ls=(0, (4, 3)))
            if judged is not report:
                _sound_curve(axes, learnt.curves[sound], DIM, 1.0)
            _sound_curve(axes, found.curves[sound], MODELS[0], 1.5)
            drawn, true = found.mean_drawn[sound], found.mean_true[sound]
            axes.plot([drawn], [true], "D", color=INK, ms=4.5, mec="white", mew=0.7, zorder=4)
            axes.set(xlim=(0, 0.75), ylim=(0, 0.75), box_aspect=1.0)
            axes.set(xticks=(0.0, 0.5), yticks=(0.0, 0.5))
            axes.set_title(found.sounds[sound], fontsize=8, pad=14)
            axes.text(
                0.0, 1.03, f"{drawn:.3f} for {true:.3f}, ECE {found.curves[sound].ece:.3f}",
                fontsize=6.5, transform=axes.transAxes,
            )  # fmt: skip
        figure.supxlabel("match probability", fontsize=9)
        figure.supylabel("true probability", fontsize=9)
        figure.suptitle(_sound_title(judged, is_calibrated=judged is not report), x=0.01, ha="left")
    return figure


def _sound_curve(axes: Axes, curve: Reliability, colour: str, width: float) -> None:
    """A curve with points as large as their share of the cells."""
    filled = curve.count > 0
    share = curve.count[filled] / curve.count.sum()
    x, y = curve.predicted[filled], curve.truth[filled]
    axes.plot(x, y, color=colour, lw=width)
    axes.scatter(x, y, s=4.0 + 36.0 * np.sqrt(share), color=colour, lw=0, alpha=0.75)


def _sound_title(report: MapReport, *, is_calibrated: bool) -> str:
    found = report.by_sound
    assert found is not None
    kind = "calibrated, grey as learnt" if is_calibrated else "as learnt"
    return (
        f"Is it a probability for every sound? {report.model}, {kind}; diamonds: means, drawn for "
        f"true\nvariance explained {found.skill:.2f}, median ECE of a sound "
        f"{found.median_ece:.4f}, a sound's mean off by {found.mean_error:.4f}"
    )


def plot_risk_coverage(report: MapReport) -> Figure:
    """Mean error of the cells kept when the least certain ones are left out."""
    with chart_style():
        figure = Figure(figsize=(8.8, 3.9), dpi=_DPI, layout="constrained")
        panels = figure.subplots(1, 2)
        for axes, curves, title in (
            (panels[0], report.risk, "error of the probability"),
            (panels[1], report.rank_risk, "error of the rank within the sound"),
        ):
            _risk_panel(axes, curves)
            axes.set_title(title[0].upper() + title[1:])
        panels[0].set_ylabel("mean absolute error")
        figure.suptitle(
            "Does the uncertainty know where the map is wrong?", x=0.01, ha="left", weight="bold"
        )
    return figure


def _risk_panel(axes: Axes, curves: Mapping[str, RiskCoverage]) -> None:
    first = next(iter(curves.values()))
    axes.grid()
    axes.axhline(first.random, color=DIM, lw=1.0, ls=(0, (4, 3)), label="random order")
    for (name, curve), colour in zip(curves.items(), MODELS, strict=False):
        label = f"by {name}: gain {curve.gain:+.0%}"
        axes.plot(curve.coverage, curve.risk, color=colour, lw=1.8, label=label)
    axes.plot(first.coverage, first.oracle, color=INK, lw=1.2, label="by the error itself")
    axes.set(xlim=(0, 1), ylim=(0, None), xlabel="share of cells kept")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(loc="best", fontsize=7.5)


def plot_sounds(report: MapReport) -> Figure:
    """Spearman and AUC of every sound, best first, with the medians."""
    order = sorted(report.sounds, key=lambda score: -np.nan_to_num(score.spearman, nan=-2.0))
    with chart_style():
        height = 1.3 + 0.21 * len(order)
        figure = Figure(figsize=(8.4, height), dpi=_DPI, layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, measure, title, chance, colour in (
            (panels[0], "spearman", "Spearman with the true probability", 0.0, MODELS[0]),
            (
                panels[1],
                "auc",
                f"AUC of cells with probability ≥ {report.likely:g}",
                0.5,
                MODELS[1],
            ),
        ):
            values = np.array([getattr(score, measure) for score in order], float)
            drawn = np.nan_to_num(values, nan=chance)
            axes.grid(axis="x")
            axes.barh(
                range(len(order)),
                drawn - chance,
                left=chance,
                height=0.68,
                color=colour,
                alpha=0.85,
            )
            axes.axvline(chance, color=INK, lw=0.9)
            median = report.median(measure)
            if median is not None:
                axes.axvline(median, color=INK, lw=1.0, ls=(0, (4, 3)))
                axes.annotate(
                    f"median {median:.2f}", (median, len(order) - 0.4), (4, 0),
                    textcoords="offset points", fontsize=7.5, va="top", annotation_clip=False,
                )  # fmt: skip
            low = min(chance, float(np.min(drawn)) - 0.02)
            axes.set(title=title, xlim=(low, 1.0))
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
        panels[0].set_yticks(range(len(order)), [score.sound for score in order], fontsize=8)
        panels[0].set_ylim(len(order) + 0.3, -0.6)
        figure.suptitle(f"Maps against the truth: {report.model}", x=0.01, ha="left", weight="bold")
    return figure
