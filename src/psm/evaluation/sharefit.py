"""Fit of the shares: how much of what is known of how common a query is enters its probability.

One slope for each kind of share is fitted for all queries. It is judged on queries left out as well
as on cells left out, since it is to serve sounds that nobody labelled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import minimize
from scipy.special import expit

from psm.evaluation.fitting import FITS, Pairs, fit_platt, folds

QUERY_FOLDS = 4


@dataclass(frozen=True, eq=False)
class SharedPairs:
    """Pairs whose queries have shares.

    Attributes:
        pairs: places and queries whose answer is known.
        query: ``(n,)`` number of the query.
        log_odds: ``(queries, shares)`` of the shares of each.
    """

    pairs: Pairs
    query: Int[np.ndarray, " n"]
    log_odds: Float[np.ndarray, "queries shares"]

    def shifted(self, slopes: Float[np.ndarray, " shares"]) -> Pairs:
        """The pairs at distances that the shares have shifted."""
        moved = self.pairs.distance - (self.log_odds @ slopes)[self.query]
        return replace(self.pairs, distance=moved)

    def part(self, kept: Bool[np.ndarray, " n"]) -> SharedPairs:
        """Some of the pairs."""
        return SharedPairs(self.pairs.part(kept), self.query[kept], self.log_odds)

    def mean_error(self, predicted: Float[np.ndarray, " n"]) -> float:
        """How far the mean of what is predicted for a query is from the truth, on average."""
        weight = self.pairs.weight
        mass = np.bincount(self.query, weight)
        gap = np.bincount(self.query, weight * (predicted - self.pairs.positive))
        return float(np.mean(np.abs(gap[mass > 0.0]) / mass[mass > 0.0]))


def fit_slopes(shared: SharedPairs) -> Float[np.ndarray, " shares"]:
    """Squared distance that a unit of log-odds is worth, by logistic regression; none negative."""
    pairs = shared.pairs
    start = fit_platt(pairs)
    log_odds = shared.log_odds - shared.log_odds.mean(0)
    evidence = log_odds[shared.query]
    answer, weight = pairs.positive.astype(float), pairs.weight / pairs.weight.sum()
    centre, unit = pairs.distance.mean(), pairs.distance.std() or 1.0
    nearness = (centre - pairs.distance) / unit

    def loss(parameters: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
        scale = np.exp(parameters[0])
        logit = scale * nearness + parameters[1] + evidence @ parameters[2:]
        error = weight * (expit(logit) - answer)
        value = float(weight @ (np.logaddexp(0.0, logit) - answer * logit))
        return value, np.array([error @ nearness * scale, error.sum(), *(error @ evidence)])

    first = (np.log(start.negative_scale * unit), start.shift - start.negative_scale * centre)
    found = minimize(
        loss,
        np.array([*first, *np.full(evidence.shape[1], 0.5)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-12.0, 12.0), (None, None), *[(0.0, None)] * evidence.shape[1]],
    )
    return np.asarray(found.x[2:] * unit / np.exp(found.x[0]))


def held_out_of_both(shared: SharedPairs, method: str) -> Float[np.ndarray, " n"]:
    """What is predicted for each pair by a fit that saw neither its cell nor its query."""
    cell = folds(shared.pairs.cell)
    query = (shared.query * 7919) % QUERY_FOLDS  # neighbours in a list of sounds are alike
    predicted = np.empty(len(shared.pairs))
    for c in range(cell.max() + 1):
        for q in np.unique(query):
            left_out = (cell == c) & (query == q)
            seen = shared.part((cell != c) & (query != q))
            slopes = fit_slopes(seen)
            curve = FITS[method](seen.shifted(slopes))
            predicted[left_out] = curve(shared.part(left_out).shifted(slopes).distance)
    return predicted
