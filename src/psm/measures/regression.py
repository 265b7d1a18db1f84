"""Gaussian process regression of a column: exact for hundreds of rows, sparse for many.

With up to :data:`INDUCING` rows it is exact (Rasmussen & Williams 2006, algorithm 2.1); beyond,
the rows are seen through as many inducing points (Titsias 2009, "Variational learning of inducing
variables in sparse Gaussian processes"), so that 10^5 rows take seconds. Hyperparameters are those
of the highest marginal likelihood, with a weak prior that holds them where rows say nothing.

Rows that are only known to lie at or below a recorder's floor take part by expectation propagation
(Groot & Lucas 2012, "Gaussian process regression with censored data using expectation
propagation"): each becomes a pseudo-measurement of its own precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from torch import Tensor

from psm.measures.kernel import Inputs, covariance, variance
from psm.seeding import generator

INDUCING = 512
"""Rows that are seen exactly; more are seen through as many points."""

_LEARNT_FROM = 600  # rows that hyperparameters are fitted to: the cost grows with their cube
_STEPS = 60
_JITTER = 1e-6
_TOGETHER = 2**19  # numbers of a kernel at once: what the second cache of a core holds
_LEAST_KEPT = 1e-3  # of a direction's variance: less is not worth its column
_SWEEPS, _DAMPING = 12, 0.7
_VAGUE = 1e6  # variance of a pseudo-measurement that says nothing

# Means and standard deviations of the prior on the logarithms, for columns of unit variance, and
# bounds that keep them finite.
_PRIOR = {
    "linear": (-3.0, 2.0), "curved": (-1.5, 1.5), "reach": (0.5, 0.7), "spatial": (-2.0, 1.5),
    "range_km": (math.log(150.0), 1.2), "temporal": (-3.0, 1.5), "noise": (-1.0, 1.0),
}  # fmt: skip
_BOUNDS = {
    "linear": (-12.0, 4.0), "curved": (-12.0, 4.0), "reach": (-1.5, 4.0), "spatial": (-12.0, 4.0),
    "range_km": (math.log(0.05), math.log(8000.0)), "temporal": (-12.0, 4.0), "noise": (-7.0, 2.0),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Posterior:
    """What a fitted process says of a column: its mean and variance anywhere.

    Attributes:
        points: inputs of the inducing points, ``(m, ...)``.
        weights: of the mean, ``(m,)``.
        explained: directions whose variance is known, ``(m, rank)``.
        logs: logarithms of the hyperparameters, of :data:`psm.measures.kernel.NAMES`.
    """

    points: Inputs
    weights: Float[Tensor, " m"]
    explained: Float[Tensor, "m rank"]
    logs: Float[Tensor, " parameters"]

    @property
    def noise(self) -> float:
        """Variance of what a measurement adds to what is fitted."""
        return float(self.logs[-1].exp())

    def at(self, inputs: Inputs) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Mean and variance of the process, without noise, at N places and times."""
        rows = max(1, _TOGETHER // len(self.weights))
        blocks = (
            self._at(inputs.rows(slice(start, start + rows)))
            for start in range(0, max(1, len(inputs.seen)), rows)
        )
        mean, left = (torch.cat(parts) for parts in zip(*blocks, strict=True))
        return mean, left

    def _at(self, inputs: Inputs) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        seen = covariance(inputs, self.points, self.logs)
        left = variance(inputs, self.logs) - (seen @ self.explained).square().sum(-1)
        return seen @ self.weights, left.clamp_min(0.0)

    def to(self, dtype: torch.dtype) -> Posterior:
        """The same in another precision."""
        return Posterior(
            self.points.to(dtype), self.weights.to(dtype), self.explained.to(dtype),
            self.logs.to(dtype),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Targets:
    """What is known of N rows: numbers of mean 0 and variance 1, or that they lie below one.

    Attributes:
        values: ``(n,)``; of a censored row, the floor.
        censored: ``(n,)`` whether it lies at the floor or below.
    """

    values: Float[Tensor, " n"]
    censored: Bool[Tensor, " n"]

    def rows(self, index: Tensor) -> Targets:
        """Some of them."""
        return Targets(self.values[index], self.censored[index])


def fit(inputs: Inputs, targets: Targets, *, seed: int = 0) -> Posterior:
    """Fit hyperparameters and the posterior.

    Args:
        inputs: of n rows, float64.
        targets: of the rows.
        seed: of the choice of rows, where there are more than are seen exactly.

    Returns:
        The posterior.
    """
    logs = learn(inputs, targets, seed=seed)
    return condition(inputs, targets, logs, seed=seed)


def learn(inputs: Inputs, targets: Targets, *, seed: int = 0) -> Float[Tensor, " parameters"]:
    """Logarithms of the likeliest hyperparameters; of many rows, those of some."""
    some = _some(len(targets.values), _LEARNT_FROM, seed)
    inputs, targets = inputs.rows(some), targets.rows(some)
    logs = _likeliest(inputs, targets.values, torch.zeros_like(targets.values))
    if targets.censored.any():  # once more, with what is known of rows below the floor
        for _ in range(2):
            values, extra = _pseudo(inputs, targets, logs, inputs)
            logs = _likeliest(inputs, values, (extra - logs[-1].exp()).clamp_min(0.0), start=logs)
    return logs


def condition(
    inputs: Inputs, targets: Targets, logs: Float[Tensor, " parameters"], *, seed: int = 0
) -> Posterior:
    """The posterior of rows under given hyperparameters.

    Args:
        inputs, targets: of n rows.
        logs: logarithms of the hyperparameters.
        seed: of the choice of inducing points, where there are more rows.
    """
    points = inputs.rows(_some(len(targets.values), INDUCING, seed))
    if targets.censored.any():
        values, noise = _pseudo(inputs, targets, logs, points)
    else:
        values, noise = targets.values, logs[-1].exp().expand(len(targets.values))
    return _posterior(inputs, values, noise, logs, points)


def _some(count: int, most: int, seed: int) -> Tensor:
    if count <= most:
        return torch.arange(count)
    rng = generator(seed, "inducing points")
    return torch.from_numpy(np.sort(rng.choice(count, most, replace=False)))


def _likeliest(
    inputs: Inputs,
    values: Float[Tensor, " n"],
    extra: Float[Tensor, " n"],
    start: Float[Tensor, " parameters"] | None = None,
) -> Float[Tensor, " parameters"]:
    """Maximum a posteriori hyperparameters, by L-BFGS on the marginal likelihood."""
    middle, width = torch.tensor(list(_PRIOR.values()), dtype=torch.float64).T

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logs = torch.from_numpy(at).requires_grad_()
        noise = torch.diag(logs[-1].exp() + extra + _JITTER)
        try:
            factor = torch.linalg.cholesky(covariance(inputs, inputs, logs) + noise)
        except RuntimeError:  # not positive definite
            return math.inf, np.zeros_like(at)
        solved = torch.cholesky_solve(values[:, None], factor)[:, 0]
        likelihood = -0.5 * values @ solved - factor.diagonal().log().sum()
        prior = -0.5 * ((logs - middle) / width).square().sum()
        total = -(likelihood + prior)
        total.backward()
        assert logs.grad is not None
        return float(total.detach()), logs.grad.numpy()

    first = (middle if start is None else start).numpy()
    with torch.enable_grad():
        found = minimize(
            loss, first, jac=True, method="L-BFGS-B", bounds=list(_BOUNDS.values()),
            options={"maxiter": _STEPS},
        )  # fmt: skip
    return torch.from_numpy(np.asarray(found.x))


def _posterior(
    inputs: Inputs,
    values: Float[Tensor, " n"],
    noise: Float[Tensor, " n"],
    logs: Float[Tensor, " parameters"],
    points: Inputs,
) -> Posterior:
    """Condition on values, each with a noise of its own.

    With L L' the kernel of the points, A = L⁻¹ K / √noise and B = I + A A', the mean has weights
    L'⁻¹ B⁻¹ A y / √noise, and what is explained of a variance is k L'⁻¹ (I - B⁻¹) L⁻¹ k'.
    """
    own = covariance(points, points, logs)
    own = own + torch.diag(own.new_full((len(own),), _JITTER) * own.diagonal().mean())
    factor = torch.linalg.cholesky(own)
    root = noise.sqrt()
    cross = covariance(points, inputs, logs) / root
    a = torch.linalg.solve_triangular(factor, cross, upper=False)
    energy, directions = torch.linalg.eigh(a @ a.T)
    energy = energy.clamp_min(0.0)
    project = torch.linalg.solve_triangular(factor.T, directions, upper=True)
    weights = project @ ((directions.T @ (a @ (values / root))) / (1.0 + energy))
    share = energy / (1.0 + energy)
    kept = share > _LEAST_KEPT
    return Posterior(points, weights, project[:, kept] * share[kept].sqrt(), logs)


def _pseudo(
    inputs: Inputs, targets: Targets, logs: Float[Tensor, " parameters"], points: Inputs
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Pseudo-measurements of censored rows, and the variance of each row, by parallel EP.

    A censored row says that the process and its noise together lie below the floor, with
    probability Φ((floor - f) / √noise). Its moments with what all other rows say of f give the
    normal pseudo-measurement that does the same.
    """
    noise = float(logs[-1].exp())
    rows = targets.censored
    values, spread = targets.values.clone(), torch.full_like(targets.values, noise)
    precision = torch.full_like(values[rows], 1.0 / noise)
    shift = values[rows] * precision
    floor = targets.values[rows]
    for _ in range(_SWEEPS):
        mean, variance_ = _posterior(inputs, values, spread, logs, points).at(inputs.rows(rows))
        # What the other rows say: the posterior without this row's own pseudo-measurement.
        cavity = (1.0 / variance_.clamp_min(1e-9) - precision).clamp_min(1e-6)
        middle = (mean / variance_.clamp_min(1e-9) - shift) / cavity
        width = 1.0 / cavity
        scale = (noise + width).sqrt()
        z = (floor - middle) / scale
        ratio = _mills(z)
        tilted = middle - width * ratio / scale
        left = (width - width.square() * ratio * (z + ratio) / scale.square()).clamp_min(1e-9)
        wanted = (1.0 / left - cavity).clamp(1.0 / _VAGUE, 1e6)
        precision = (1.0 - _DAMPING) * precision + _DAMPING * wanted
        shift = (1.0 - _DAMPING) * shift + _DAMPING * (tilted / left - middle * cavity)
        values[rows], spread[rows] = shift / precision, 1.0 / precision
    return values, spread


def _mills(z: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Density over distribution of the normal, φ(z) / Φ(z), also far out."""
    return torch.exp(-0.5 * z.square() - 0.5 * math.log(2.0 * math.pi) - torch.special.log_ndtr(z))
