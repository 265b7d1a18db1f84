"""Presets against each other at the same budget, over several seeds: retrieval and map truth.

python benchmarks/recipes.py earth-tiny earth-tiny-infonce --earth runs/demo/earth [--seeds 3]

Trains what is missing under --runs, measures every run on the test split and on a 2 degree globe,
and prints Markdown tables. A recall is the mean over seeds and its 95 % interval over geographic
cells; a difference is paired by recording and taken against the first preset. Of a map score the
mean over seeds stands with the lowest and the highest seed. --json keeps the same numbers for
docs/make_figures.py.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from psm.config import Experiment
from psm.data.corpus import Corpus
from psm.data.recording import Recording
from psm.evaluation.intervals import CellBootstrap
from psm.evaluation.oracles import DIRECTIONS
from psm.evaluation.retrieval import COMPOSED, CONTEXT, IMAGE, SOURCE_FREE, compare, mean_hits
from psm.evaluation.suite import ModelEvaluation, measure
from psm.experiments import load_experiment
from psm.training import train

Row = dict[str, Any]
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
    parser.add_argument("--json", type=Path, help="file for the same numbers")
    options = parser.parse_args()
    experiments = {e.model.name: e for e in map(load_experiment, options.presets)}
    if len(experiments) < len(options.presets):
        parser.error("two presets have the same model.name")
    recordings = Corpus.load(options.earth, "test", zooms=(), view_px=1).recordings
    measured = {
        name: [_run(experiment, seed, options) for seed in range(options.seeds)]
        for name, experiment in experiments.items()
    }
    recalls, gains = _retrieval(measured, recordings)
    scores = _maps(measured)
    print("\n".join(["", *_recall_table(recalls, gains), "", *_map_table(scores)]))
    if options.json is not None:
        report = {"retrieval": recalls, "gains": gains, "maps": scores}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def _run(experiment: Experiment, seed: int, options: argparse.Namespace) -> ModelEvaluation:
    out = options.runs / f"{experiment.model.name}-{seed}"
    model = train(experiment, options.earth, out, seed=seed)
    return measure(model, options.earth, out / "evaluation", step_deg=2.0, thin=1)


def _retrieval(
    measured: dict[str, list[ModelEvaluation]], recordings: Sequence[Recording]
) -> tuple[list[Row], list[Row]]:
    """The recall of every preset, and what the others gain over the first."""
    bootstrap = CellBootstrap([recording.cell for recording in recordings])
    reports = {name: [run.retrieval for run in runs] for name, runs in measured.items()}
    first, *others = reports
    compared = {other: compare(reports[other], reports[first], recordings) for other in others}
    recalls: list[Row] = []
    gains: list[Row] = []
    for query, direction in product(QUERIES, DIRECTIONS):
        asked = {"query": query, "direction": direction}
        for name, seeds in reports.items():
            hits = mean_hits(seeds, (query, direction, "all"))
            interval = bootstrap.interval(hits)
            assert interval is not None  # the test split is not empty
            score = {"r_at_10pct": float(hits.mean()), "ci95": list(interval)}
            recalls.append({"preset": name, **asked, **score})
        for name, gain in compared.items():
            value, interval = gain[query, direction, "all"]
            assert interval is not None
            gains.append({"preset": name, "minus": first, **asked, "value": [value, *interval]})
    return recalls, gains


def _recall_table(recalls: list[Row], gains: list[Row]) -> list[str]:
    presets = list(dict.fromkeys(row["preset"] for row in recalls))
    minus = [f"{other} minus {presets[0]}" for other in presets[1:]]
    lines = _header("R@10%", *presets, *minus)
    for query, direction in product(QUERIES, DIRECTIONS):
        cells = [
            _interval([row["r_at_10pct"], *row["ci95"]] if "ci95" in row else row["value"], style)
            for rows, style in ((recalls, ".3f"), (gains, "+.3f"))
            for row in rows
            if (row["query"], row["direction"]) == (query, direction)
        ]
        lines.append(_row(f"{query}, {direction.replace('_', ' ')}", *cells))
    return lines


def _interval(values: Sequence[float], style: str) -> str:
    score, low, high = (f"{value:{style}}" for value in values)
    return f"{score} ({low} to {high})"


def _maps(measured: dict[str, list[ModelEvaluation]]) -> list[Row]:
    """Every map score of every preset: the mean, the lowest and the highest of its seeds."""
    rows = []
    for (_, path), (name, runs) in product(MAP_SCORES, measured.items()):
        found = [value for run in runs if (value := _at(run.maps.to_json(), path)) is not None]
        spread = [float(np.mean(found)), min(found), max(found)] if found else None
        rows.append({"preset": name, "measure": path, "value": spread})
    return rows


def _map_table(scores: list[Row]) -> list[str]:
    lines = _header("maps", *dict.fromkeys(row["preset"] for row in scores))
    for title, path in MAP_SCORES:
        values = [row["value"] for row in scores if row["measure"] == path]
        lines.append(_row(title, *("–" if v is None else _interval(v, ".3f") for v in values)))
    return lines


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
