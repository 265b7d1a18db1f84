"""Retrieval ranks: the place of the right item in a whole gallery, exactly and in little memory.

Query i's right answer is gallery item i. Items with equal scores are in no order, so a rank is an
average over their orders, and a recall the probability of a hit when ties are broken at random.
That makes a collapsed model score chance, not zero, and gives chance and oracle rows exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import normalize

from psm.gaussian import Gaussian

_BLOCK = 512
_EXACT_PAIRS = 25_000_000
"""Up to so many pairs are scored in float64, which takes well under a second."""


@dataclass(frozen=True)
class TiedRanks:
    """Ranks of the right item of each query, ties kept apart.

    Attributes:
        ahead: ``(n,)`` gallery items that score better than the right one.
        tied: ``(n,)`` items that score the same, the right one included.
        gallery: ``(n,)`` items in the query's gallery.
    """

    ahead: NDArray[np.int64]
    tied: NDArray[np.int64]
    gallery: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ahead)

    @property
    def rank(self) -> NDArray[np.float64]:
        """1-based ranks, ties averaged."""
        return self.ahead + (self.tied + 1) / 2.0

    @property
    def median_rank(self) -> float:
        """Median of the ranks."""
        return float(np.median(self.rank))

    def hit(self, top: ArrayLike) -> NDArray[np.float64]:
        """Probability that the right item is among the first ``top`` (scalar or ``(n,)``)."""
        return np.clip((np.floor(top) - self.ahead) / self.tied, 0.0, 1.0)

    def hit_share(self, share: float = 0.1) -> NDArray[np.float64]:
        """Probability that the right item is in the first ``share`` of its gallery."""
        # Rounding must not lose the item that completes the share: 0.1 of 30 is 3.
        return self.hit(self.gallery * share * (1.0 + 1e-12))

    def has_share(self, share: float = 0.1) -> NDArray[np.bool_]:
        """Whether the first ``share`` of the gallery holds anything: a tenth of 9 does not."""
        return np.asarray(self.gallery * share * (1.0 + 1e-12) >= 1.0)

    def rows(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> TiedRanks:
        """The ranks of some queries."""
        return TiedRanks(self.ahead[index], self.tied[index], self.gallery[index])


def retrieval_ranks(query: Gaussian | Tensor, gallery: Gaussian | Tensor) -> Float[Tensor, " n"]:
    """Rank of gallery item i for query i: 1-based, ties averaged.

    Args:
        query: Gaussians ``(n, dim)``, ranked by expected squared distance
            (:func:`psm.gaussian.csd`), or vectors ``(n, dim)``, ranked by cosine.
        gallery: of the same kind and shape.

    Returns:
        ``(n,)`` float64.

    Raises:
        ValueError: query and gallery differ in kind or shape.
    """
    return torch.from_numpy(tied_ranks(query, gallery).rank)


@torch.inference_mode()
def tied_ranks(query: Gaussian | Tensor, gallery: Gaussian | Tensor) -> TiedRanks:
    """The ranks of :func:`retrieval_ranks`, with ties kept apart."""
    left, right, penalty = _as_products(query, gallery)
    size = len(left)
    # Small galleries are scored in float64; scores that differ by rounding alone are tied.
    if size * size <= _EXACT_PAIRS:
        left, right, penalty = left.double(), right.double(), penalty.double()
    scale = penalty.abs().amax() + 1.0 if size else 1.0
    tolerance = float(8.0 * torch.finfo(left.dtype).eps * scale)
    ahead, at_least = np.empty(size, np.int64), np.empty(size, np.int64)
    # A block of queries against the whole gallery at a time: no (n, n) matrix is ever held.
    for start in range(0, size, _BLOCK):
        rows = slice(start, start + _BLOCK)
        scores = torch.addmm(penalty, left[rows], right.T, beta=-1.0).numpy()
        # numpy counts booleans several times faster than torch sums them.
        own = np.diagonal(scores, start)[:, None]
        ahead[rows] = np.count_nonzero(scores > own + tolerance, axis=1)
        at_least[rows] = np.count_nonzero(scores >= own - tolerance, axis=1)
    return _ranks_among(ahead, at_least, size)


def score_ranks(scores: Float[np.ndarray, "n n"]) -> TiedRanks:
    """Ranks of item i for query i by an explicit score matrix, higher is better."""
    size = len(scores)
    own = np.diagonal(scores)[:, None]
    # Equal by derivation but summed in another order is equal still.
    tolerance = 1e-9 * np.maximum(1.0, np.abs(own))
    ahead = np.count_nonzero(scores > own + tolerance, axis=1)
    at_least = np.count_nonzero(scores >= own - tolerance, axis=1)
    return _ranks_among(ahead, at_least, size)


def chance_ranks(groups: ArrayLike) -> TiedRanks:
    """Ranks when nothing is known: all items of the query's group are tied.

    Args:
        groups: ``(n,)`` labels; one label for all is a gallery of everything.
    """
    sizes = _group_sizes(np.asarray(groups))
    return TiedRanks(np.zeros_like(sizes), sizes, sizes)


def tag_ranks(tags: ArrayLike) -> TiedRanks:
    """Ranks in a gallery of everything when only items' ``tags`` ``(n,)`` are known."""
    sizes = _group_sizes(np.asarray(tags))
    return TiedRanks(np.zeros_like(sizes), sizes, np.full_like(sizes, len(sizes)))


