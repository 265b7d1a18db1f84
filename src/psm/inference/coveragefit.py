"""Coverage fitted: where training recordings were made, and how far off held-out ones are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from psm.checkpoints import weights_fingerprint
from psm.coverage import Coverage
from psm.data.corpus import Corpus
from psm.data.recording import Recording
from psm.geodata.sphere import chord_to_km, unit_vectors
from psm.inference.batches import image_features
from psm.inference.heldout import find_learnt
from psm.inference.placefeatures import corpus_features
from psm.model import PSM
from psm.seeding import generator
from psm.unitfeatures import cosines

MOST_PLACES, MOST_LOOKS = 4096, 1024
"""That are kept: with 256 dimensions they take 0.3 MB."""

LEAST_REACH_KM = 100.0
"""Held-out recordings may lie next to those of training; what lies next to both is covered too."""

_JUDGED = 0.95  # share of the held-out recordings: the farthest lie on islands
_FARTHER = 1.5  # a model does not end where its test does
_FINEST_DEG = 0.001  # a hundred metres


def fit_coverage(model: PSM, learnt: Corpus, held_out: Corpus) -> Coverage | None:
    """Coverage from training recordings and recordings that the model was judged on.

    Args:
        model: in evaluation mode.
        learnt: the training split, with views.
        held_out: another.

    Returns:
        What belongs beside the model's weights, or ``None`` where nothing was held out.
    """
    if not len(learnt) or not len(held_out):
        return None
    known, judged = (_places(corpus.recordings) for corpus in (learnt, held_out))
    distance = _distance_km(judged, known)
    looks, others = (_looks(model, corpus) for corpus in (learnt, held_out))
    return Coverage(
        places=torch.from_numpy(thinned(known)).float(),
        reach_km=max(LEAST_REACH_KM, _FARTHER * float(np.quantile(distance, _JUDGED))),
        looks=looks,
        least_likeness=float(cosines(others, looks).amax(-1).min()),
        weights=weights_fingerprint(model),
    )


def fit_from_shards(model: PSM, data: Path, split: str) -> Coverage | None:
    """Coverage from the training split and another of a folder of shards.

    Args:
        model: as loaded from its folder; what it held out in training is left out here too.
        data: folder of the shards that it was trained on.
        split: that it was not trained on.

    Returns:
        As :func:`fit_coverage`; ``None`` too where there is no training split, and for an imported
        model, which was trained elsewhere.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    if model.config.reference or split == "train" or not any(data.glob("train-*.tar")):
        return None
    imagery = model.config.imagery
    learnt, held_out = (
        Corpus.load(
            data, name, zooms=imagery.zooms, view_px=imagery.view_px, memory_gb=0.0,
            found=find_learnt(model, data, name),
        )
        for name in ("train", split)
    )  # fmt: skip
    return fit_coverage(model, learnt, held_out)


def thinned(places: Float[np.ndarray, "n 2"], most: int = MOST_PLACES) -> Float[np.ndarray, "m 2"]:
    """One of those places that share a square of latitude and longitude, the finest that does.

    Args:
        places: latitude and longitude, degrees.
        most: how many may be left.
    """
    step = _FINEST_DEG
    while True:
        _, first = np.unique(np.floor(places / step), axis=0, return_index=True)
        if len(first) <= most:
            return places[np.sort(first)]
        step *= 2.0


def _places(recordings: Sequence[Recording]) -> NDArray[np.float64]:
    return np.array([(recording.lat, recording.lon) for recording in recordings], float)


def _distance_km(places: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    vectors = (unit_vectors(lat=of[:, 0], lon=of[:, 1]) for of in (known, places))
    tree = cKDTree(next(vectors))
    return chord_to_km(tree.query(next(vectors))[0])


def _looks(model: PSM, corpus: Corpus) -> Float[Tensor, "m dim"]:
    """Image features of some places, of unit length: each at one of the zoom levels that the split
    was loaded at, in turn."""
    rows = np.sort(generator(0, "coverage").permutation(len(corpus))[:MOST_LOOKS])
    zooms = sorted(corpus.views_by_zoom)
    features = corpus_features(model.config, corpus)
    parts = []
    for turn, zoom in enumerate(zooms):
        own = rows[turn :: len(zooms)]
        if len(own):
            views, gsd_m = corpus.views(zoom)[own], corpus.gsd_m[own] * zoom
            known = None if features is None else features[own]
            parts.append(image_features(model, views, gsd_m, features=known))
    return torch.nn.functional.normalize(torch.cat(parts).float().cpu(), dim=-1)
