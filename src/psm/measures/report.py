"""Report of a fitted measure: how good it is at places left out, beside the baselines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from psm import __version__
from psm.evaluation.against import Scores
from psm.files import atomic_path
from psm.htmlpage import picture, render
from psm.measures.making import FittedMeasure
from psm.measures.predictor import LEVEL

NUMBERS_NAME, PAGE_NAME, PICTURE_NAME = "report.json", "report.html", "scatter.png"
OURS = "this measure"

_SHOWN = ("r2", "spearman", "rmse", "bias", "coverage")


def write_measure(made: FittedMeasure, folder: Path) -> list[Path]:
    """Write a measure into a folder, with ``report.json``, ``scatter.png`` and ``report.html``.

    Args:
        made: the measure and its scores.
        folder: of its own; each file is complete or absent.

    Returns:
        What was written: the folder, then the report.
    """
    made.measure.save(folder)
    with atomic_path(folder / NUMBERS_NAME) as aside:
        aside.write_text(json.dumps(numbers_of(made), indent=1) + "\n")
    drawn = _draw(made, folder / PICTURE_NAME)
    about = made.measure.about
    page = render(
        "psm.measures",
        about=about,
        answer=answer(made),
        rows=list(rows_of(made)),
        folds=made.fitted.folds,
        scatter=picture(drawn, f"Measured and predicted {about.name}, at places left out."),
        version=__version__,
    )
    with atomic_path(folder / PAGE_NAME) as aside:
        aside.write_text(page, encoding="utf-8")
    return [folder, folder / PAGE_NAME]


def numbers_of(made: FittedMeasure) -> dict[str, Any]:
    """``report.json``: what it was fitted on, and every score with its interval."""
    about = made.measure.about
    return {
        "version": __version__,
        "measure": about.name,
        "unit": about.unit,
        "model": about.model,
        "link": about.link.value,
        "fitted": about.fitted.model_dump(mode="json"),
        "shrink": about.shrink,
        "stretch": about.stretch,
        **made.fitted.to_json(),
    }


def rows_of(made: FittedMeasure) -> Iterator[dict[str, object]]:
    """A row for the measure and for each baseline, for a table on the screen."""
    for name, found in made.fitted.scores.items():
        ours = OURS if name == "measure" else name
        yield {"by": ours, **{which: _said(found, which) for which in _SHOWN}}


def answer(made: FittedMeasure) -> str:
    """Whether the model's eyes help, in a sentence that promises nothing more."""
    fitted, about = made.fitted, made.measure.about
    ours = fitted.scores["measure"].of
    told = (
        f"At places left out the map of {about.name} explains {ours['r2'].value:.0%} of what was "
        f"measured (R²), and its intervals of {LEVEL:.0%} hold {ours['coverage'].value:.0%}"
    )
    if fitted.best == "measure":
        return f"{told}."
    best = fitted.scores[fitted.best].of["r2"].value
    if fitted.gain.value <= 0.0:
        return f"{told}. {fitted.best.capitalize()} alone explains {best:.0%}: use that instead."
    low = fitted.gain.interval[0] if fitted.gain.interval else -1.0
    sure = "" if low > 0.0 else "; with so few places the interval of the difference holds zero"
    return f"{told}. The best baseline, {fitted.best}, explains {best:.0%}{sure}."


def _said(found: Scores, which: str) -> str:
    estimate = found.of.get(which)
    if estimate is None or not np.isfinite(estimate.value):
        return "-"
    ends = estimate.interval
    return f"{estimate.value:.3g}" + (f" [{ends[0]:.3g}, {ends[1]:.3g}]" if ends else "")


def _draw(made: FittedMeasure, path: Path) -> Path:
    """Measured against predicted, each point by a process that had not seen its neighbours."""
    fitted = made.fitted
    rows = ~fitted.censored
    measured, predicted = fitted.column.values[rows], fitted.predicted[rows]
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    ends = [min(measured.min(), predicted.min()), max(measured.max(), predicted.max())]
    axes.plot(ends, ends, color="0.6", linestyle="--", linewidth=1)
    errors = np.stack([predicted - fitted.lower[rows], fitted.upper[rows] - predicted])
    if rows.sum() <= 400:
        axes.errorbar(measured, predicted, np.maximum(errors, 0.0), fmt="none", ecolor="0.85",
                      elinewidth=0.8, zorder=1)  # fmt: skip
    axes.scatter(measured, predicted, s=9, alpha=0.6, linewidths=0, zorder=2)
    unit = "" if made.measure.about.unit == "1" else f" ({made.measure.about.unit})"
    axes.set(xlabel=f"measured{unit}", ylabel=f"predicted{unit}", title=made.measure.name)
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as aside:
        figure.savefig(aside, dpi=160)
    return path
