"""Curves from the distance of a place and a query to a probability, and their logistic fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psm.gaussian import Gaussian
from psm.model import PSM

_TOLERANCE = 1e7 * float(np.finfo(np.float64).eps)  # that of L-BFGS-B by default

_LEAST_PRIOR = 1e-6

Curve = Callable[[Tensor], Tensor]
"""From squared distances to probabilities of a match."""


@dataclass(frozen=True, eq=False)
class QueryCurves:
    """The curve of each of M queries: one curve for all, at distances shifted by their shares.

    Attributes:
        curve: from squared distances to probabilities.
        offset: ``(m,)`` that is added to the squared distances to each query.
        variance: ``(m,)`` of the offset.
    """

    curve: Curve
    offset: Float[Tensor, " m"]
    variance: Float[Tensor, " m"]

    @classmethod
    def alike(cls, curve: Curve, queries: Gaussian) -> QueryCurves:
        """One curve for all queries, without shares."""
        nothing = queries.mean.new_zeros(len(queries.mean), dtype=torch.float32)
        return cls(curve, nothing, nothing)

    def __call__(self, distance: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        """Probabilities at squared distances to each of the queries."""
        return self.curve(distance + self.offset)

    def share_error(self, distance: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        """What the shares leave open of the probabilities: their variance (central difference)."""
        at, away = distance + self.offset, self.variance.sqrt()
        return (0.5 * (self.curve(at - away) - self.curve(at + away))).square()

    def capped(self, ceiling: float | Float[Tensor, " m"]) -> QueryCurves:
        """The same, every probability times ``ceiling``: none is above it, their order stays."""
        curve = self.curve
        return QueryCurves(lambda distance: ceiling * curve(distance), self.offset, self.variance)

    def columns(self, index: slice) -> QueryCurves:
        """The curves of some of the queries."""
        return QueryCurves(self.curve, self.offset[index], self.variance[index])


def learnt_curve(model: PSM) -> Curve:
    """The match probability as the model learnt it."""
    return lambda distance: torch.sigmoid(model.shift - model.negative_scale * distance)


def fit_logistic(
    distance: Float[np.ndarray, " n"],
    positive: Bool[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"] | None = None,
    *,
    tolerance: float = _TOLERANCE,
) -> tuple[float, float]:
    """Logistic regression of matches on distances, ``sigmoid(shift - scale * distance)``.

    Args:
        distance: closed-form sampled distance of each pair.
        positive: whether the pair matches.
        weight: how much each counts; all alike by default.
        tolerance: relative gain in likelihood below which the search ends.

    Returns:
        Scale, which is positive, and shift, under which the answers are most likely (Platt 1999).
    """
    from scipy.optimize import minimize  # a map has its curves, and takes no time to import this
    from scipy.special import expit

    weight = np.ones(len(distance)) if weight is None else weight
    # Pairs of one kind, as in a part of few sites, make no answer certain.
    prior = float(np.clip(np.average(positive, weights=weight), _LEAST_PRIOR, 1.0 - _LEAST_PRIOR))
    # Distances are standardised, and the slope is searched by its logarithm, so that it stays
    # positive and the two parameters are of like size.
    centre, unit = distance.mean(), distance.std() or 1.0
    nearness = (centre - distance) / unit
    answer, share = positive.astype(float), weight / weight.sum()

    def loss(parameters: Float[np.ndarray, " 2"]) -> tuple[float, Float[np.ndarray, " 2"]]:
        slope = np.exp(parameters[0])
        logit = parameters[1] + slope * nearness
        error = share * (expit(logit) - answer)
        value = float(share @ (np.logaddexp(0.0, logit) - answer * logit))
        return value, np.array([error @ nearness * slope, error.sum()])

    start = np.array([0.0, np.log(prior / (1.0 - prior))])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-12.0, 12.0), (None, None)],
        options={"ftol": tolerance, "gtol": min(1e-5, tolerance**0.5)},
    )
    slope = float(np.exp(found.x[0]) / unit)
    return slope, float(found.x[1]) + slope * float(centre)
