"""Scores against their slow definitions, and intervals against repeated draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from psm.evaluation.against import gain, score, spatial_blocks
from psm.seeding import generator
from tests.evaluation.against.fields import scattered, smooth


def test_the_truth_against_itself_is_perfect() -> None:
    truth = generator(0, "truth").normal(size=60)
    of = score(truth, truth, block=np.arange(60) // 3, interval=(truth, truth)).of
    assert of["spearman"].value == pytest.approx(1.0)
    assert of["spearman"].interval == pytest.approx((1.0, 1.0))
    assert of["r2"].value == 1.0
    assert (of["bias"].value, of["rmse"].value) == (0.0, 0.0)
    assert (of["coverage"].value, of["width"].value) == (1.0, 0.0)
    assert not {"auc", "ece"} & set(of)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_weights_count_as_copies_do(seed: int) -> None:
    """What a draw weighs is what the score of the drawn points themselves would be."""
    rng = generator(seed, "copies")
    truth = (rng.random(30) < 0.4).astype(float)
    predicted = np.round(rng.random(30), 1)  # with ties
    copies = rng.integers(0, 4, 30)
    drawn = np.repeat(np.arange(30), copies)
    from psm.evaluation.against.scores import _functions

    functions = _functions(truth, predicted, (predicted - 0.3, predicted + 0.3))
    again = _functions(
        truth[drawn], predicted[drawn], (predicted[drawn] - 0.3, predicted[drawn] + 0.3)
    )
    for name, function in functions.items():
        expected = again[name](np.ones(len(drawn)))
        assert function(copies.astype(float)) == pytest.approx(expected, nan_ok=True), name


def test_order_and_separation_are_those_of_the_textbook() -> None:
    rng = generator(0, "order")
    truth, predicted = rng.integers(0, 2, 80).astype(float), np.round(rng.random(80), 1)
    of = score(truth, predicted, block=np.arange(80)).of
    assert of["spearman"].value == pytest.approx(spearmanr(truth, predicted).statistic)
    ones, zeros = predicted[truth == 1], predicted[truth == 0]
    above = np.sign(ones[:, None] - zeros[None]).mean() / 2 + 0.5
    assert of["auc"].value == pytest.approx(above)
    assert of["auc"].interval is not None
    assert of["auc"].interval[0] < above < of["auc"].interval[1]


def test_known_noise_gives_the_expected_variance_explained() -> None:
    rng = generator(0, "noise")
    signal = rng.normal(size=2000)
    truth = signal + rng.normal(0.0, 0.5, 2000)
    found = score(
        truth, signal, block=np.arange(2000) // 40, interval=(signal - 0.8224, signal + 0.8224)
    )
    assert found.of["r2"].value == pytest.approx(1.0 / 1.25, abs=0.03)
    assert found.of["rmse"].value == pytest.approx(0.5, abs=0.03)
    assert found.of["coverage"].value == pytest.approx(0.9, abs=0.03)
    assert score(truth, signal + 2.0, block=np.arange(2000) // 40).of[
        "bias"
    ].value == pytest.approx(2.0, abs=0.03)


def test_errors_that_are_alike_in_space_have_wider_intervals_by_blocks_that_hold_the_truth() -> (
    None
):
    inside, wider = [], []
    for seed in range(12):
        points = scattered(120, seed=seed)
        error = smooth(points, scale_km=40.0, seed=seed)
        block = spatial_blocks(lat=points.lat, lon=points.lon, least_km=120.0)
        by_block = score(np.zeros(120), error, block=block, draws=150).of["bias"].interval
        by_point = score(np.zeros(120), error, block=np.arange(120), draws=150).of["bias"].interval
        assert by_block is not None
        assert by_point is not None
        inside.append(by_block[0] < 0.0 < by_block[1])
        wider.append(np.ptp(by_block) / np.ptp(by_point))
    assert np.median(wider) > 1.5
    assert np.mean(inside) >= 0.75


def test_a_gain_is_paired() -> None:
    rng = generator(0, "gain")
    truth = rng.normal(size=400)
    noise = rng.normal(0.0, 0.6, 400)
    better = gain(truth, truth + 0.8 * noise, truth + noise, block=np.arange(400) // 10)
    assert better.value == pytest.approx(0.36 * 0.36, abs=0.03)
    assert better.interval is not None
    assert better.interval[0] > 0.0
    (low, high) = score(truth, truth + noise, block=np.arange(400) // 10).of["r2"].interval or (
        0,
        0,
    )
    assert np.ptp(better.interval) < high - low


def test_another_scale_is_compared_by_its_order_alone() -> None:
    truth = generator(0, "levels").uniform(30.0, 70.0, 50)
    found = score(truth, truth / 100.0, block=np.arange(50), is_same_scale=False)
    assert set(found.of) == {"spearman"}
    assert found.to_json()["spearman"]["value"] == pytest.approx(1.0)


def test_one_block_has_no_interval_and_a_constant_no_order() -> None:
    found = score(np.arange(9.0), np.full(9, 2.0), block=np.zeros(9))
    assert found.of["rmse"].interval is None
    assert found.to_json()["spearman"] == {"value": None, "ci95": None}
    assert found.blocks == 1
