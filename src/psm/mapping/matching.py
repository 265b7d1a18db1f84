"""Match probability, uncertainty and distance of a query, from distances to its terms.

A wanted term k matches with probability p_k, an unwanted one with q_k; matches are taken as
independent. With w_k the sizes of their weights, a query comes to

    blend    p · Π (1 - q_k)^w_k               p of all wanted terms combined into one Gaussian
    all      Π p_k^w_k · Π (1 - q_k)^w_k
    any      (1 - Π (1 - p_k)^w_k) · Π (1 - q_k)^w_k

so that with w_k = 2, a term must stay away from two recordings. Subtracting the means of unwanted
terms instead would ask for their opposite, a direction that the model has learnt nothing about;
docs/queries.md holds all of this against the truth.

A term that is unlike anything that the model was trained on is answered at most by the base rate,
whatever its distances say: see :mod:`psm.familiarity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from psm.curves import Curve, QueryCurves
from psm.familiarity import QueryFamiliarity, TermFamiliarity
from psm.gaussian import Gaussian, concatenate, moments
from psm.mapping.bands import CSD, PROBABILITY, UNCERTAINTY
from psm.model import PSM
from psm.uncertainty import Opinions, factor_error

Together = Literal["blend", "all", "any"]


@dataclass(frozen=True, eq=False)
class EncodedQuery:
    """A query in the space of a model.

    Attributes:
        gaussians: ``(terms, dim)``: what is wanted, then what is unwanted.
        powers: ``(terms,)`` sizes of the weights.
        wanted: how many terms are; a blend is one.
        is_any: whether one of the wanted terms is enough.
        opinions: second ones on every term, where the model has any.
        ceilings: what the probability of each term is multiplied by, 1 where it is familiar; none
            at all where the model does not say.
        familiarity: of all of it, likewise.
        is_variance_known: whether the model's Gaussians have one; with neither that nor second
            opinions, how unsure an answer is is not known.
    """

    gaussians: Gaussian
    powers: tuple[float, ...]
    wanted: int
    is_any: bool = False
    opinions: Opinions | None = None
    ceilings: tuple[float, ...] = ()
    familiarity: QueryFamiliarity | None = None
    is_variance_known: bool = True

    @classmethod
    def each(
        cls, model: PSM, gaussians: Gaussian, known: Sequence[TermFamiliarity] = ()
    ) -> list[EncodedQuery]:
        """A query for every Gaussian, ``(m, dim)``, alone; ``known`` where the model says."""
        opinions = model.uncertainty.opinions(gaussians) if model.uncertainty is not None else None
        rows = [slice(row, row + 1) for row in range(len(gaussians.mean))]
        queries = [
            cls(
                gaussians.rows(row),
                (1.0,),
                1,
                opinions=opinions and opinions.rows(row),
                is_variance_known=model.config.heads.probabilistic,
            )
            for row in rows
        ]
        if not known:
            return queries
        return [
            query.with_familiarity([(term,)], model.config.name)
            for query, term in zip(queries, known, strict=True)
        ]

    def with_familiarity(
        self, known: Sequence[Sequence[TermFamiliarity]], model: str
    ) -> EncodedQuery:
        """The same with what each term is made of, as far as the model ``model`` knows it."""
        ceilings = [min((part.ceiling for part in parts), default=1.0) for parts in known]
        return replace(
            self,
            ceilings=tuple(ceilings),
            familiarity=QueryFamiliarity(tuple(part for parts in known for part in parts), model),
        )

    def __len__(self) -> int:
        return len(self.powers)

    @cached_property  # a timetable knows the question of before by being the same object
    def asked(self) -> Gaussian:
        """Gaussians that :func:`answer` needs the distances to: the terms, then the opinions."""
        if self.opinions is None:
            return self.gaussians
        return concatenate([self.gaussians, self.opinions.gaussians])

    @property
    def is_uncertainty_known(self) -> bool:
        """Whether there is anything to tell by how far an answer may be off."""
        return self.is_variance_known or self.opinions is not None

    @property
    def columns(self) -> int:
        """How many these are."""
        return len(self) if self.opinions is None else 2 * len(self)


def answer(
    query: EncodedQuery,
    distance: Float[Tensor, "n columns"],
    variance: Float[Tensor, "n columns"],
    curves: QueryCurves,
) -> dict[str, Float[Tensor, " n"]]:
    """Every band of a map, from the distances of its cells to the terms of a query.

    Args:
        query: has the terms.
        distance: :func:`psm.gaussian.csd` of cells and :attr:`EncodedQuery.asked`.
        variance: :func:`psm.gaussian.csd_variance` of them; not looked at with second opinions.
        curves: of the terms, from distance to probability.

    Returns:
        The :data:`~psm.mapping.bands.BANDS` by name. The csd is that to what is wanted, the average
        by weight where that is several terms, NaN where it is nothing. The uncertainty is NaN where
        it is not known, of points without second opinions.
    """
    # Each term is a function of the distance to it: of being there, or of staying away.
    factor = partial(_factor, query, distance, variance, curves)
    # Any of the wanted is what is left when all of them stay away.
    found = _product([factor(k, is_absence=query.is_any) for k in range(query.wanted)], distance)
    if query.is_any and query.wanted:
        found = 1.0 - found[0], 1.0 - found[1], found[2]
    # Unwanted terms stay away, each independently.
    unwanted = range(query.wanted, len(query))
    rest = _product([factor(k, is_absence=True) for k in unwanted], distance)
    probability, _, spread = _times(found, rest)
    weights = torch.tensor(query.powers[: query.wanted], dtype=distance.dtype)
    shares = (weights / weights.sum()).to(distance.device)
    blank = torch.full_like(probability, torch.nan)
    return {
        PROBABILITY.name: probability,
        UNCERTAINTY.name: spread.sqrt() if query.is_uncertainty_known else blank,
        CSD.name: distance[:, : query.wanted] @ shares if query.wanted else blank,
    }


_Factor = tuple[Tensor, Tensor, Tensor]
"""Value at the distance itself, mean and variance, ``(n,)`` each."""


def _factor(
    query: EncodedQuery,
    distance: Tensor,
    variance: Tensor,
    curves: QueryCurves,
    term: int,
    *,
    is_absence: bool,
) -> _Factor:
    """A term being there, or staying away."""
    column = slice(term, term + 1)
    own, power = curves.columns(column), query.powers[term]
    ceiling = query.ceilings[term] if query.ceilings else 1.0
    if ceiling < 1.0:
        capped = own.capped(ceiling)(distance[:, column])[:, 0]
        return _unfamiliar(capped, ceiling, power, is_absence=is_absence)
    if query.opinions is None:
        powered = (_absence if is_absence else _presence)(own.curve, power)
        # What is not known of how common a term is adds to what is not known of its distance.
        at, unsure = distance[:, term] + own.offset, variance[:, term] + own.variance
        return powered(at), *moments(powered, at, unsure)
    probability = own(distance[:, column])
    second = distance[:, len(query) + term, None]
    error = query.opinions.rows(column).squared_error(probability, second)
    error = (error + own.share_error(distance[:, column]))[:, 0]
    base = ((1.0 - probability).clamp_min(0.0) if is_absence else probability)[:, 0]
    value = base if power == 1.0 else base**power
    return value, value, factor_error(error, probability[:, 0], power, is_absence=is_absence)


def _unfamiliar(probability: Tensor, ceiling: float, power: float, *, is_absence: bool) -> _Factor:
    """A term that the model does not know: neither its spread nor a second opinion says anything.

    Where it is heard may be anywhere: the error is as large as the base rate that it is held below.
    """
    base = 1.0 - probability if is_absence else probability
    error = factor_error(
        torch.full_like(probability, ceiling**2), probability, power, is_absence=is_absence
    )
    value = base if power == 1.0 else base**power
    return value, value, error


def _product(factors: list[_Factor], distance: Tensor) -> _Factor:
    """The product over terms."""
    one = distance.new_ones(len(distance))
    product: _Factor = one, one, torch.zeros_like(one)
    for own in factors:
        product = _times(product, own)
    return product


def _times(a: _Factor, b: _Factor) -> _Factor:
    """The product of two independent factors; its variance has no term to cancel."""
    spread = a[2] * b[2] + a[2] * b[1].square() + a[1].square() * b[2]
    return a[0] * b[0], a[1] * b[1], spread


def _presence(curve: Curve, power: float) -> Curve:
    return curve if power == 1.0 else lambda distance: curve(distance) ** power


def _absence(curve: Curve, power: float) -> Curve:
    return lambda distance: (1.0 - curve(distance)).clamp_min(0.0) ** power
