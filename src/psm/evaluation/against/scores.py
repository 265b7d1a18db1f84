"""Scores of predictions against numbers that were measured, with spatial-block intervals.

An interval draws whole blocks of neighbours (:mod:`psm.evaluation.against.blocks`), since their
errors are alike: intervals that draw single points are too narrow. One set of draws serves all
scores of the same points, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from psm.evaluation.intervals import CellBootstrap, Interval, percentile_interval
from psm.evaluation.reliability import Reliability, reliability

LEVEL = 0.9
"""Share of true values that an interval of a map is to hold."""

DRAWS = 1000
BINS = 10
"""Of a reliability curve."""

Floats = Float[np.ndarray, " n"]
Score = Callable[[Floats], float]
"""A score as a function of the weights of the points."""


@dataclass(frozen=True)
class Estimate:
    """A score and its 95 % interval over spatial blocks.

    Attributes:
        value: the score; NaN where it says nothing, as a correlation with a constant.
        interval: ``None`` where the points are of one block.
    """

    value: float
    interval: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``{"value": ..., "ci95": [..., ...]}``; what is not known is null."""
        known = np.isfinite(self.value)
        ci95 = None if self.interval is None or not known else list(self.interval)
        return {"value": float(self.value) if known else None, "ci95": ci95}


@dataclass(frozen=True)
class Scores:
    """How predictions compare with what was measured.

    Attributes:
        count: points.
        blocks: spatial blocks that they lie in.
        of: scores by name. ``spearman``: rank correlation. ``r2``: 1 - squared errors / squared
            deviations of the truth from its mean; below 0 worse than that mean. ``bias``: mean of
            prediction minus truth; ``rmse``: root mean square of it, both in the truth's unit.
            Where the truth is 0 or 1, ``auc``: how often a 1 is predicted above a 0. Where truth
            and predictions lie in [0, 1], ``ece``: expected calibration error. Where predictions
            have intervals, ``coverage``: share of true values within, and ``width``: their mean
            width.
        reliability: the curve behind ``ece``.
    """

    count: int
    blocks: int
    of: Mapping[str, Estimate]
    reliability: Reliability | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        curve = self.reliability
        filled = () if curve is None else np.flatnonzero(curve.count).tolist()
        bins = [
            {"predicted": float(curve.predicted[i]), "truth": float(curve.truth[i]),
             "count": int(curve.count[i])}
            for i in filled if curve is not None
        ]  # fmt: skip
        scores = {name: estimate.to_json() for name, estimate in self.of.items()}
        return {"points": self.count, "blocks": self.blocks, **scores, "reliability": bins}


def score(
    truth: ArrayLike,
    predicted: ArrayLike,
    *,
    block: Sequence[object] | np.ndarray,
    interval: tuple[ArrayLike, ArrayLike] | None = None,
    is_same_scale: bool = True,
    ranked: bool = True,
    seed: int = 0,
    draws: int = DRAWS,
) -> Scores:
    """Score predictions of N points.

    Args:
        truth: ``(n,)`` what was measured.
        predicted: ``(n,)``.
        block: ``(n,)`` spatial block of each point, as of
            :func:`psm.evaluation.against.blocks.spatial_blocks`.
        interval: ``(n,)`` lower and upper ends that are to hold the truth, where there are any.
        is_same_scale: whether prediction and truth are the same quantity in the same unit; if not,
            only their order is compared.
        ranked: whether the order of the predictions means anything. That of the means of folds does
            not: a fold's own values are those that its mean lacks.
        seed: of the draws.
        draws: bootstrap samples.

    Returns:
        The scores that have a meaning, each with its interval.
    """
    t, p = np.asarray(truth, float), np.asarray(predicted, float)
    bootstrap = CellBootstrap(np.asarray(block).tolist(), seed=seed, draws=draws)
    functions = _functions(t, p, interval, is_same_scale=is_same_scale)
    if not ranked:
        functions = {k: v for k, v in functions.items() if k not in ("spearman", "auc")}

    def every(weight: Floats) -> list[float]:
        return [function(weight) for function in functions.values()]

    whole = every(np.ones(len(t)))
    drawn = bootstrap.samples(every).reshape(-1, len(functions))
    of = {
        name: Estimate(value, percentile_interval(samples) if len(samples) else None)
        for name, value, samples in zip(functions, whole, drawn.T, strict=True)
    }
    curve = reliability(p, t, BINS) if "ece" in functions else None
    return Scores(len(t), len(np.unique(np.asarray(block))), of, curve)


