"""All the probability in PSM: diagonal Gaussians, the distance between them, what a match means.

Notation: a location, a recording and a caption are each ``z ~ N(mu, diag(v))`` with
``v = exp(log_var)``.
The squared distance between two independent draws, ``|z1 - z2|²``, has a closed-form expectation
(the closed-form sampled distance, CSD) and a closed-form variance:

    E   = |mu1 - mu2|² + sum(v1 + v2)                                 Chun 2024 (PCME++), eq. 1
    Var = 2 sum((v1 + v2)²) + 4 sum((v1 + v2) (mu1 - mu2)²)           quadratic form of a Gaussian

Both expand into dot products, so that ``(N, M)`` results cost one matrix product and no
``(N, M, D)`` tensor exists. The arithmetic is done in float32 at least: ``exp`` of a half-precision
log-variance overflows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


class Gaussian(NamedTuple):
    """A batch of diagonal Gaussians.

    Example:
        >>> a = Gaussian(torch.tensor([[1.0, 0.0]]), torch.full((1, 2), -4.0))
        >>> b = Gaussian(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.full((2, 2), -4.0))
        >>> [round(distance, 2) for distance in csd(a, b)[0].tolist()]
        [0.07, 2.07]

    Attributes:
        mean: ``(..., dim)``; the model's are of unit length, the equations here do not need that.
        log_var: ``(..., dim)`` natural logarithm of the variances.
    """

    mean: Float[Tensor, "*batch dim"]
    log_var: Float[Tensor, "*batch dim"]

    @property
    def var(self) -> Float[Tensor, "*batch dim"]:
        """Variances, in float32 at least."""
        return _wide(self.log_var).exp()

    def rows(self, index: slice | Tensor) -> Gaussian:
        """Some of the batch.

        Args:
            index: of the first dimension: a slice, numbers or a mask.

        Returns:
            The Gaussians at ``index``.
        """
        return Gaussian(self.mean[index], self.log_var[index])

    def unit(self) -> Gaussian:
        """The same with means of unit length."""
        return Gaussian(F.normalize(_wide(self.mean), dim=-1), self.log_var)

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw from every Gaussian of the batch.

        Args:
            count: draws of each.
            generator: of the noise; by default PyTorch's own.

        Returns:
            ``(count, ..., dim)``.
        """
        mean = _wide(self.mean)
        noise = torch.randn(
            (count, *mean.shape), generator=generator, dtype=mean.dtype, device=mean.device
        )
        return mean + self.var.sqrt() * noise


