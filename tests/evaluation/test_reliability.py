"""Reliability and risk-coverage on cases with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from psm.evaluation.reliability import mean_curve, reliability, risk_coverage


def test_the_truth_is_calibrated() -> None:
    truth = np.random.default_rng(0).random((3, 50))
    curve = reliability(truth, truth)
    assert curve.ece == pytest.approx(0.0, abs=1e-12)
    assert curve.count.sum() == 150
    assert curve.skill == pytest.approx(1.0)


def test_a_constant_base_rate_is_calibrated_but_has_no_skill() -> None:
    truth = np.random.default_rng(0).random(400)
    curve = reliability(np.full(400, truth.mean()), truth)
    assert curve.ece == pytest.approx(0.0, abs=1e-9)
    assert curve.skill == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(reliability(truth, np.full(400, 0.5)).skill)


def test_ece_is_the_weighted_gap() -> None:
    predicted = np.array([0.12, 0.13, 0.92, 1.0])
    truth = np.array([0.3, 0.3, 0.5, 0.7])
    curve = reliability(predicted, truth, bins=10)
    assert curve.ece == pytest.approx((2 * 0.175 + 2 * 0.36) / 4)
    assert curve.count.tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert curve.truth[9] == pytest.approx(0.6)
    assert np.isnan(curve.predicted[0])


def test_uncertainty_that_knows_the_errors_gains_everything() -> None:
    error = np.random.default_rng(0).random(500)
    known, opposite, none = (risk_coverage(error, u) for u in (error, -error, np.ones(500)))
    assert known.gain == pytest.approx(1.0)
    assert none.gain == pytest.approx(0.0, abs=1e-9)
    assert opposite.gain < -0.9
    assert known.risk[-1] == pytest.approx(error.mean())


def test_risk_is_the_mean_error_of_the_kept() -> None:
    curve = risk_coverage([0.1, 0.4, 0.3, 0.2], [1.0, 4.0, 2.0, 3.0], points=4)
    np.testing.assert_allclose(curve.risk, [0.1, 0.2, 0.2, 0.25])
    np.testing.assert_allclose(curve.oracle, [0.1, 0.15, 0.2, 0.25])
    assert curve.area == pytest.approx(0.1875)


def test_ties_are_in_no_order() -> None:
    forward = risk_coverage([0.0, 1.0, 0.5], [1.0, 1.0, 2.0], points=3)
    backward = risk_coverage([1.0, 0.0, 0.5], [1.0, 1.0, 2.0], points=3)
    np.testing.assert_allclose(forward.risk, [0.5, 0.5, 0.5])
    np.testing.assert_allclose(backward.risk, forward.risk)


def test_mean_curve_averages() -> None:
    curves = [risk_coverage([e, 2 * e], [0, 1], points=2) for e in (1.0, 3.0)]
    assert mean_curve(curves).risk.tolist() == [2.0, 3.0]
    assert mean_curve(curves).random == 3.0
