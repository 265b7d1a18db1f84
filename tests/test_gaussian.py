"""The Gaussian space: closed forms against the equations written naively, and Monte-Carlo."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from psm.gaussian import (
    Gaussian,
    combine,
    csd,
    csd_variance,
    match_probability,
    match_uncertainty,
    mixture,
)


def gaussians(count: int, dim: int, seed: int, log_var: float = -3.0) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean = F.normalize(torch.randn(count, dim, generator=generator), dim=-1)
    return Gaussian(mean, log_var + torch.randn(count, dim, generator=generator))


def naive_csd(a: Gaussian, b: Gaussian) -> torch.Tensor:
    delta = (a.mean[:, None] - b.mean[None]).square().sum(-1)
    return delta + (a.var[:, None] + b.var[None]).sum(-1)


def naive_variance(a: Gaussian, b: Gaussian) -> torch.Tensor:
    spread = a.var[:, None] + b.var[None]
    delta = (a.mean[:, None] - b.mean[None]).square()
    return 2 * spread.square().sum(-1) + 4 * (spread * delta).sum(-1)


sizes = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 40))


@given(sizes=sizes, seed=st.integers(0, 2**31), log_var=st.floats(-12, 2))
def test_closed_forms_equal_the_naive_equations(
    sizes: tuple[int, int, int], seed: int, log_var: float
) -> None:
    n, m, dim = sizes
    a, b = gaussians(n, dim, seed, log_var), gaussians(m, dim, seed + 1, log_var)
    torch.testing.assert_close(csd(a, b), naive_csd(a, b), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(csd_variance(a, b), naive_variance(a, b), rtol=1e-4, atol=1e-5)


@given(seed=st.integers(0, 2**31), log_var=st.floats(-12, 2))
def test_distances_are_symmetric_and_never_negative(seed: int, log_var: float) -> None:
    a, b = gaussians(4, 8, seed, log_var), gaussians(3, 8, seed + 1, log_var)
    for distance in (csd, csd_variance):
        torch.testing.assert_close(distance(a, b), distance(b, a).T, rtol=1e-4, atol=1e-5)
        assert (distance(a, a) >= 0).all()


def test_moments_agree_with_monte_carlo() -> None:
    a, b = gaussians(3, 16, 0, -2.0), gaussians(4, 16, 1, -2.0)
    generator = torch.Generator().manual_seed(2)
    draws_a, draws_b = a.sample(100_000, generator), b.sample(100_000, generator)
    distance = (draws_a[:, :, None] - draws_b[:, None]).square().sum(-1)
    torch.testing.assert_close(csd(a, b), distance.mean(0), rtol=0.01, atol=0.0)
    torch.testing.assert_close(csd_variance(a, b), distance.var(0), rtol=0.03, atol=0.0)


def test_uncertainty_agrees_with_monte_carlo() -> None:
    # The distance is a sum over many dimensions, and so all but normal.
    a, b = gaussians(3, 128, 0, -8.0), gaussians(4, 128, 1, -8.0)
    generator = torch.Generator().manual_seed(2)
    draws_a, draws_b = a.sample(20_000, generator), b.sample(20_000, generator)
    distance = (draws_a[:, :, None] - draws_b[:, None]).square().sum(-1)
    spread = torch.sigmoid(11.0 - 5.0 * distance).std(0)
    computed = match_uncertainty(a, b, negative_scale=5.0, shift=11.0)
    torch.testing.assert_close(computed, spread, rtol=0.05, atol=0.008)
    assert spread.max() > 0.05


def test_uncertainty_depends_on_the_query() -> None:
    location, queries = gaussians(1, 32, 0, -6.0), gaussians(5, 32, 1, -6.0)
    spread = match_uncertainty(location, queries, negative_scale=5.0, shift=8.0)
    assert spread.unique().numel() == 5
    assert (spread <= 0.5).all()


def test_half_precision_log_variances_do_not_overflow() -> None:
    wide = Gaussian(torch.zeros(1, 4).half(), torch.full((1, 4), 12.0).half())
    assert csd(wide, wide).item() == pytest.approx(8 * math.exp(12.0), rel=1e-3)


def test_match_probability_falls_with_distance() -> None:
    a = gaussians(1, 8, 0, -8.0)
    b = Gaussian(torch.stack([a.mean[0], -a.mean[0]]), a.log_var.expand(2, -1))
    near, far = match_probability(a, b, negative_scale=5.0, shift=5.0)[0].tolist()
    assert near > 0.99
    assert far < 1e-6


def test_composed_query_adds_variances_and_normalises_means() -> None:
    a, b = gaussians(3, 8, 0), gaussians(3, 8, 1)
    both = combine([Gaussian(3.0 * a.mean, a.log_var), b])
    torch.testing.assert_close(both.var, a.var + b.var)
    torch.testing.assert_close(both.mean, F.normalize(a.mean + b.mean, dim=-1))


@given(weight=st.floats(0.1, 10.0), seed=st.integers(0, 1000))
def test_combination_depends_on_relative_weights_only(weight: float, seed: int) -> None:
    a, b = gaussians(2, 8, seed), gaussians(2, 8, seed + 1)
    one, other = combine([a, b], [1.0, 2.0]), combine([a, b], [weight, 2.0 * weight])
    torch.testing.assert_close(one.mean, other.mean)
    torch.testing.assert_close(one.log_var, other.log_var)


def test_a_term_of_weight_zero_does_not_count() -> None:
    a, b = gaussians(2, 8, 0), gaussians(2, 8, 1)
    torch.testing.assert_close(combine([a, b], [1.0, 0.0]).mean, a.mean)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0], [1.0, float("nan")]])
def test_weights_that_do_not_fit_are_refused(weights: list[float]) -> None:
    a = gaussians(1, 4, 0)
    with pytest.raises(ValueError, match="need as many finite weights"):
        combine([a, a], weights)


def test_a_mixture_has_the_moments_of_draws_from_its_components() -> None:
    parts = [gaussians(1, 6, seed, -2.5) for seed in range(3)]
    weights = [1.0, 2.0, 5.0]
    generator = torch.Generator().manual_seed(4)
    draws = torch.cat(
        [p.sample(int(40_000 * w), generator) for p, w in zip(parts, weights, strict=True)]
    )
    mixed = mixture(parts, weights)
    torch.testing.assert_close(mixed.mean, draws.mean(0), atol=5e-3, rtol=0.0)
    torch.testing.assert_close(mixed.var, draws.var(0), atol=2e-3, rtol=0.02)


@given(seed=st.integers(0, 2**31), count=st.integers(1, 5), log_var=st.floats(-12, 2))
def test_the_distance_to_a_mixture_is_the_mean_distance_to_its_components(
    seed: int, count: int, log_var: float
) -> None:
    place = gaussians(4, 8, seed, log_var)
    parts = [gaussians(2, 8, seed + 1 + k, log_var) for k in range(count)]
    mean = torch.stack([csd(place, part) for part in parts]).mean(0)
    torch.testing.assert_close(csd(place, mixture(parts)), mean, rtol=1e-4, atol=1e-5)


def test_a_mixture_of_one_is_itself() -> None:
    a = gaussians(2, 8, 0)
    torch.testing.assert_close(mixture([a]), a)


@pytest.mark.parametrize("weights", [[], [1.0], [1.0, -1.0], [1.0, math.nan]])
def test_mixtures_need_a_positive_weight_each(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="as many positive weights"):
        mixture([gaussians(1, 4, 0)] * 2, weights)
