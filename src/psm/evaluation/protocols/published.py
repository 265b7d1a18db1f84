"""Figures as the published Sat2Sound code counts them, beside which ours can be read.

After Khanal et al. (2025), "Sat2Sound: a unified framework for zero-shot soundscape mapping"; see
``docs/protocol.md`` for what we take for defects in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from psm.gaussian import Gaussian, combine, csd
from psm.reference import published_hits

CaptionUse = str
"""Where the answer's own caption enters: one of :data:`CAPTION_USES`."""

CAPTION_USES: tuple[CaptionUse, ...] = ("none", "audio", "query")
"""Nowhere; added to every recording, also where it is the gallery; added to every query."""

_BLOCK = 512


class PublishedFigures(NamedTuple):
    """Recall and median rank of one list of ranks, by the published count.

    Attributes:
        name: as the published code calls the recall: ``R@4``, or ``R@3.7`` where the tenth of a
            gallery is no whole number.
        recall: share of ranks *below* that number, one too few: of 40 and of 37 items alike it
            counts ranks up to 3.
        median_rank: 1-based, ties averaged.
    """

    name: str
    recall: float
    median_rank: float

    @property
    def reported(self) -> tuple[float, int]:
        """As printed: three digits, and the median without its half."""
        return round(self.recall, 3), int(self.median_rank)


def published_figures(rank: NDArray[np.float64], recall_at: float = 10.0) -> PublishedFigures:
    """Figures of 1-based ranks, ties averaged.

    Args:
        rank: ``(n,)`` in a gallery of n.
        recall_at: per cent of the gallery.
    """
    top = recall_at / 100.0 * len(rank)
    name = f"R@{int(top) if top.is_integer() else top}"
    return PublishedFigures(name, float(published_hits(rank, top).mean()), float(np.median(rank)))


def paired(
    query: Gaussian, gallery: Gaussian, caption: Gaussian, use: CaptionUse, *, asks: str
) -> tuple[Gaussian, Gaussian]:
    """Query and gallery with the answer's own captions joined in, as ``use`` says.

    Means are normalised, added and normalised again, variances add (:func:`combine`): for points,
    as the published model has them, that is the published sum.

    Args:
        query: ``(n, dim)``.
        gallery: ``(n, dim)``; item i answers query i.
        caption: ``(n, dim)`` of recording i.
        use: one of :data:`CAPTION_USES`.
        asks: ``image`` or ``audio``, what the query is.

    Raises:
        ValueError: another use.
    """
    if use not in CAPTION_USES:
        raise ValueError(f"{use!r}: choose one of {', '.join(CAPTION_USES)}")
    if use == "none":
        return query.unit(), gallery.unit()
    if use == "query" or asks == "audio":
        return combine([query, caption]), gallery.unit()
    return query.unit(), combine([gallery, caption])


def nearest(query: Gaussian, gallery: Gaussian, count: int = 5) -> Int[np.ndarray, "n count"]:
    """Numbers of the gallery items nearest to each query, the best first; of equal ones the later.

    Args:
        query: ``(n, dim)``.
        gallery: ``(m, dim)``.
        count: how many; all where there are fewer.
    """
    parts = [
        _best(-csd(query.rows(slice(at, at + _BLOCK)), gallery), count)
        for at in range(0, len(query.mean), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, count), np.int64)


def _best(scores: Float[Tensor, "n m"], count: int) -> Int[np.ndarray, "n count"]:
    ascending = torch.argsort(scores, dim=1, stable=True).numpy()
    return np.asarray(ascending[:, ::-1][:, :count])


def caption_at(captions: Mapping[int, str], zoom: int) -> str:
    """A place's caption at a zoom; without one that of zoom 1, else nothing, as published."""
    return captions.get(zoom, captions.get(1, ""))


def looked_up(
    best: Sequence[int], keys: Sequence[str], captions: Mapping[str, Mapping[int, str]], zoom: int
) -> list[dict[str, str]]:
    """The published table of captions: whose is nearest to each place, and what both say.

    Args:
        best: ``(n,)`` number of the item nearest to each query.
        keys: ``(n,)`` names of queries and items alike.
        captions: of each key, by zoom; a key without any has an empty one.
        zoom: at which the places are seen.
    """
    return [
        {
            "key": key,
            "top1key": keys[at],
            "gt_caption": caption_at(captions.get(key, {}), zoom),
            "top1_caption": caption_at(captions.get(keys[at], {}), zoom),
        }
        for key, at in zip(keys, best, strict=True)
    ]