def within_groups(
    query: Gaussian | Tensor, gallery: Gaussian | Tensor, groups: Sequence[object]
) -> TiedRanks:
    """As :func:`tied_ranks`, each query's gallery restricted to the items of its own group."""
    labels = np.asarray(groups)
    parts = []
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for rows in members:
        index = torch.from_numpy(rows)
        parts.append(tied_ranks(_take(query, index), _take(gallery, index)))
    return join(parts, members)


def join(parts: Sequence[TiedRanks], members: Sequence[NDArray[np.int64]]) -> TiedRanks:
    """Put the ranks of groups of queries back in order; ``members`` are their row numbers."""
    if not parts:
        empty = np.zeros(0, np.int64)
        return TiedRanks(empty, empty, empty)
    order = np.argsort(np.concatenate(members))
    return TiedRanks(
        np.concatenate([part.ahead for part in parts]),
        np.concatenate([part.tied for part in parts]),
        np.concatenate([part.gallery for part in parts]),
    ).rows(order)


def _ranks_among(ahead: NDArray[np.int64], at_least: NDArray[np.int64], size: int) -> TiedRanks:
    return TiedRanks(ahead, at_least - ahead, np.full(len(ahead), size))


def _group_sizes(labels: NDArray[np.generic]) -> NDArray[np.int64]:
    _, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(counts[group], np.int64)


def _take(batch: Gaussian | Tensor, index: Tensor) -> Gaussian | Tensor:
    return batch.rows(index) if isinstance(batch, Gaussian) else batch[index]


def _as_products(
    query: Gaussian | Tensor, gallery: Gaussian | Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores as one matrix product: ``left_i · right_j - penalty_j`` orders j as asked for i.

    Half the CSD of i and j is ``own_i/2 + own_j/2 - mu_i · mu_j``; own_i does not change an order.
    """
    if isinstance(query, Gaussian) and isinstance(gallery, Gaussian):
        left, right = _wide(query.mean), _wide(gallery.mean)
        penalty = 0.5 * (right.square().sum(-1) + gallery.var.sum(-1).cpu())
    elif isinstance(query, Gaussian) or isinstance(gallery, Gaussian):
        raise ValueError("query and gallery must both be Gaussians or both be vectors")
    else:
        left, right = normalize(_wide(query), dim=-1), normalize(_wide(gallery), dim=-1)
        penalty = right.new_zeros(len(right))
    if left.shape != right.shape or left.ndim != 2:
        raise ValueError(
            f"query {tuple(left.shape)} and gallery {tuple(right.shape)} must be equal (n, dim)"
        )
    return left, right, penalty


def _wide(values: Tensor) -> Tensor:
    return (values if values.dtype == torch.float64 else values.float()).cpu()
