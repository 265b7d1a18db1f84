"""Does a map put places in the right order? Rank correlation and separation, many maps at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]


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


def auc(predicted: Float[np.ndarray, "*maps n"], positive: Bool[np.ndarray, "*maps n"]) -> Floats:
    """Probability that a positive cell scores above a negative one, ties half (Mann-Whitney).

    Returns:
        ``(...)``; NaN where one of the two classes is empty.
    """
    return auc_of_ranks(rankdata(predicted, axis=-1), positive)


def auc_of_ranks(ranks: Floats, positive: NDArray[np.bool_]) -> Floats:
    """:func:`auc` from the ranks of the scores over the last axis."""
    count = positive.sum(axis=-1).astype(float)
    pairs = count * (positive.shape[-1] - count)
    above = (ranks * positive).sum(axis=-1) - count * (count + 1.0) / 2.0
    return np.asarray(np.divide(above, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0))
