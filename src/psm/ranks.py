"""Ranks in retrieval: 1-based, ties averaged, in blocks so that memory stays small."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from psm.gaussian import Gaussian, csd

_BLOCK = 1024


def retrieval_ranks(query: Gaussian | Tensor, gallery: Gaussian | Tensor) -> Float[Tensor, " n"]:
    """Rank of gallery item i for query i: Gaussians by CSD, unit vectors by cosine."""
    ranks = []
    size = len(query.mean if isinstance(query, Gaussian) else query)
    for start in range(0, size, _BLOCK):
        rows = slice(start, start + _BLOCK)
        if isinstance(query, Gaussian) and isinstance(gallery, Gaussian):
            distance = csd(query.rows(rows), gallery)
        else:
            distance = -(query[rows] @ gallery.T)  # type: ignore[union-attr]
        own = distance.gather(1, torch.arange(start, start + len(distance))[:, None])
        better = (distance < own).sum(1)
        ties = (distance == own).sum(1) - 1
        ranks.append(1.0 + better + 0.5 * ties)
    return torch.cat(ranks)
