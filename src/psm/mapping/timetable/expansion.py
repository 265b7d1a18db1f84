"""Karhunen-Loève expansion of location Gaussians over every month and hour.

A distance to a query is an inner product of a query's weights and a location's factors
(:func:`psm.gaussian.csd_factors`). The factors of a cell at all times together are one long vector,
and cells are alike: a few hundred coefficients a cell, times vectors that all cells share, give it
back. A query and a time then act on the shared vectors alone, and a map is one matrix-vector
product with the coefficients.

The shared vectors come from a sample of cells fused at every one of :data:`STATES` (principal
components by the method of snapshots, Sirovich 1987). The coefficients of any other cell come from
its fusion at a few states only (gappy reconstruction, Everson & Sirovich 1995, with the variances
of the components as prior), chosen by QR with pivoting (Q-DEIM, Drmač & Gugercin 2016).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.linalg import qr
from torch import Tensor

from psm.gaussian import (
    Gaussian,
    csd_factors,
    csd_weights,
    variance_factors,
    variance_weights,
)
from psm.mapping.moment import Moment

HOURS = 24
MONTH_STATES, HOUR_STATES = 13, HOURS + 1
"""Every month and hour, and last the unknown one."""

STATES = tuple(
    Moment(month=month, hour=hour)
    for month in (*range(1, 13), None)
    for hour in (*map(float, range(HOURS)), None)
)
"""By month, then hour: state ``month_state * HOUR_STATES + hour_state``."""


def month_state(month: int | None) -> int:
    """Row of a month."""
    return MONTH_STATES - 1 if month is None else month - 1


def hour_weights(hours: Float[Tensor, " n"]) -> Float[Tensor, "n hours"]:
    """Weights of the 24 whole hours at any hour, ``(n, 24)``: trigonometric interpolation.

    Exact for what holds no more than 11 waves a day; at a whole hour it is that hour itself.
    """
    turns = (hours[:, None] - torch.arange(HOURS)) * (2.0 * math.pi / HOURS)
    waves = torch.arange(1, HOURS // 2)
    inner = (turns[..., None] * waves).cos().sum(-1)
    return (1.0 + 2.0 * inner + (turns * (HOURS // 2)).cos()) / HOURS


def at_hour(hour: float | None, by_hour: Tensor) -> Tensor:
    """What is known of the 24 hours and, last, of the unknown one, at one hour or at that."""
    if hour is None:
        return by_hour[HOURS]
    weights = hour_weights(torch.tensor([hour]))[0]
    found: Tensor = torch.tensordot(weights, by_hour[:HOURS], dims=1)
    return found


_CHOICE_CELLS = 512
"""Cells that the choice of states looks at; it needs no more."""


class QueryWeights(NamedTuple):
    """Queries at one month and some hours, as weights of the coefficients.

    ``csd = offset + coefficients @ weights``, and its variance likewise from the first of the
    coefficients.

    Attributes:
        csd_offset: ``(hours, queries)``.
        csd_weights: ``(hours, rank, queries)``.
        variance_offset: ``(hours, queries)``.
        variance_weights: ``(hours, spread rank, queries)``.
    """

    csd_offset: Float[Tensor, "hours queries"]
    csd_weights: Float[Tensor, "hours rank queries"]
    variance_offset: Float[Tensor, "hours queries"]
    variance_weights: Float[Tensor, "hours spread queries"]


@dataclass(frozen=True, eq=False)
class Expansion:
    """Karhunen-Loève expansion of location Gaussians over time: the part that all cells share.

    Attributes:
        mean: mean factors of the CSD, ``(months, hours, dim + 1)``.
        basis: components, ``(months, hours, rank, dim + 1)``.
        spread_mean: mean factors of its variance, ``(months, hours, 4 dim + 1)``.
        spread_basis: their regression on the first coefficients,
            ``(months, hours, spread rank, 4 dim + 1)``.
        seen: the states that a cell is fused at.
        gain: from their factors less the mean to the coefficients, ``(seen, dim + 1, rank)``.
    """

    mean: Float[Tensor, "months hours terms"]
    basis: Float[Tensor, "months hours rank terms"]
    spread_mean: Float[Tensor, "months hours spread_terms"]
    spread_basis: Float[Tensor, "months hours spread spread_terms"]
    seen: Int[Tensor, " seen"]
    gain: Float[Tensor, "seen terms rank"]

    @property
    def rank(self) -> int:
        """Coefficients a cell."""
        return self.basis.shape[2]

    def coefficients(self, fused: Iterable[Gaussian]) -> Float[Tensor, "n rank"]:
        """Coefficients of cells from their Gaussians at the states of ``seen``, in that order."""
        mean = self.mean.reshape(len(STATES), -1)
        total: Tensor | None = None
        for state, gain, gaussian in zip(self.seen.tolist(), self.gain, fused, strict=True):
            part = (csd_factors(gaussian) - mean[state]) @ gain
            total = part if total is None else total + part
        assert total is not None
        return total

    def on_axes(
        self, axes: Float[Tensor, "dim k"], month: int
    ) -> tuple[Float[Tensor, "hours k"], Float[Tensor, "hours rank k"]]:
        """Means of the locations on some axes at a month's row: their mean, and the components."""
        dim = len(axes)  # factors of a distance begin with twice the mean
        return self.mean[month][:, :dim] @ axes / 2.0, self.basis[month][..., :dim] @ axes / 2.0

    def answer(self, queries: Gaussian, month: int) -> QueryWeights:
        """What queries, ``(m, dim)``, ask of the coefficients at a month's row of the states."""
        weights, offset = csd_weights(queries)
        spread_weights, spread_offset = variance_weights(queries)
        return QueryWeights(
            self.mean[month] @ weights.T + offset,
            self.basis[month] @ weights.T,
            self.spread_mean[month] @ spread_weights.T + spread_offset,
            self.spread_basis[month] @ spread_weights.T,
        )


