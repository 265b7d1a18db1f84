"""Making of a gallery: which recordings are kept, and from when on one holds a query.

Nothing here asks for labels. When a recording holds a query is learnt from captions: a recording
holds its own, and is taken not to hold most of the others'.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from psm import checkpoints
from psm.curves import fit_logistic
from psm.data.context import Context
from psm.data.corpus import ChosenRows, Corpus
from psm.data.raking import even_weights, thinned
from psm.data.recording import Recording
from psm.errors import ConfigError, MissingExtra
from psm.gallery import Base, Gallery, Matching, compact
from psm.gaussian import Gaussian, csd
from psm.inference.batches import audio_gaussians, location_gaussians, text_gaussians
from psm.inference.split import SplitFeatures, raw_audio, raw_text
from psm.model import PSM
from psm.progress import console
from psm.seeding import generator

MOST = 1_800
"""Recordings of a gallery: with 256 dimensions they take less than 1 MB."""

PLACES = 1_200
"""Places and times of a gallery: a percentile of them has a dozen above it."""

_STEEPER = 2.5
"""Matches are counted rather than weighed, since many near misses would outweigh the few matches
of a rare query (classify and count; Forman 2008, "Quantifying counts and costs via
classification")."""

Rows = NDArray[np.int64]


class Encoded(NamedTuple):
    """Some recordings in the space of a model, and their captions."""

    sounds: Gaussian
    captions: Gaussian


Encode = Callable[[Rows], Encoded]
"""Encodes some rows."""


def make_gallery(
    model: PSM, recordings: Sequence[Recording], encode: Encode, *, most: int = MOST
) -> Gallery:
    """A gallery of recordings, at most so many, chosen so that they stand for the land as well.

    Args:
        model: in evaluation mode.
        recordings: to choose from.
        encode: encodes the chosen ones.
        most: how many are kept.

    Raises:
        ConfigError: fewer than two recordings.
    """
    if len(recordings) < 2:
        raise ConfigError(f"a gallery needs two recordings at least, got {len(recordings)}")
    land = _land_weights(recordings)
    even = np.ones(len(recordings)) if land is None else land
    rows, chance = thinned(even, most, generator(0, "gallery"))
    weights: dict[Base, Tensor] = {"archives": torch.from_numpy(1.0 / chance).float()}
    if land is not None:
        weights["land"] = torch.from_numpy(land[rows] / chance).float()
    encoded = encode(rows)
    sounds = compact(encoded.sounds)
    captions = [recordings[row].caption for row in rows]
    return Gallery(
        sounds=sounds,
        weights=weights,
        matching=_matching(csd(sounds, compact(encoded.captions)), captions),
        recordings=len(recordings),
        data=data_fingerprint(recordings),
        model=checkpoints.weights_fingerprint(model),
    )


def gallery_of_corpus(model: PSM, corpus: Corpus, *, most: int = MOST) -> Gallery:
    """A gallery of a split whose log-mels are at hand or on disk."""

    def encode(rows: Rows) -> Encoded:
        return Encoded(
            audio_gaussians(model, ChosenRows(corpus.mels, rows), "gallery"),
            text_gaussians(model, [corpus.recordings[row].caption for row in rows]),
        )

    return make_gallery(model, corpus.recordings, encode, most=most)


def keep_gallery(model: PSM, corpus: Corpus, folder: Path) -> Gallery | None:
    """Write the gallery of a training split into a model folder, or say why there is none."""
    try:
        gallery = gallery_of_corpus(model, corpus)
    except ConfigError as problem:  # a handful of recordings, or one caption for all
        console().print(f"no gallery: {problem}")
        return None
    gallery.save(folder)
    return gallery


def gallery_of_features(model: PSM, features: SplitFeatures) -> Gallery:
    """A gallery of a split that is encoded already."""
    sounds, captions = raw_audio(model, features), raw_text(model, features)

    def encode(rows: Rows) -> Encoded:
        at = torch.from_numpy(rows)
        return Encoded(sounds.rows(at), captions.rows(at))

    return make_gallery(model, features.recordings, encode)


@torch.inference_mode()
def with_places(
    model: PSM, gallery: Gallery, features: SplitFeatures, zoom: int, *, count: int = PLACES
) -> Gallery:
    """A gallery with places of a split, drawn evenly over the land as far as it has any there.

    Each is seen at a month and an hour drawn at random, sources unknown, as a map sees it.

    Args:
        model: in evaluation mode.
        gallery: of the model.
        features: of the split.
        zoom: one of those that the split was encoded at.
        count: how many; a place may be seen at several times.
    """
    timeless = [replace(each, month=None, hour=None) for each in features.recordings]
    weight = _land_weights(timeless)
    rng = generator(0, "places")
    chance = None if weight is None else weight / weight.sum()
    rows = rng.choice(len(timeless), count, p=chance)
    context = Context.of(
        lat=[timeless[row].lat for row in rows],
        lon=[timeless[row].lon for row in rows],
        month=rng.integers(1, 13, count),
        hour=rng.uniform(0.0, 24.0, count),
    )
    seen = features.images[zoom][torch.from_numpy(rows)]
    return replace(gallery, places=compact(location_gaussians(model, seen, context)))


def data_fingerprint(recordings: Sequence[Recording]) -> str:
    """A hash of the metadata of recordings, in whatever order they come."""
    digest = hashlib.sha256()
    for recording in sorted(recordings, key=lambda r: r.key):
        digest.update(json.dumps(recording.to_json(), sort_keys=True).encode())
    return digest.hexdigest()


def _land_weights(recordings: Sequence[Recording]) -> Float[np.ndarray, " n"] | None:
    try:
        return even_weights(recordings)
    except MissingExtra as problem:
        console().print(f"gallery: no shares of the land as it is, only of recordings ({problem})")
        return None


def _matching(distance: Float[Tensor, "n n"], captions: Sequence[str]) -> Matching:
    """When a recording holds a query: where its own caption and those of others are as likely."""
    below = (distance.median(0).values - distance).numpy()
    own = np.diagonal(below)
    texts = np.unique(np.array(captions), return_inverse=True)[1]
    others = below[texts[:, None] != texts[None, :]]
    if not len(others):
        raise ConfigError("a gallery needs two captions at least: all recordings have the same")
    sizes = (len(own), len(others))
    weight = np.concatenate([np.full(size, 1.0 / size) for size in sizes])
    scale, shift = fit_logistic(
        -np.concatenate([own, others]), np.arange(len(weight)) < len(own), weight
    )
    return Matching(scale=_STEEPER * scale, margin=-shift / scale)
