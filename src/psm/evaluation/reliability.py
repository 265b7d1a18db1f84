"""Reliability of probabilities, and risk against coverage: whether uncertainty finds the errors.

The simulated Earth gives the true *probability* of a sound, not one toss of the coin, so that no
sampling noise enters these curves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """A reliability curve.

    Attributes:
        predicted: ``(bins,)`` mean prediction of each bin; NaN where it is empty.
        truth: ``(bins,)`` mean true probability.
        count: ``(bins,)`` cells in the bin.
        ece: expected calibration error, the mean gap of bins weighted by count (Guo et al. 2017).
        skill: share of the truth's variance that the prediction explains, 1 - MSE / variance. A
            constant base rate has a small ECE and no skill; NaN where the truth is constant.
    """

    predicted: Floats
    truth: Floats
    count: NDArray[np.int64]
    ece: float
    skill: float


def reliability(
    predicted: ArrayLike, truth: ArrayLike, bins: int = 20, *, weight: ArrayLike | None = None
) -> Reliability:
    """Reliability in ``bins`` of equal width over [0, 1]; any shape, all cells pooled.

    ``weight`` says how much each counts, all alike by default.
    """
    p, t = np.ravel(predicted).astype(float), np.ravel(truth).astype(float)
    w = np.ones(len(p)) if weight is None else np.ravel(weight).astype(float)
    # Bins of equal width; a prediction of 1 belongs to the last.
    index = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    mass = np.bincount(index, w, minlength=bins)
    blank = np.full(bins, np.nan)
    mean_p, mean_t = (
        np.divide(np.bincount(index, w * x, minlength=bins), mass, out=blank.copy(), where=mass > 0)
        for x in (p, t)
    )
    total = float(w.sum()) or 1.0
    # ECE weighs the gap of each bin by its mass; skill is the share of variance explained.
    gap = np.nansum(np.abs(mean_p - mean_t) * mass) / total
    variance = float(w @ (t - w @ t / total) ** 2) / total
    skill = 1.0 - float(w @ (p - t) ** 2) / total / variance if variance > 0 else float("nan")
    return Reliability(mean_p, mean_t, count, float(gap), skill)


@dataclass(frozen=True)
class RiskCoverage:
    """Mean error of the cells kept when the least certain are left out first.

    Attributes:
        coverage: ``(points,)`` share of cells kept.
        risk: mean error of those kept, by uncertainty.
        oracle: the same if the errors themselves were known.
        random: mean error of all.
    """

    coverage: Floats
    risk: Floats
    oracle: Floats
    random: float

    @property
    def area(self) -> float:
        """Area under the risk-coverage curve; lower is better."""
        return float(self.risk.mean())

    @property
    def gain(self) -> float:
        """Share of the possible improvement over a random order: 1 the oracle's, 0 none."""
        possible = self.random - float(self.oracle.mean())
        return (self.random - self.area) / possible if possible > 0 else float("nan")


def risk_coverage(error: ArrayLike, uncertainty: ArrayLike, points: int = 100) -> RiskCoverage:
    """Risk against coverage (Geifman & El-Yaniv 2017); cells of equal uncertainty are in no order.

    Args:
        error: ``(n,)`` or any shape, not negative.
        uncertainty: the same shape.
        points: coverages at which to evaluate, ``1/points`` to 1.
    """
    e, u = np.ravel(error).astype(float), np.ravel(uncertainty)
    # Cells of equal uncertainty are in no order: each counts with the mean error of them all.
    _, group = np.unique(u, return_inverse=True)
    size = np.bincount(group)
    expected = (np.bincount(group, e) / size)[group]
    coverage = np.arange(1, points + 1) / points
    return RiskCoverage(
        coverage=coverage,
        risk=_running_mean(expected[np.argsort(group, kind="stable")], coverage),
        oracle=_running_mean(np.sort(e), coverage),
        random=float(e.mean()),
    )


def mean_curve(curves: list[RiskCoverage]) -> RiskCoverage:
    """The average of several curves, point by point."""
    return RiskCoverage(
        curves[0].coverage,
        np.mean([curve.risk for curve in curves], axis=0),
        np.mean([curve.oracle for curve in curves], axis=0),
        float(np.mean([curve.random for curve in curves])),
    )


def _running_mean(ordered: Floats, coverage: Floats) -> Floats:
    kept = np.maximum(1, np.round(coverage * len(ordered)).astype(int))
    return np.asarray(np.cumsum(ordered)[kept - 1] / kept)
