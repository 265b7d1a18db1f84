"""Agreement of maps with the truth: the order of places, and the rhythm of the day and the year.

Order is judged by rank correlation and by separation (AUC), many maps at once. Rhythm, that is
peaks and the signs of contrasts, is judged where the truth itself moves: a cell whose true
probability hardly changes has no peak to be wrong about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]

CONTRAST = 0.05
"""A true contrast of less probability than this is not judged."""
_NEAR_H = 3.0
_SUMMER = {"north": (6, 7, 8), "south": (12, 1, 2)}


def spearman(predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Spearman's rank correlation over the last axis, ties averaged.

    Args:
        predicted: ``(..., n)``.
        truth: the same shape.

    Returns:
        ``(...)``; NaN where either is constant.
    """
    return pearson(*(rankdata(np.asarray(x, float), axis=-1) for x in (predicted, truth)))


def pearson(a: Floats, b: Floats) -> Floats:
    """Pearson's correlation over the last axis; NaN where either is constant."""
    left, right = (x - x.mean(axis=-1, keepdims=True) for x in (a, b))
    norm = np.sqrt((left**2).sum(axis=-1) * (right**2).sum(axis=-1))
    product = (left * right).sum(axis=-1)
    return np.asarray(np.divide(product, norm, out=np.full(norm.shape, np.nan), where=norm > 0))


def auc(ranks: Float[np.ndarray, "*maps n"], positive: Bool[np.ndarray, "*maps n"]) -> Floats:
    """Probability that a positive cell scores above a negative one, ties half (Mann-Whitney).

    Args:
        ranks: of the scores over the last axis, ties averaged.
        positive: which cells are positive.

    Returns:
        ``(...)``; NaN where one of the two classes is empty.
    """
    # Mann-Whitney: the rank sum of the positives, less what it is if all of them come last.
    count = positive.sum(axis=-1).astype(float)
    pairs = count * (positive.shape[-1] - count)
    above = (ranks * positive).sum(axis=-1) - count * (count + 1.0) / 2.0
    return np.asarray(np.divide(above, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0))


@dataclass(frozen=True)
class SignScore:
    """How often a contrast has the right sign.

    Attributes:
        correct: ``(sounds,)`` share of judged cases with the right sign; NaN without any.
        cases: ``(sounds,)`` how many cases were judged.
        correct_overall: ``(sounds,)`` whether the contrast summed over the judged cases has the
            right sign; only where ``cases`` is not zero.
    """

    correct: Floats
    cases: NDArray[np.int64]
    correct_overall: NDArray[np.bool_]


def day_night_sign(
    predicted: Float[np.ndarray, "sounds months hours n"],
    truth: Float[np.ndarray, "sounds months hours n"],
    hours: ArrayLike,
) -> SignScore | None:
    """Sign of day minus night; a case is a month and a cell.

    Day is what lies within three hours of noon, night within three of midnight; ``None`` without
    hours of both.
    """
    around_noon = np.abs(np.asarray(hours, float) - 12.0)
    day, night = around_noon < _NEAR_H, around_noon > 12.0 - _NEAR_H
    if not day.any() or not night.any():
        return None
    return _sign(
        *(x[:, :, day].mean(axis=2) - x[:, :, night].mean(axis=2) for x in (predicted, truth))
    )


def summer_winter_sign(
    predicted: Float[np.ndarray, "sounds months hours n"],
    truth: Float[np.ndarray, "sounds months hours n"],
    months: ArrayLike,
    lat: Float[np.ndarray, " n"],
) -> dict[str, SignScore] | None:
    """Sign of summer minus winter by hemisphere; a case is an hour and a cell.

    Summer is June to August in the north, December to February in the south; ``None`` without
    months of both.
    """
    is_summer = {name: np.isin(months, calendar) for name, calendar in _SUMMER.items()}
    if not all(chosen.any() for chosen in is_summer.values()):
        return None
    scores = {}
    for name, other in (("north", "south"), ("south", "north")):
        here = lat >= 0.0 if name == "north" else lat < 0.0
        warm, cold = is_summer[name], is_summer[other]
        contrasts = (
            x[:, warm].mean(axis=1)[..., here] - x[:, cold].mean(axis=1)[..., here]
            for x in (predicted, truth)
        )
        scores[name] = _sign(*contrasts)
    return scores


def peak_error(predicted: Floats, truth: Floats, at: ArrayLike, period: float, axis: int) -> Floats:
    """Median distance of the peaks in time, for every sound.

    A peak is the phase of the first harmonic over ``axis``, which needs no dense sampling. Cases
    are judged where the true harmonic swings by more than ``2 * CONTRAST`` from crest to trough. A
    peak at random is off by a quarter of the period.

    Args:
        predicted: ``(sounds, ...)``.
        truth: the same shape.
        at: sampled hours or months along ``axis``, evenly spaced over the period, three or more.
        period: 24 or 12.
        axis: of time, not 0.

    Returns:
        ``(sounds,)`` in the unit of ``at``, at most half a period; NaN without a case, or where
        the sampling is not even.
    """
    times = np.asarray(at, float)
    gaps = np.diff(np.append(times, times[0] + period))
    if len(times) < 3 or not np.allclose(gaps, period / len(times)):
        return np.full(len(truth), np.nan)
    # The first harmonic as one complex number a case: its size is the swing, its angle the phase.
    wave = np.exp(2j * np.pi * times / period)
    mine, true = (np.tensordot(x, wave, axes=(axis, 0)) for x in (predicted, truth))
    is_clear = np.abs(true) * 2.0 / len(times) > CONTRAST
    # The angle between the two harmonics, as time: never more than half a period.
    turn = np.abs(np.angle(mine * np.conj(true))) / (2.0 * np.pi) * period
    return np.array([
        np.median(off[clear]) if clear.any() else np.nan
        for off, clear in zip(turn, is_clear, strict=True)
    ])  # fmt: skip


def _sign(predicted: Floats, truth: Floats) -> SignScore:
    # By case: only where the truth has a contrast worth the name.
    judged = np.abs(truth) >= CONTRAST
    is_right = judged & (np.sign(predicted) == np.sign(truth))
    others = tuple(range(1, truth.ndim))
    cases, right = judged.sum(axis=others), is_right.sum(axis=others)
    # All cases of a sound together, so that one large contrast outweighs many small ones.
    overall = [np.sign((x * judged).sum(axis=others, dtype=float)) for x in (predicted, truth)]
    share = np.divide(right, cases, out=np.full(len(cases), np.nan), where=cases > 0)
    return SignScore(share, cases, np.asarray((overall[0] == overall[1]) & (cases > 0)))
