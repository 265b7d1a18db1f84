"""Encoding many items with a trained model: batches, no gradients, a progress bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float16, UInt8
from torch import Tensor

from psm.data.context import Context
from psm.gaussian import Gaussian, concatenate
from psm.model import PSM
from psm.progress import track

_BATCH = 256


def _batches(size: int, description: str | None) -> Iterable[slice]:
    slices = [slice(start, start + _BATCH) for start in range(0, size, _BATCH)]
    return track(slices, description) if description else slices


@torch.inference_mode()
def image_features(
    model: PSM,
    views: UInt8[np.ndarray, "n height width 3"],
    gsd_m: Float[np.ndarray, " n"] | float,
    description: str | None = None,
) -> Float[Tensor, "n dim"]:
    """Image features before fusion of ``views`` whose pixels cover ``gsd_m`` metres."""
    gsd = torch.as_tensor(np.broadcast_to(gsd_m, len(views)).copy(), dtype=torch.float32)
    parts = [
        model.image_features(
            torch.from_numpy(views[rows]).permute(0, 3, 1, 2).to(model.device),
            gsd[rows].to(model.device),
        )
        for rows in _batches(len(views), description)
    ]
    return torch.cat(parts) if parts else torch.empty(0, model.config.dim)


@torch.inference_mode()
def location_gaussians(
    model: PSM, features: Float[Tensor, "n dim"], context: Context | None = None
) -> Gaussian:
    """Fuse image features with their contexts."""
    return concatenate(
        [
            model.fuse(features[rows], context.rows(rows) if context is not None else None)
            for rows in _batches(len(features), None)
        ]
    )


@torch.inference_mode()
def audio_gaussians(
    model: PSM,
    mels: Float16[np.ndarray, "n windows frames bands"],
    description: str | None = None,
) -> Gaussian:
    """Gaussians of recordings given as log-mel windows in dB."""
    return concatenate(
        [
            model.encode_audio(torch.from_numpy(mels[rows]).to(model.device))
            for rows in _batches(len(mels), description)
        ]
    )


@torch.inference_mode()
def text_gaussians(model: PSM, texts: Sequence[str]) -> Gaussian:
    """Gaussians of captions or queries."""
    return model.encode_text(texts)
