"""Batched inference: views, recordings or texts to features and Gaussians, without gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Num, UInt8
from torch import Tensor

from psm.config import ModelConfig
from psm.data.context import Context
from psm.data.corpus import Corpus, Rows
from psm.encoders.tokens import Tokens
from psm.gaussian import Gaussian, concatenate
from psm.imagery import Picture
from psm.inference.placefeatures import corpus_features, features_of
from psm.model import PSM
from psm.progress import track
from psm.reference import published_byte_resize, published_resize, published_tile_px

_BATCH_VALUES = 2**21
"""Input values a batch: what layers hand to each other then mostly stays in the cache."""

_LEAST_VALUES = 256
"""Values that a row counts as at least: models without pixels have views of no values."""

_FUSED_BATCH = 256
"""Locations a batch on a processor: what layers hand to each other stays in a core's cache."""
_FUSED_BATCH_ELSEWHERE = 4096


def _batches(size: int, batch: int, description: str | None = None) -> Iterable[slice]:
    slices = [slice(start, start + batch) for start in range(0, size, batch)]
    return track(slices, description) if description else slices


def _fitting(inputs: Rows) -> int:
    """Rows of ``inputs`` that make a batch."""
    return max(1, _BATCH_VALUES // max(_LEAST_VALUES, math.prod(inputs.shape[1:])))


@torch.inference_mode()
def image_features(
    model: PSM,
    views: Rows,
    gsd_m: Float[np.ndarray, " n"] | float,
    description: str | None = None,
    *,
    features: Float[np.ndarray, "n numbers"] | None = None,
) -> Float[Tensor, "n dim"]:
    """Image features before fusion of RGB ``views``, whose pixels cover ``gsd_m`` metres.

    Views are ``(n, height, width, 3)`` of uint8, in memory or on disk; those of a published model
    may be as large as :func:`picture_px` says, and are made smaller as it was taught. ``features``
    are those of :mod:`psm.inference.placefeatures`, for models that read some.
    """
    gsd = torch.as_tensor(np.broadcast_to(gsd_m, len(views)).copy(), dtype=torch.float32)
    parts = [
        model.image_features(
            _seen(model, torch.from_numpy(views[rows]).permute(0, 3, 1, 2).to(model.device)),
            gsd[rows].to(model.device),
            None if features is None else torch.from_numpy(features[rows]).to(model.device),
        )
        for rows in _batches(len(views), _fitting(views), description)
    ]
    return torch.cat(parts) if parts else torch.empty(0, model.config.image_features)


def look_at(model: PSM, picture: Picture) -> Float[Tensor, "1 dim"]:
    """Image features of one place, as a provider shows it."""
    known = features_of(picture, model.config)[None]
    pixels, features = picture.pixels[None].copy(), known if known.size else None
    return image_features(model, pixels, picture.gsd_m, features=features)


def picture_px(config: ModelConfig) -> int:
    """Side of the pictures that a model of ``config`` sees places by, whatever their scale.

    A published model sees 256 pixels of its ground sample distance, of Bing's 300, made smaller.
    """
    imagery = config.imagery
    return published_tile_px(imagery.name) if config.reference else imagery.view_px


def _seen(model: PSM, pixels: UInt8[Tensor, "n 3 side side"]) -> Num[Tensor, "n 3 size size"]:
    size = model.config.imagery.view_px
    if not model.config.reference or pixels.shape[-1] == size:
        return pixels
    if model.config.has_tokens:
        return published_byte_resize(pixels, size)
    return published_resize(pixels.float() / 255.0, size)


@torch.inference_mode()
def location_gaussians(
    model: PSM, features: Float[Tensor, "n dim"], context: Context | None = None
) -> Gaussian:
    """Fuse image features, of any precision, with their contexts."""
    batch = _FUSED_BATCH if model.device.type == "cpu" else _FUSED_BATCH_ELSEWHERE
    return concatenate(
        [
            model.fuse(
                features[rows].to(model.device, torch.float32),
                context.rows(rows) if context is not None else None,
            )
            for rows in _batches(len(features), batch)
        ]
    )


@torch.inference_mode()
def audio_features(
    model: PSM,
    mels: Rows,
    description: str | None = None,
) -> Float[Tensor, "n features"]:
    """Audio features before the head, of log-mel windows in dB ``(n, windows, frames, bands)``."""
    return torch.cat(
        [
            model.audio_features(torch.from_numpy(mels[rows]).to(model.device))
            for rows in _batches(len(mels), _fitting(mels), description)
        ]
    )


@torch.inference_mode()
def audio_gaussians(
    model: PSM,
    mels: Rows,
    description: str | None = None,
) -> Gaussian:
    """Gaussians of recordings given as log-mel windows in dB, ``(n, windows, frames, bands)``."""
    gaussians: Gaussian = model.audio_head(audio_features(model, mels, description))
    return gaussians


def text_summary(
    model: PSM, features: Float[Tensor, "n features"]
) -> Float[Tensor, "n text_features"]:
    """Features of texts as they can be compared: of tokens, however many, the mean."""
    width = model.text.token_dim if model.config.has_tokens else None
    return features if width is None else Tokens.unpacked(features, width).mean()


def sound_summary(
    model: PSM, features: Float[Tensor, "n features"]
) -> Float[Tensor, "n sound_features"]:
    """Features of recordings as they can be compared: of tokens, however many, the mean."""
    width = model.audio.token_dim if model.config.has_tokens else None
    return features if width is None else Tokens.unpacked(features, width).mean()


def encode_corpus(
    model: PSM,
    corpus: Corpus,
    rows: slice | None = None,
    *,
    sound: Float[Tensor, "n features"] | None = None,
    seen: Float[np.ndarray, "n numbers"] | None = None,
) -> tuple[Float[Tensor, "n dim"], Gaussian]:
    """Image features at the lowest zoom, before fusion, and audio Gaussians of a loaded split.

    Args:
        model: in evaluation mode.
        corpus: the split.
        rows: which recordings; by default all.
        sound: audio features of all of them, where they are known.
        seen: features of all places, where they are known; else they are read or computed.
    """
    rows = slice(None) if rows is None else rows
    zoom = min(corpus.views_by_zoom)
    views, gsd_m = corpus.views(zoom)[rows], corpus.gsd_m[rows] * zoom
    with torch.inference_mode():
        audio = (
            audio_gaussians(model, corpus.mels[rows])
            if sound is None
            else model.audio_head(sound[rows].to(model.device))
        )
    if seen is None:
        seen = corpus_features(model.config, corpus)
    own = None if seen is None else seen[rows]
    return image_features(model, views, gsd_m, features=own), audio


@torch.inference_mode()
def text_gaussians(model: PSM, texts: Sequence[str]) -> Gaussian:
    """Gaussians of captions or queries."""
    return model.encode_text(texts)
