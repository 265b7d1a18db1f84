"""What the figures say is wrong, in sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from psm.evaluation.knownfaults import known_faults
from psm.evaluation.mapreport import MapReport
from psm.evaluation.maptruth import compare_maps

SOUNDS = ("wind", "bells", "rowing")


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """Three sounds at 4 months x 4 hours in 400 cells of both hemispheres, louder by day."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0.05, 0.4, (3, 1, 1, 400))
    by_day = np.array([0.2, 0.6, 1.0, 0.6])[None, None, :, None]
    return (places * by_day).repeat(4, axis=1).astype(np.float32)


def report(predicted: np.ndarray, truth: np.ndarray) -> MapReport:
    lat = np.where(np.arange(400) % 2, 45.0, -45.0)
    return compare_maps(predicted, truth, sounds=SOUNDS, lat=lat)


def test_a_map_that_is_the_truth_has_no_faults(truth: np.ndarray) -> None:
    right = report(truth, truth)
    assert known_faults(replace(right, calibrated=right)) == ()


def test_each_kind_of_fault_names_its_sounds_and_figures(truth: np.ndarray) -> None:
    turned = truth.copy()
    turned[1] = 0.5 - turned[1]
    scaled = truth.copy()
    scaled[2] *= 3.0
    wrong = replace(report(turned, truth), calibrated=report(scaled, truth))
    follow, night, means = known_faults(wrong)
    assert follow == "Maps that hardly follow the truth (rank correlation): bells (-1.00)."
    assert night.startswith("Often the wrong way round between day and night")
    assert "bells (0%)" in night
    assert "wind" not in night
    assert means.startswith("Drawn far too likely or unlikely on average: rowing (")
    assert "bells" not in means


def test_means_are_judged_of_calibrated_maps_alone(truth: np.ndarray) -> None:
    assert known_faults(report(3.0 * truth, truth)) == ()