class Fitted(NamedTuple):
    """An expansion, and the coefficients of the sample that it was fitted to.

    Attributes:
        expansion: the shared part.
        coefficients: of the cells of the sample, ``(cells, rank)``.
    """

    expansion: Expansion
    coefficients: Float[Tensor, "cells rank"]


def fit(
    gaussian: Callable[[int], Gaussian],
    cells: int,
    *,
    rank: int,
    spread_rank: int,
    seen: int,
) -> Fitted:
    """The expansion of a sample of cells.

    Args:
        gaussian: the sample's Gaussians ``(cells, dim)`` at a state; called several times a state.
        cells: size of the sample.
        rank: coefficients a cell; fewer, where the sample does not have as many.
        spread_rank: how many of them the variances follow.
        seen: states that a cell will be fused at.
    """
    # What all cells have in common at each state: components describe what is left.
    mean = torch.stack([csd_factors(gaussian(s)).mean(0) for s in range(len(STATES))])

    def factors(state: int) -> Tensor:
        return csd_factors(gaussian(state)) - mean[state]

    # Principal components by snapshots: the cells are fewer than terms times states, so that their
    # Gram matrix, summed state by state, is decomposed instead of the covariance of the terms.
    gram = torch.zeros(cells, cells, dtype=torch.float64)
    for state in range(len(STATES)):
        x = factors(state)
        gram += (x @ x.T).double()
    # The mean is left out once more: a trace of it stays in float32, and passes for a component.
    gram = gram - gram.mean(0) - gram.mean(1, keepdim=True) + gram.mean()
    energy, vectors = (found.flip(-1) for found in torch.linalg.eigh(gram))
    # Components of next to no energy are noise; dividing by it would blow them up.
    rank = min(rank, int((energy > 1e-9 * energy[0]).sum()))
    left_over = float(energy[rank:].clamp_min(0.0).sum())
    energy, vectors = energy[:rank].float(), vectors[:, :rank].float()
    # Coefficients of the sample; divided by their energy, they project onto the components.
    project = (vectors / energy.sqrt()).T
    basis = torch.stack([project @ factors(state) for state in range(len(STATES))])
    # Variances follow by regression on the first coefficients, without components of their own.
    spread_rank = min(spread_rank, rank)
    spread_mean, spread_basis = [], []
    for state in range(len(STATES)):
        spread = variance_factors(gaussian(state))
        spread_mean.append(spread.mean(0))
        spread_basis.append(project[:spread_rank] @ (spread - spread.mean(0)))
    # Other cells are fused at the chosen states alone. Ridge regression gives their coefficients,
    # with the energies as prior and what the components leave over as noise.
    chosen = _choose(factors, seen, cells)
    noise = left_over / (len(STATES) * mean.shape[1] * cells)
    normal = torch.diag(max(noise, 1e-9) * cells / energy).double()
    for state in chosen:
        normal += (basis[state] @ basis[state].T).double()
    gain = [torch.linalg.solve(normal, basis[state].double()).T.float() for state in chosen]
    grid = (MONTH_STATES, HOUR_STATES)
    expansion = Expansion(
        mean.reshape(*grid, -1),
        basis.reshape(*grid, rank, -1),
        torch.stack(spread_mean).reshape(*grid, -1),
        torch.stack(spread_basis).reshape(*grid, spread_rank, -1),
        torch.tensor(chosen),
        torch.stack(gain),
    )
    return Fitted(expansion, vectors * energy.sqrt())


def _choose(factors: Callable[[int], Tensor], count: int, cells: int) -> list[int]:
    """States at which the leading modes in time are told apart best."""
    # Modes in time are eigenvectors over states; pivoted QR picks the states that tell them apart.
    step = -(-cells // _CHOICE_CELLS)
    seen = torch.stack([factors(state)[::step].flatten() for state in range(len(STATES))])
    modes = torch.linalg.eigh(seen @ seen.T)[1].flip(-1)[:, :count]
    _, _, order = qr(modes.T.numpy(), pivoting=True, mode="economic")
    return [int(state) for state in order[:count]]
