from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

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


def test_pairs_at_one_distance_have_their_share() -> None:
    number = np.arange(100)
    same = Pairs(np.ones(100), number % 4 == 0, np.ones(100), number % 10)
    for order in (number, number[::-1], np.argsort(number % 4, kind="stable")):
        found = fit_isotonic(same.part(order))
        assert found.probabilities.tolist() == pytest.approx([0.25])
        assert found(np.array([0.0, 1.0, 9.0])) == pytest.approx(0.25)


def pooled(made: Pairs) -> np.ndarray:
    """The levels of scikit-learn's fit at every pair, with the one pair more that a level gets."""
    fit = IsotonicRegression(increasing=False)
    raw = fit.fit_transform(made.distance, made.positive, sample_weight=made.weight)
    _, level = np.unique(raw, return_inverse=True)
    mass = np.bincount(level, made.weight)
    hits = np.bincount(level, made.weight * made.positive)
    one = made.weight.mean()
    return ((hits + one * made.prior) / (mass + one))[level]


@st.composite
def tied_pairs(draw: st.DrawFn) -> Pairs:
    """Pairs at few distances, each of which two of them share at least."""
    places = draw(st.lists(st.integers(0, 400), min_size=1, max_size=30, unique=True))
    counts = draw(st.lists(st.integers(2, 12), min_size=len(places), max_size=len(places)))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    distance = np.repeat(np.array(places) / 100.0 + 0.1, counts)
    size = len(distance)
    positive = rng.random(size) < draw(st.sampled_from([0.02, 0.3, 0.9]))
    weight = rng.uniform(0.1, 4.0, size) if draw(st.booleans()) else np.ones(size)
    order = rng.permutation(size)
    return Pairs(distance[order], positive[order], weight, rng.integers(0, 3, size))


@given(made=tied_pairs())
def test_tied_distances_get_the_levels_of_another_implementation(made: Pairs) -> None:
    expected = pooled(made)
    falling = np.minimum.accumulate(expected[np.argsort(made.distance, kind="stable")])
    at = np.sort(made.distance)
    np.testing.assert_allclose(fit_isotonic(made)(at), falling, rtol=1e-9, atol=1e-12)


@given(made=tied_pairs(), seed=st.integers(0, 2**31))
def test_neither_order_nor_the_last_digit_of_a_distance_changes_the_curve(
    made: Pairs, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(made))
    noise = 1.0 + rng.choice([0.0, 1.2e-7], len(made))
    other = Pairs(
        (made.distance * noise)[order], made.positive[order], made.weight[order], made.cell[order]
    )
    at = np.linspace(0.0, 5.0, 301)
    near = np.abs(at[:, None] - made.distance).min(1) > 1e-3  # not on the step itself
    one, two = fit_isotonic(made), fit_isotonic(other)
    np.testing.assert_allclose(one(at[near]), two(at[near]), atol=2e-3)
    np.testing.assert_allclose(one(made.distance)[order], two(other.distance), atol=1e-5)
    beyond = np.array([-1.0, 100.0])
    assert two(beyond).tolist() == [two.probabilities[0], two.probabilities[-1]]


def test_few_sites_whose_share_does_not_fall_by_a_logistic_curve_choose_isotonic() -> None:
    rng = np.random.default_rng(0)
    at = np.repeat([1.0, 1.2, 1.9, 2.0], 500)
    share = np.repeat([0.4, 0.38, 0.36, 0.02], 500)
    made = Pairs(at, rng.random(2000) < share, np.ones(2000), np.tile(np.arange(10), 200))
    np.testing.assert_allclose(fit_isotonic(made)(at), share, atol=0.05)
    losses = {name: log_loss(held_out(made, name), made) for name in FITS}
    assert losses["isotonic"] < losses["platt"]
    assert reliability_of(held_out(made, "isotonic"), made).ece < 0.03


def test_pairs_of_one_kind_in_a_part_are_fitted_all_the_same() -> None:
    made = Pairs(np.array([1.0, 1.0, 2.0]), np.ones(3, bool), np.ones(3), np.zeros(3, int))
    for fit in FITS.values():
        assert (fit(made)(np.array([0.5, 1.0, 3.0])) > 0.5).all()