def _wide(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


def csd(a: Gaussian, b: Gaussian) -> Float[Tensor, "n m"]:
    """Closed-form sampled distance of every pair (Chun 2024, eq. 1).

    Args:
        a: ``(n, dim)``.
        b: ``(m, dim)``.

    Returns:
        ``(n, m)`` expected squared distances, never negative.
    """
    mean_a, mean_b = _wide(a.mean), _wide(b.mean)
    own_a = mean_a.square().sum(-1) + a.var.sum(-1)
    own_b = mean_b.square().sum(-1) + b.var.sum(-1)
    # The clamp guards against the cancellation of nearly equal means with tiny variances.
    return (own_a[:, None] + own_b[None, :] - 2.0 * mean_a @ mean_b.T).clamp_min(0.0)


def csd_variance(a: Gaussian, b: Gaussian) -> Float[Tensor, "n m"]:
    """Variance of the squared distance of every pair.

    With ``s = v1 + v2`` and ``δ = mu1 - mu2`` it is ``2 sum(s²) + 4 sum(s δ²)``; the products
    expand into one inner product of five stacked features a side.

    Args:
        a: ``(n, dim)``.
        b: ``(m, dim)``.

    Returns:
        ``(n, m)``, never negative.
    """
    weights, offset = variance_weights(b)
    return (variance_factors(a) @ weights.T + offset).clamp_min(0.0)


def csd_factors(a: Gaussian) -> Float[Tensor, "n terms"]:
    """One side of the CSD as an inner product, ``(n, dim + 1)``; see :func:`csd_weights`.

    What is linear in these factors can be averaged, expanded or projected once for all queries.
    """
    mean = _wide(a.mean)
    own = mean.square().sum(-1) + a.var.sum(-1)
    return torch.cat([2.0 * mean, own[..., None]], dim=-1)


def csd_weights(b: Gaussian) -> tuple[Float[Tensor, "m terms"], Float[Tensor, " m"]]:
    """The other side: ``csd(a, b) = csd_factors(a) @ weights.T + offset``."""
    mean = _wide(b.mean)
    offset = mean.square().sum(-1) + b.var.sum(-1)
    return torch.cat([-mean, torch.ones_like(offset)[..., None]], dim=-1), offset


def variance_factors(a: Gaussian) -> Float[Tensor, "n terms"]:
    """One side of :func:`csd_variance` as an inner product, ``(n, 4 dim + 1)``."""
    mean, var = _wide(a.mean), a.var
    own = 2.0 * var.square().sum(-1) + 4.0 * (var * mean.square()).sum(-1)
    return torch.cat([var, mean.square(), var * mean, mean, own[..., None]], dim=-1)


def variance_weights(b: Gaussian) -> tuple[Float[Tensor, "m terms"], Float[Tensor, " m"]]:
    """The other side: ``csd_variance(a, b) = variance_factors(a) @ weights.T + offset``."""
    mean, var = _wide(b.mean), b.var
    offset = 2.0 * var.square().sum(-1) + 4.0 * (var * mean.square()).sum(-1)
    one = torch.ones_like(offset)[..., None]
    parts = [4.0 * (var + mean.square()), 4.0 * var, -8.0 * mean, -8.0 * var * mean, one]
    return torch.cat(parts, dim=-1), offset


def match_probability(
    a: Gaussian, b: Gaussian, *, negative_scale: Tensor | float, shift: Tensor | float
) -> Float[Tensor, "n m"]:
    """Probability that a pair belongs together: ``sigmoid(shift - negative_scale * csd)``."""
    return torch.sigmoid(shift - negative_scale * csd(a, b))


def match_uncertainty(
    a: Gaussian,
    b: Gaussian,
    *,
    negative_scale: Tensor | float,
    shift: Tensor | float,
    nodes: int = 15,
) -> Float[Tensor, "n m"]:
    """How sure a match probability is, given what both sides leave open.

    The squared distance of two draws is taken as normal with the CSD as its mean and
    :func:`csd_variance` as its variance; the result is the standard deviation of
    ``sigmoid(shift - negative_scale * distance)`` under it. It lies in ``[0, 0.5]`` and, unlike the
    spread of either side alone, depends on the query. The normal approximation holds while
    variances sum to less than the distance of the means; beyond that the true distance is skewed
    and the result errs on the side of doubt.

    Args:
        a: ``(n, dim)``.
        b: ``(m, dim)``.
        negative_scale: ``a`` of the match probability, positive.
        shift: ``b`` of the match probability.
        nodes: quadrature nodes; 15 is exact to about 1e-3.

    Returns:
        ``(n, m)`` standard deviations.
    """
    _, variance = moments(
        lambda distance: torch.sigmoid(shift - negative_scale * distance),
        csd(a, b),
        csd_variance(a, b),
        nodes=nodes,
    )
    return variance.sqrt()


def moments(
    curve: Callable[[Tensor], Tensor],
    distance: Float[Tensor, "*shape"],
    variance: Float[Tensor, "*shape"],
    *,
    nodes: int = 15,
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """Mean and variance of a ``curve`` of the squared distance, by Gauss-Hermite quadrature.

    Args:
        curve: from squared distances to numbers, such as a match probability.
        distance: the mean of each squared distance, which is taken as normal.
        variance: its variance.
        nodes: quadrature nodes.
    """
    spread = variance.sqrt()
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    # Around the value in the middle: near 1, E[f²] - E[f]² would cancel in float32.
    middle = curve(distance)
    first, second = torch.zeros_like(distance), torch.zeros_like(distance)
    for point, weight in zip(points.tolist(), weights.tolist(), strict=True):
        off = curve(distance + point * spread) - middle
        first += weight * off
        second += weight * off.square()
    return middle + first, (second - first.square()).clamp_min(0.0)


def combine(gaussians: Sequence[Gaussian], weights: Sequence[float] | None = None) -> Gaussian:
    """One query from several: a composed query, or a text and a recording asked together.

    Means are normalised first, then averaged by weight and normalised again; variances add, as
    those of independent terms do (weights enter squared, relative to their mean).

    Args:
        gaussians: each ``(..., dim)``, of one shape.
        weights: one number each, of any sign but not all zero; equal by default.

    Raises:
        ValueError: nothing to combine, or weights that do not fit.
    """
    if not gaussians:
        raise ValueError("combine needs at least one Gaussian")
    factors = list(weights) if weights is not None else [1.0] * len(gaussians)
    size = sum(abs(factor) for factor in factors) / len(factors)
    if len(factors) != len(gaussians) or not math.isfinite(size) or size == 0.0:
        raise ValueError(f"{len(gaussians)} Gaussians need as many finite weights, not {factors}")
    relative = [factor / size for factor in factors]
    means = torch.stack(
        [w * F.normalize(_wide(g.mean), dim=-1) for w, g in zip(relative, gaussians, strict=True)]
    )
    log_vars = torch.stack(
        [
            _wide(g.log_var) + 2.0 * math.log(abs(w))
            for w, g in zip(relative, gaussians, strict=True)
            if w != 0.0
        ]
    )
    return Gaussian(F.normalize(means.sum(0), dim=-1), torch.logsumexp(log_vars, dim=0))


def mixture(gaussians: Sequence[Gaussian], weights: Sequence[float] | None = None) -> Gaussian:
    """One Gaussian with the moments of a mixture: one thing said, or seen, in several ways.

    With component k of weight w_k (they sum to 1), mean mu_k of unit length and variance v_k:

        mean = sum(w_k mu_k)
        var  = sum(w_k v_k) + sum(w_k (mu_k - mean)²)     own spread, and disagreement

    The mean is shorter than 1 by that disagreement and is not normalised again: as it stands, the
    CSD to the mixture is the weighted average of the CSDs to its components.

    Args:
        gaussians: each ``(..., dim)``, of one shape.
        weights: positive, one each; equal by default.

    Raises:
        ValueError: nothing to mix, or weights that do not fit.
    """
    factors = list(weights) if weights is not None else [1.0] * len(gaussians)
    if (
        not gaussians
        or len(factors) != len(gaussians)
        or not all(0 < w < math.inf for w in factors)
    ):
        raise ValueError(f"{len(gaussians)} Gaussians need as many positive weights, not {factors}")
    shares = [factor / sum(factors) for factor in factors]
    units = [F.normalize(_wide(g.mean), dim=-1) for g in gaussians]
    mean = torch.stack([w * unit for w, unit in zip(shares, units, strict=True)]).sum(0)
    var = torch.stack(
        [
            w * (g.var + (unit - mean).square())
            for w, g, unit in zip(shares, gaussians, units, strict=True)
        ]
    ).sum(0)
    return Gaussian(mean, var.log())


def concatenate(gaussians: Sequence[Gaussian]) -> Gaussian:
    """Stack batches along the first dimension."""
    return Gaussian(
        torch.cat([g.mean for g in gaussians]), torch.cat([g.log_var for g in gaussians])
    )
