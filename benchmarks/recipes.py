"""Presets against each other at the same budget, over several seeds: retrieval and map truth.

python benchmarks/recipes.py earth-tiny earth-tiny-infonce --earth runs/demo/earth [--seeds 3]

Trains what is missing under --runs, measures every run on the test split and on a 2 degree globe,
and prints Markdown tables. A recall is the mean over seeds and its 95 % interval over geographic
cells; a difference is paired by recording and taken against the first preset. Of a map score the
mean over seeds stands with the lowest and the highest seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from psm.config import Experiment, load_experiment
from psm.data.corpus import Corpus
from psm.data.recording import Recording
from psm.evaluation.intervals import CellBootstrap, Interval
from psm.evaluation.oracles import DIRECTIONS
from psm.evaluation.retrieval import COMPOSED, CONTEXT, IMAGE, SOURCE_FREE, compare, mean_hits
from psm.evaluation.suite import ModelEvaluation, measure
from psm.training import train

QUERIES = (IMAGE, SOURCE_FREE, CONTEXT, COMPOSED)
MAP_SCORES = (
    ("median Spearman", "spearman_median"),
    ("median AUC", "auc_median"),
    ("day/night sign right", "diurnal_sign_correct"),
    ("season sign right, north", "seasonal_sign_correct_north"),
    ("season sign right, south", "seasonal_sign_correct_south"),
    ("ECE of the match probability", "ece"),
    ("share of the truth's variance explained", "skill"),
    ("risk-coverage gain, by the uncertainty", "risk_coverage.uncertainty.gain"),
    ("risk-coverage gain, by p(1 - p)", "risk_coverage.p(1-p).gain"),
)


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="+", help="names or YAML files; the first is the measure")
    parser.add_argument("--earth", type=Path, default=Path("runs/demo/earth"))
    parser.add_argument("--runs", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    experiments = {e.model.name: e for e in map(load_experiment, options.presets)}
    if len(experiments) < len(options.presets):
        parser.error("two presets have the same model.name")
    recordings = Corpus.load(options.earth, "test", zooms=(), view_px=1).recordings
    measured = {
        name: [_run(experiment, seed, options) for seed in range(options.seeds)]
        for name, experiment in experiments.items()
    }
    print("\n".join(["", *_retrieval(measured, recordings), "", *_maps(measured)]))


def _run(experiment: Experiment, seed: int, options: argparse.Namespace) -> ModelEvaluation:
    out = options.runs / f"{experiment.model.name}-{seed}"
    model = train(experiment, options.earth, out, seed=seed)
    return measure(model, options.earth, out / "evaluation", step_deg=2.0, thin=1)


def _retrieval(
    measured: dict[str, list[ModelEvaluation]], recordings: Sequence[Recording]
) -> list[str]:
    bootstrap = CellBootstrap([recording.cell for recording in recordings])
    reports = {name: [run.retrieval for run in runs] for name, runs in measured.items()}
    first, *others = reports
    gains = {other: compare(reports[other], reports[first], recordings) for other in others}
    lines = _header("R@10%", *reports, *(f"{other} minus {first}" for other in others))
    for query, direction in product(QUERIES, DIRECTIONS):
        labels = (query, direction, "all")
        cells = []
        for seeds in reports.values():
            hits = mean_hits(seeds, labels)
            cells.append(_interval(float(hits.mean()), bootstrap.interval(hits), ".3f"))
        cells += [_interval(*gain[labels], "+.3f") for gain in gains.values()]
        lines.append(_row(f"{query}, {direction.replace('_', ' ')}", *cells))
    return lines


def _interval(score: float, interval: Interval | None, style: str) -> str:
    assert interval is not None  # the test split is not empty
    return f"{score:{style}} ({interval[0]:{style}} to {interval[1]:{style}})"


def _maps(measured: dict[str, list[ModelEvaluation]]) -> list[str]:
    reports = {name: [run.maps.to_json() for run in runs] for name, runs in measured.items()}
    lines = _header("maps", *measured)
    for title, path in MAP_SCORES:
        lines.append(_row(title, *(_spread(runs, path) for runs in reports.values())))
    return lines


def _spread(reports: list[dict[str, Any]], path: str) -> str:
    values = [value for report in reports if (value := _at(report, path)) is not None]
    if not values:
        return "–"
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _at(report: Any, path: str) -> float | None:
    for key in path.split("."):
        report = report.get(key) if isinstance(report, dict) else None
    return report


def _header(*cells: str) -> list[str]:
    return [_row(*cells), "|---" * len(cells) + "|"]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
