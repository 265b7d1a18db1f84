from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.errors import ConfigError
from psm.evaluation.fitting import (
    FITS,
    Pairs,
    fit_isotonic,
    fit_platt,
    folds,
    held_out,
    log_loss,
    reliability_of,
)


def pairs(count: int = 40_000, seed: int = 0, curve=lambda d: 1 / (1 + np.exp(3 * d - 4))) -> Pairs:
    """Pairs that match with the probability that ``curve`` gives at their distance."""
    rng = np.random.default_rng(seed)
    distance = rng.uniform(0.5, 3.5, count)
    positive = rng.random(count) < curve(distance)
    return Pairs(distance, positive, np.ones(count), rng.integers(0, 40, count))


def test_platt_finds_the_curve_that_made_the_answers() -> None:
    found = fit_platt(pairs())
    assert (found.negative_scale, found.shift) == pytest.approx((3.0, 4.0), rel=0.05)


def test_platt_keeps_a_positive_slope_where_distance_says_nothing_or_lies() -> None:
    for curve in (lambda d: 0.2 + 0 * d, lambda d: d / 4):
        found = fit_platt(pairs(curve=curve))
        assert found.negative_scale > 0.0
        p = pairs(curve=curve)
        assert float(np.mean(found(p.distance))) == pytest.approx(p.prior, abs=0.01)


def saturating(distance: np.ndarray) -> np.ndarray:
    return 0.05 + 0.35 / (1.0 + np.exp(6.0 * distance - 9.0))


def test_isotonic_follows_any_falling_curve() -> None:
    made = pairs(curve=saturating)
    at = np.linspace(0.6, 3.4, 15)
    np.testing.assert_allclose(fit_isotonic(made)(at), saturating(at), atol=0.04)
    predicted = {name: held_out(made, name) for name in FITS}
    assert log_loss(predicted["isotonic"], made) < log_loss(predicted["platt"], made)
    assert reliability_of(predicted["isotonic"], made).ece < 0.01


@given(seed=st.integers(0, 2**31), count=st.integers(2, 300))
def test_isotonic_always_falls_and_is_never_certain(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    distance = rng.choice(rng.normal(2.0, 1.0, count), count)  # with ties
    made = Pairs(distance, rng.random(count) < 0.4, rng.uniform(0.1, 3.0, count), np.arange(count))
    made.positive[:2] = True, False
    found = fit_isotonic(made)
    assert (np.diff(found.distances) > 0).all()
    assert (np.diff(found.probabilities) <= 0).all()
    assert 0.0 < found.probabilities.min() <= found.probabilities.max() < 1.0


@given(prior=st.floats(0.01, 0.99))
def test_a_prior_is_the_mean_of_what_is_predicted(prior: float) -> None:
    made = pairs(4_000).with_prior(prior)
    assert made.prior == pytest.approx(prior)
    assert made.weight.mean() == pytest.approx(1.0)
    for fit in FITS.values():
        predicted = fit(made)(made.distance)
        assert np.average(predicted, weights=made.weight) == pytest.approx(prior, abs=0.02)


def test_folds_keep_cells_whole_and_are_of_like_size() -> None:
    made = pairs()
    fold = folds(made.cell)
    assert all(len(np.unique(fold[made.cell == cell])) == 1 for cell in range(40))
    assert np.bincount(fold).min() > 0.9 * len(made) / 5
    with pytest.raises(ConfigError, match="two geographic cells"):
        folds(np.zeros(5, int))


def test_pairs_that_teach_nothing_are_refused() -> None:
    made = pairs(10)
    for positive in (np.ones(10, bool), np.zeros(10, bool)):
        one_sided = Pairs(made.distance, positive, made.weight, made.cell)
        with pytest.raises(ConfigError, match="pairs that belong together"):
            one_sided.with_prior(0.1)
    with pytest.raises(ConfigError, match=r"prior 1\.5"):
        pairs().with_prior(1.5)
