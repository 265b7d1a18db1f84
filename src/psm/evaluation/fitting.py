"""Calibration curves, Platt and isotonic, fitted to labelled pairs and judged on cells left out.

``platt`` keeps the form that the model learnt and fits its two numbers (Platt 1999). ``isotonic``
is any falling curve (Zadrozny & Elkan 2002), piecewise linear. Both are judged on geographic cells
that they were not fitted to, since neighbouring places look and sound alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import isotonic_regression
from scipy.special import expit

from psm.curves import fit_logistic
from psm.errors import ConfigError
from psm.evaluation.reliability import Reliability, reliability

FOLDS = 5
_BINS = 512  # of equal size, into which distances are sorted before an isotonic fit
_SAME = 4.0 * float(np.finfo(np.float32).eps)  # relative difference of what is one distance
_SMALLEST = 1e-6  # a probability that a logarithm is taken of


@dataclass(frozen=True, eq=False)
class Pairs:
    """Places and queries whose answer is known.

    Attributes:
        distance: ``(n,)`` closed-form sampled distance.
        positive: ``(n,)`` whether they belong together.
        weight: ``(n,)`` how much each counts, 1 on average.
        cell: ``(n,)`` number of the geographic cell of the place.
    """

    distance: Float[np.ndarray, " n"]
    positive: Bool[np.ndarray, " n"]
    weight: Float[np.ndarray, " n"]
    cell: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.distance)

    @property
    def prior(self) -> float:
        """Share of positives, by weight."""
        return float(np.average(self.positive, weights=self.weight))

    def part(self, kept: Bool[np.ndarray, " n"]) -> Pairs:
        """Some of the pairs."""
        parts = (self.distance, self.positive, self.weight, self.cell)
        return Pairs(*(values[kept] for values in parts))

    def with_prior(self, prior: float) -> Pairs:
        """The same, weighted so that positives have this share.

        Raises:
            ConfigError: it is no share, or one of the two kinds is missing.
        """
        positives = int(self.positive.sum())
        if positives in (0, len(self)):
            raise ConfigError("calibration needs pairs that belong together and pairs that do not")
        if not 0.0 < prior < 1.0:
            raise ConfigError(f"prior {prior:g}: a share of positives between 0 and 1, as 0.05")
        share = self.prior
        factor = np.where(self.positive, prior / share, (1.0 - prior) / (1.0 - share))
        return replace(self, weight=self.weight * factor)


@dataclass(frozen=True)
class Platt:
    """``sigmoid(shift - negative_scale * distance)``."""

    negative_scale: float
    shift: float

    def __call__(self, distance: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.asarray(expit(self.shift - self.negative_scale * distance))

    def parameters(self) -> dict[str, Any]:
        """As a calibration states them."""
        return {"negative_scale": self.negative_scale, "shift": self.shift}


@dataclass(frozen=True, eq=False)
class Isotonic:
    """Probabilities at rising distances, straight lines between, level beyond."""

    distances: Float[np.ndarray, " knots"]
    probabilities: Float[np.ndarray, " knots"]

    def __call__(self, distance: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.asarray(np.interp(distance, self.distances, self.probabilities))

    def parameters(self) -> dict[str, Any]:
        """As a calibration states them."""
        return {
            "distances": tuple(self.distances.tolist()),
            "probabilities": tuple(self.probabilities.tolist()),
        }


def fit_platt(pairs: Pairs) -> Platt:
    """The two numbers under which the answers are most likely; the slope stays positive."""
    return Platt(*fit_logistic(pairs.distance, pairs.positive, pairs.weight))


def fit_isotonic(pairs: Pairs) -> Isotonic:
    """The falling curve under which the answers are most likely.

    Pairs at one distance, as of a caption that is repeated or of a few sites, are pooled before
    anything else. Each level of the isotonic fit becomes a knot, at the mean distance of its pairs:
    on a map, cells of one level are not all alike. A distance that many pairs share has a knot of
    its own at the same level. A level holds one pair more, which is positive by the prior, so that
    none is 0 or 1.
    """
    order = np.argsort(pairs.distance, kind="stable")
    distance = pairs.distance[order]
    weight, positive = pairs.weight[order], pairs.positive[order]
    firsts = _firsts_of_ties(distance)
    size = np.diff(firsts, append=len(distance))
    sums = [
        np.add.reduceat(values, firsts) for values in (weight, weight * positive, weight * distance)
    ]
    at = sums[2] / sums[0]
    # Ties are sorted into bins of about equal size: the fit then costs as much for any number.
    bins = np.linspace(0, len(distance), _BINS + 1).astype(int)[:-1]
    starts = np.unique(np.searchsorted(bins, firsts, side="right"), return_index=True)[1]
    mass, hits, moment = (np.add.reduceat(values, starts) for values in sums)
    # Pool adjacent violators: bins that would rise with the distance share one level.
    blocks = isotonic_regression(hits / mass, weights=mass, increasing=False).blocks[:-1]
    mass, hits, moment = (np.add.reduceat(values, blocks) for values in (mass, hits, moment))
    # One pair more a level; that can make neighbours cross by a hair, so levels are kept falling.
    one = pairs.weight.mean()
    level = np.minimum.accumulate((hits + one * pairs.prior) / (mass + one))
    # A distance that fills a bin alone, and the mean of each level.
    shared = np.flatnonzero(size > max(1.0, len(distance) / _BINS))
    block_of = np.searchsorted(starts[blocks], shared, side="right") - 1
    knots = np.concatenate([moment / mass, at[shared]])
    # Knots at rising distances; of two at one distance, the first.
    knots, first = np.unique(knots, return_index=True)
    return Isotonic(knots, np.concatenate([level, level[block_of]])[first])


def _firsts_of_ties(distance: Float[np.ndarray, " n"]) -> Int[np.ndarray, " ties"]:
    """Where the stretches of equal distances begin among those that rise.

    The same place and caption come out a last digit apart when they are computed among others:
    what single precision cannot tell apart is equal.
    """
    margin = _SAME * float(np.abs(distance).max())
    values = distance.tolist()
    firsts, end = [], -np.inf
    for number, value in enumerate(values):
        if value > end:
            firsts.append(number)
            end = value + margin
    return np.array(firsts)


FITS: Mapping[str, Callable[[Pairs], Platt | Isotonic]] = {
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}


def folds(cell: Int[np.ndarray, " n"], count: int = FOLDS) -> Int[np.ndarray, " n"]:
    """Number of the fold of each pair: whole cells, folds of about equal size.

    Raises:
        ConfigError: there is only one cell.
    """
    names, index, size = np.unique(cell, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ConfigError("calibration needs recordings from two geographic cells at least, got 1")
    # Largest cells first, each into the fold that is emptiest so far.
    filled = np.zeros(min(count, len(names)))
    fold = np.zeros(len(names), np.int64)
    for number in np.argsort(-size, kind="stable"):
        fold[number] = np.argmin(filled)
        filled[fold[number]] += size[number]
    return np.asarray(fold[index])


def held_out(pairs: Pairs, method: str) -> Float[np.ndarray, " n"]:
    """What a method predicts for each pair when fitted without the fold of its cell."""
    fold = folds(pairs.cell)
    predicted = np.empty(len(pairs))
    for number in range(fold.max() + 1):
        left_out = fold == number
        predicted[left_out] = FITS[method](pairs.part(~left_out))(pairs.distance[left_out])
    return predicted


def log_loss(predicted: Float[np.ndarray, " n"], pairs: Pairs) -> float:
    """Mean negative logarithm of the probability of what is so, in nats, by weight."""
    p = np.clip(predicted, _SMALLEST, 1.0 - _SMALLEST)
    return float(np.average(-np.log(np.where(pairs.positive, p, 1.0 - p)), weights=pairs.weight))


def reliability_of(predicted: Float[np.ndarray, " n"], pairs: Pairs) -> Reliability:
    """The reliability curve of predictions, by weight."""
    return reliability(predicted, pairs.positive, weight=pairs.weight)
