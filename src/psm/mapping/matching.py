"""From distances to the answer of a query: probability, uncertainty, distance.

A wanted Gaussian matches with probability p0, each unwanted term k with p_k. The probability of the
one and none of the others is ``p0 · Π (1 - p_k)^w_k``: with w_k = 2, a term must stay away from two
recordings. Subtracting the means of the unwanted terms instead would ask for their opposite, a
direction that the model has learnt nothing about; docs/queries.md compares the two with the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from psm.calibration import Curve
from psm.gaussian import Gaussian, moments


@dataclass(frozen=True, eq=False)
class EncodedQuery:
    """A query in the space of a model.

    Attributes:
        gaussians: ``(terms, dim)``: what is wanted, if anything is, then each unwanted term.
        has_wanted: whether the first row is what is wanted.
        powers: ``(unwanted,)`` how often each unwanted term is shut out, positive.
    """

    gaussians: Gaussian
    has_wanted: bool
    powers: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.gaussians.mean)


def answer(
    query: EncodedQuery,
    distance: Float[Tensor, "n terms"],
    variance: Float[Tensor, "n terms"],
    curve: Curve,
) -> dict[str, Float[Tensor, " n"]]:
    """What a map holds, from the distances of its cells to the terms of a query.

    Args:
        query: has the terms.
        distance: :func:`psm.gaussian.csd` of cells and terms.
        variance: :func:`psm.gaussian.csd_variance` of them.
        curve: from distance to probability.

    Returns:
        ``match_probability``, its standard deviation ``uncertainty`` (terms taken as independent)
        and ``csd`` to what is wanted, NaN where nothing is.
    """
    probability = torch.ones_like(distance[:, 0])
    mean, spread = torch.ones_like(probability), torch.zeros_like(probability)
    powers = ([0.0] if query.has_wanted else []) + list(query.powers)
    for term, power in enumerate(powers):
        factor = curve if term == 0 and query.has_wanted else _absence(curve, power)
        own_mean, own = moments(factor, distance[:, term], variance[:, term])
        probability = probability * factor(distance[:, term])
        spread = spread * (own + own_mean.square()) + mean.square() * own
        mean = mean * own_mean
    blank = torch.full_like(probability, torch.nan)
    return {
        "match_probability": probability,
        "uncertainty": spread.sqrt(),
        "csd": distance[:, 0] if query.has_wanted else blank,
    }


def _absence(curve: Curve, power: float) -> Curve:
    return lambda distance: (1.0 - curve(distance)).clamp_min(0.0) ** power