def gain(
    truth: ArrayLike,
    ours: ArrayLike,
    theirs: ArrayLike,
    *,
    block: Sequence[object] | np.ndarray,
    name: str = "r2",
    seed: int = 0,
    draws: int = DRAWS,
) -> Estimate:
    """How much higher a score of one prediction is than that of another, with a paired interval.

    Args:
        truth: ``(n,)`` what was measured.
        ours, theirs: ``(n,)`` the predictions.
        block: ``(n,)`` spatial block of each point.
        name: the score, one of those of :class:`Scores`.
        seed: of the draws.
        draws: bootstrap samples.

    Returns:
        The difference; its interval leaves out zero where one is surely better.
    """
    t = np.asarray(truth, float)
    mine, other = (_functions(t, np.asarray(p, float), None)[name] for p in (ours, theirs))

    def difference(weight: Floats) -> float:
        return float(mine(weight) - other(weight))

    bootstrap = CellBootstrap(np.asarray(block).tolist(), seed=seed, draws=draws)
    drawn = bootstrap.samples(difference)
    value = difference(np.ones(len(t)))
    return Estimate(value, percentile_interval(drawn.ravel()) if len(drawn) else None)


def is_binary(truth: ArrayLike) -> bool:
    """Whether every number is 0 or 1.

    Args:
        truth: any shape.

    Returns:
        Whether it is.
    """
    values = np.asarray(truth, float)
    return bool(np.isin(values, (0.0, 1.0)).all())


class _Ranked:
    """Weighted mid-ranks of values that are sorted once, however many weights there are."""

    def __init__(self, values: Floats) -> None:
        distinct, self._group = np.unique(values, return_inverse=True)
        self._groups = len(distinct)

    def __call__(self, weight: Floats) -> Floats:
        """How much weight lies below each value, and half of that of its equals."""
        of_group = np.bincount(self._group, weight, minlength=self._groups)
        return np.asarray((np.cumsum(of_group) - of_group / 2.0)[self._group])


def _functions(
    truth: Floats,
    predicted: Floats,
    interval: tuple[ArrayLike, ArrayLike] | None,
    *,
    is_same_scale: bool = True,
) -> dict[str, Score]:
    ranks, true_ranks = _Ranked(predicted), _Ranked(truth)
    functions: dict[str, Score] = {}
    functions["spearman"] = lambda w: _correlation(ranks(w), true_ranks(w), w)
    if is_binary(truth):
        functions["auc"] = lambda w: _auc(ranks(w), truth > 0.5, w)
    if not is_same_scale:
        return functions
    error = predicted - truth
    functions["r2"] = lambda w: _r2(error, truth, w)
    functions["bias"] = lambda w: _mean(error, w)
    functions["rmse"] = lambda w: float(np.sqrt(_mean(error**2, w)))
    if all(x.min() >= 0.0 and x.max() <= 1.0 for x in (truth, predicted) if len(x)):
        functions["ece"] = lambda w: reliability(predicted, truth, BINS, weight=w).ece
    if interval is not None:
        low, high = (np.asarray(end, float) for end in interval)
        inside = ((low <= truth) & (truth <= high)).astype(float)
        functions["coverage"] = lambda w: _mean(inside, w)
        functions["width"] = lambda w: _mean(high - low, w)
    return functions


def _mean(values: Floats, weight: Floats) -> float:
    total = float(weight.sum())
    return float(weight @ values) / total if total > 0 else float("nan")


def _correlation(a: Floats, b: Floats, weight: Floats) -> float:
    """Pearson's, weighted; NaN where either is constant."""
    left, right = (x - _mean(x, weight) for x in (a, b))
    norm = np.sqrt((weight @ left**2) * (weight @ right**2))
    return float(weight @ (left * right) / norm) if norm > 1e-12 else float("nan")


def _auc(ranks: Floats, positive: np.ndarray, weight: Floats) -> float:
    """Mann-Whitney: what lies below the positives, less the positives among themselves."""
    ones = float(weight[positive].sum())
    zeros = float(weight.sum()) - ones
    if min(ones, zeros) <= 0:
        return float("nan")
    below = float(weight[positive] @ ranks[positive]) - ones**2 / 2.0
    return below / (ones * zeros)


def _r2(error: Floats, truth: Floats, weight: Floats) -> float:
    spread = _mean((truth - _mean(truth, weight)) ** 2, weight)
    return 1.0 - _mean(error**2, weight) / spread if spread > 0 else float("nan")
