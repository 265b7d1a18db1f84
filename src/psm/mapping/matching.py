"""Match probability, uncertainty and distance of a query, from distances to its terms.

A wanted term k matches with probability p_k, an unwanted one with q_k; matches are taken as
independent. With w_k the sizes of their weights, a query comes to

    blend    p · Π (1 - q_k)^w_k               p of all wanted terms combined into one Gaussian
    all      Π p_k^w_k · Π (1 - q_k)^w_k
    any      (1 - Π (1 - p_k)^w_k) · Π (1 - q_k)^w_k

so that with w_k = 2, a term must stay away from two recordings. Subtracting the means of unwanted
terms instead would ask for their opposite, a direction that the model has learnt nothing about;
docs/queries.md holds all of this against the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from psm.curves import Curve, QueryCurves
from psm.gaussian import Gaussian, moments
from psm.mapping.bands import CSD, PROBABILITY, UNCERTAINTY

Together = Literal["blend", "all", "any"]


@dataclass(frozen=True, eq=False)
class EncodedQuery:
    """A query in the space of a model.

    Attributes:
        gaussians: ``(terms, dim)``: what is wanted, then what is unwanted.
        powers: ``(terms,)`` sizes of the weights.
        wanted: how many terms are; a blend is one.
        is_any: whether one of the wanted terms is enough.
    """

    gaussians: Gaussian
    powers: tuple[float, ...]
    wanted: int
    is_any: bool = False

    def __len__(self) -> int:
        return len(self.powers)


def answer(
    query: EncodedQuery,
    distance: Float[Tensor, "n terms"],
    variance: Float[Tensor, "n terms"],
    curves: QueryCurves,
) -> dict[str, Float[Tensor, " n"]]:
    """Every band of a map, from the distances of its cells to the terms of a query.

    Args:
        query: has the terms.
        distance: :func:`psm.gaussian.csd` of cells and terms.
        variance: :func:`psm.gaussian.csd_variance` of them.
        curves: of the terms, from distance to probability.

    Returns:
        The :data:`~psm.mapping.bands.BANDS` by name. The csd is that to what is wanted, the average
        by weight where that is several terms, NaN where it is nothing.
    """
    csd, curve = distance, curves.curve
    # What is not known of how common a term is adds to what is not known of its distance.
    distance, variance = distance + curves.offset, variance + curves.variance
    # Each term is a function of the distance to it: of being there, or of staying away.
    wanted = range(query.wanted)
    unwanted = range(query.wanted, len(query))
    absent = [_absence(curve, power) for power in query.powers]
    present = [_presence(curve, power) for power in query.powers]
    # Any of the wanted is what is left when all of them stay away.
    found = _product([(absent if query.is_any else present)[k] for k in wanted], distance, variance)
    if query.is_any and query.wanted:
        found = 1.0 - found[0], 1.0 - found[1], found[2]
    # Unwanted terms stay away, each independently.
    rest = _product(
        [absent[k] for k in unwanted], distance[:, query.wanted :], variance[:, query.wanted :]
    )
    probability, _, spread = _times(found, rest)
    weights = torch.tensor(query.powers[: query.wanted], dtype=distance.dtype)
    shares = (weights / weights.sum()).to(distance.device)
    blank = torch.full_like(probability, torch.nan)
    return {
        PROBABILITY.name: probability,
        UNCERTAINTY.name: spread.sqrt(),
        CSD.name: csd[:, : query.wanted] @ shares if query.wanted else blank,
    }


_Factor = tuple[Tensor, Tensor, Tensor]
"""Value at the distance itself, mean and variance, ``(n,)`` each."""


def _product(curves: list[Curve], distance: Tensor, variance: Tensor) -> _Factor:
    """The product over terms of a function of the distance to each."""
    one = distance.new_ones(len(distance))
    product: _Factor = one, one, torch.zeros_like(one)
    for term, curve in enumerate(curves):
        own = moments(curve, distance[:, term], variance[:, term])
        product = _times(product, (curve(distance[:, term]), *own))
    return product


def _times(a: _Factor, b: _Factor) -> _Factor:
    """The product of two independent factors; its variance has no term to cancel."""
    spread = a[2] * b[2] + a[2] * b[1].square() + a[1].square() * b[2]
    return a[0] * b[0], a[1] * b[1], spread


def _presence(curve: Curve, power: float) -> Curve:
    return curve if power == 1.0 else lambda distance: curve(distance) ** power


def _absence(curve: Curve, power: float) -> Curve:
    return lambda distance: (1.0 - curve(distance)).clamp_min(0.0) ** power
