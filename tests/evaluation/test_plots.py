"""Figures say what they show; whether they are beautiful is for people to judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from psm.evaluation.mapreport import MapReport
from psm.evaluation.maptruth import compare_maps
from psm.evaluation.plots import (
    plot_reliability,
    plot_retrieval,
    plot_risk_coverage,
    plot_sound_reliability,
    plot_sounds,
)
from psm.evaluation.retrieval import EmbeddedCorpus, evaluate_embedded


@pytest.fixture(scope="module")
def report() -> MapReport:
    rng = np.random.default_rng(0)
    truth = rng.random((2, 4, 4, 30))
    predicted = (truth + rng.normal(0, 0.2, truth.shape)).clip(0, 1)
    uncertainty = rng.random(truth.shape)
    lat = np.linspace(-60, 70, 30)
    return compare_maps(predicted, truth, uncertainty, sounds=("owls", "waves"), lat=lat)


def words(figure: Figure, folder: Path) -> str:
    """All text of a figure, after it has been drawn to a file."""
    path = folder / "figure.svg"
    figure.savefig(path)
    return path.read_text()


def test_retrieval_shows_every_query(embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    report = evaluate_embedded(embedded, name="fake", references={})
    text = words(plot_retrieval([report, report]), tmp_path)
    for label in ("composed", "without source tags", "image to audio", "fake", "chance"):
        assert f"<!-- {label} -->" in text
    restricted = words(plot_retrieval([report], restriction="same_source"), tmp_path)
    assert "<!-- source tag alone -->" not in restricted


def test_maps_show_their_scores(report: MapReport, tmp_path: Path) -> None:
    assert f"ECE {report.reliability.ece:.3f}" in words(plot_reliability(report), tmp_path)
    gain = report.risk["uncertainty"].gain
    assert f"by uncertainty: gain {gain:+.0%}" in words(plot_risk_coverage(report), tmp_path)
    text = words(plot_sounds(report), tmp_path)
    for label in ("owls", "waves", f"median {report.median('spearman'):.2f}"):
        assert label in text


def test_every_sound_has_a_panel_with_its_means(report: MapReport, tmp_path: Path) -> None:
    found = report.by_sound
    assert found is not None
    figure = plot_sound_reliability(replace(report, calibrated=report))
    text = words(figure, tmp_path)
    for sound, drawn, true in zip(found.sounds, found.mean_drawn, found.mean_true, strict=True):
        assert f"<!-- {sound} -->" in text
        assert f"{drawn:.3f} for {true:.3f}" in text
    assert sum(axes.get_visible() for axes in figure.axes) == len(found.sounds)
    assert f"off by {found.mean_error:.4f}" in text
