"""Retrieval scores of TREC, as ``trec_eval`` and MTEB count them: nDCG, MAP, recall, MRR.

A run is a score of every document for every query. As in ``trec_eval``, scores are compared as
32-bit numbers, and equal ones stand in falling order of the documents' names: that order is no
model's doing, so that the expectation over all orders of equal scores is there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int
from numpy.typing import NDArray

CUTS = (1, 3, 5, 10, 20, 100, 1000)
"""The depths that MTEB counts at."""

Relevance = Mapping[str, Mapping[str, int]]
"""By query, the grade of every document that is judged; 0 is not relevant."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Queries and documents of a task, by number, with what answers what.

    Attributes:
        documents: names, ``(n,)``.
        grades: ``(m, n)``: of each document for each query, 0 where it is not relevant.
    """

    documents: Sequence[str]
    grades: Int[np.ndarray, "m n"]

    @classmethod
    def of(cls, queries: Sequence[str], documents: Sequence[str], relevant: Relevance) -> Judged:
        """From names.

        Raises:
            KeyError: what is judged is no document.
        """
        number = {name: at for at, name in enumerate(documents)}
        grades = np.zeros((len(queries), len(documents)), np.int64)
        for row, query in enumerate(queries):
            for document, grade in relevant[query].items():
                grades[row, number[document]] = max(grade, 0)
        return cls(documents, grades)


def mean_scores(scores: Float32[np.ndarray, "m n"], judged: Judged) -> dict[str, float]:
    """Means over queries of every score at every depth, as ``ndcg_at_10``.

    Args:
        scores: of every document for every query, higher is better.
        judged: what answers what.

    Returns:
        ``ndcg``, ``map``, ``recall``, ``precision``, ``mrr`` and ``hit_rate`` at :data:`CUTS`, and
        ``accuracy``, which is the recall at 1.
    """
    ranked = np.take_along_axis(judged.grades, _order(scores, judged.documents), axis=1)
    hits = (ranked > 0).astype(np.int64)
    relevant = hits.sum(1)
    gains = np.cumsum(ranked * _discounts(ranked.shape[1]), axis=1)
    ideal = np.cumsum(-np.sort(-ranked, axis=1) * _discounts(ranked.shape[1]), axis=1)
    found = np.cumsum(hits, axis=1)
    at = np.arange(1, ranked.shape[1] + 1)
    precise = np.cumsum(hits * found / at, axis=1)
    first = np.where(hits.any(1), hits.argmax(1), ranked.shape[1])
    means: dict[str, float] = {}
    for cut in CUTS:
        last = min(cut, ranked.shape[1]) - 1
        for name, values in (
            ("ndcg", _over(gains[:, last], ideal[:, last])),
            ("map", _over(precise[:, last], relevant)),
            ("recall", _over(found[:, last], relevant)),
            ("precision", found[:, last] / cut),
            ("mrr", np.where(first < cut, 1.0 / (first + 1), 0.0)),
            ("hit_rate", found[:, last] > 0),
        ):
            means[f"{name}_at_{cut}"] = float(np.mean(values))
    return {**means, "accuracy": means["recall_at_1"]}


def expected_ndcg(scores: Float32[np.ndarray, "m n"], judged: Judged, cut: int = 10) -> float:
    """Mean nDCG at a depth where equal scores stand in every order equally often.

    Args:
        scores: of every document for every query, higher is better.
        judged: what answers what.
        cut: the depth.
    """
    return float(np.mean(_expected(scores, judged, cut)))


def chance_ndcg(judged: Judged, cut: int = 10) -> float:
    """The same when nothing is known: all documents are equal."""
    return expected_ndcg(np.zeros(judged.grades.shape, np.float32), judged, cut)


def attainable_ndcg(
    queries: Sequence[object], documents: Sequence[object], judged: Judged, cut: int = 10
) -> float:
    """The best expected nDCG that anything can reach that looks at the content alone.

    Equal documents score equally, and equal queries rank alike, whatever answers each. So a
    document is worth the mean of its gain over the equal queries and over the equal documents, and
    the best order is that of the worth.

    Args:
        queries: what each holds; equal content is an equal object.
        documents: likewise.
        judged: what answers what.
        cut: the depth.
    """
    alike = np.unique(np.asarray(documents), return_inverse=True)[1]
    asked = np.unique(np.asarray(queries), return_inverse=True)[1]
    ideal = _ideal(judged.grades, cut)
    gain = np.divide(
        judged.grades, ideal[:, None], out=np.zeros(judged.grades.shape), where=ideal[:, None] > 0
    )
    reached = np.empty(len(asked))
    sizes = np.bincount(alike)
    for group in np.unique(asked):
        rows = asked == group
        worth = np.bincount(alike, gain[rows].mean(0))[alike] / sizes[alike]
        reached[rows] = (-np.sort(-worth) * _discounts(len(worth), cut)).sum()
    return float(reached.mean())


def _expected(
    scores: Float32[np.ndarray, "m n"], judged: Judged, cut: int
) -> Float[np.ndarray, " m"]:
    gained = np.zeros(len(scores))
    sums = np.concatenate([[0.0], np.cumsum(_discounts(scores.shape[1], cut))])
    for row, (own, grades) in enumerate(zip(scores, judged.grades, strict=True)):
        relevant = np.flatnonzero(grades)
        ahead = np.count_nonzero(own[None] > own[relevant, None], axis=1)
        tied = np.count_nonzero(own[None] == own[relevant, None], axis=1)
        gained[row] = (grades[relevant] * (sums[ahead + tied] - sums[ahead]) / tied).sum()
    return _over(gained, _ideal(judged.grades, cut))


def _order(scores: Float32[np.ndarray, "m n"], documents: Sequence[str]) -> Int[np.ndarray, "m n"]:
    """Documents of each query, best first, equal ones in falling order of their names."""
    falling = np.array(sorted(range(len(documents)), key=documents.__getitem__, reverse=True))
    best = np.argsort(-scores[:, falling], axis=1, kind="stable")
    return np.asarray(falling[best])


def _ideal(grades: Int[np.ndarray, "m n"], cut: int) -> Float[np.ndarray, " m"]:
    return np.asarray((-np.sort(-grades, axis=1) * _discounts(grades.shape[1], cut)).sum(1))


def _discounts(size: int, cut: int | None = None) -> Float[np.ndarray, " size"]:
    """One over the binary logarithm of 1 + rank, nothing behind ``cut``."""
    discounts = 1.0 / np.log2(np.arange(2, size + 2))
    discounts[size if cut is None else cut :] = 0.0
    return np.asarray(discounts)


def _over(values: NDArray[np.number], whole: NDArray[np.number]) -> Float[np.ndarray, " m"]:
    return np.asarray(np.divide(values, whole, out=np.zeros(len(whole)), where=whole > 0))
