"""Regression: exact, near it where it is sparse, and fair to what lies below a floor."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from psm.measures import regression
from psm.measures.kernel import NAMES, Inputs, covariance, inputs_of, variance
from psm.measures.regression import Targets, condition, fit
from psm.seeding import generator

LOGS = torch.tensor([0.2, 0.5, 1.0, 0.3, 400.0, 0.1, 0.15], dtype=torch.float64).log()


def some_inputs(count: int, name: str = "inputs") -> Inputs:
    rng = generator(0, name)
    seen = torch.from_numpy(rng.normal(size=(count, 3)))
    month = rng.integers(1, 13, count).astype(float)
    month[::7] = np.nan
    return inputs_of(
        seen, lat=rng.uniform(40, 50, count), lon=rng.uniform(5, 15, count),
        month=month, hour=rng.uniform(0, 24, count),
    )  # fmt: skip


def known(values: torch.Tensor) -> Targets:
    return Targets(values, torch.zeros(len(values), dtype=torch.bool))


def test_the_kernel_is_positive_definite_and_its_diagonal_is_its_variance() -> None:
    inputs = some_inputs(40)
    whole = covariance(inputs, inputs, LOGS)
    assert torch.linalg.eigvalsh(whole).min() > -1e-9
    torch.testing.assert_close(whole.diagonal(), variance(inputs, LOGS), atol=1e-5, rtol=1e-5)


def test_a_posterior_is_that_of_the_book() -> None:
    inputs, other = some_inputs(30), some_inputs(8, "other")
    values = torch.from_numpy(generator(0, "values").normal(size=30))
    mean, left = condition(inputs, known(values), LOGS).at(other)
    noisy = covariance(inputs, inputs, LOGS) + 0.15 * torch.eye(30, dtype=torch.float64)
    cross = covariance(other, inputs, LOGS)
    expected = cross @ torch.linalg.solve(noisy, values)
    rest = variance(other, LOGS) - (cross * torch.linalg.solve(noisy, cross.T).T).sum(1)
    torch.testing.assert_close(mean, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(left, rest, atol=3e-3, rtol=1e-2)


def test_a_sparse_posterior_is_near_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, other = some_inputs(160), some_inputs(20, "other")
    logs = torch.tensor([0.3, 0.5, 3.0, 0.2, 2000.0, 0.1, 0.2], dtype=torch.float64).log()
    root = torch.linalg.cholesky(
        covariance(inputs, inputs, logs) + 1e-6 * torch.eye(160, dtype=torch.float64)
    )
    values = root @ torch.from_numpy(generator(0, "sparse").normal(size=160))
    exact, _ = condition(inputs, known(values), logs).at(other)
    monkeypatch.setattr(regression, "INDUCING", 100)
    sparse, _ = condition(inputs, known(values), logs).at(other)
    assert len(condition(inputs, known(values), logs).weights) == 100
    assert float((sparse - exact).square().mean().sqrt()) < 0.25 * float(exact.std())


def test_hyperparameters_find_what_the_column_follows() -> None:
    inputs = some_inputs(120)
    rng = generator(0, "follows")
    values = inputs.seen[:, 0] + 0.1 * torch.from_numpy(rng.normal(size=120))
    posterior = fit(inputs, known((values - values.mean()) / values.std()))
    found = dict(zip(NAMES, posterior.logs.exp().tolist(), strict=True))
    assert found["noise"] < 0.05
    assert found["spatial"] < 0.1
    mean, _ = posterior.at(inputs)
    assert float(torch.corrcoef(torch.stack([mean, values]))[0, 1]) > 0.98


def test_rows_below_a_floor_say_that_they_are_low_and_no_more() -> None:
    inputs = some_inputs(150)
    true = 1.2 * inputs.seen[:, 0]
    values = true + 0.3 * torch.from_numpy(generator(0, "floor").normal(size=150))
    floor = float(values.quantile(0.4))
    censored = values <= floor
    logs = torch.tensor([1.0, 0.01, 1.0, 0.01, 300.0, 0.01, 0.09], dtype=torch.float64).log()
    held = Targets(values.clamp_min(floor), censored)
    low = inputs.rows(censored)
    naive, _ = condition(inputs, known(held.values), logs).at(low)
    fair, left = condition(inputs, held, logs).at(low)
    truth = true[censored]
    assert float((fair - truth).abs().mean()) < 0.6 * float((naive - truth).abs().mean())
    assert bool((left > 0.0).all())


def test_the_ratio_of_density_to_distribution_is_stable_far_out() -> None:
    z = torch.tensor([-40.0, -5.0, 0.0, 5.0], dtype=torch.float64)
    ratio = regression._mills(z)
    assert ratio[0].item() == pytest.approx(40.0, rel=1e-2)
    assert ratio[2].item() == pytest.approx(math.sqrt(2.0 / math.pi))
    assert torch.isfinite(ratio).all()
