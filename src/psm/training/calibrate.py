"""A match probability for models that learnt none (InfoNCE): logistic regression on distances."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.gaussian import csd
from psm.inference.batches import audio_gaussians, image_features, location_gaussians
from psm.model import PSM


def fit_match_probability(model: PSM, corpus: Corpus) -> tuple[float, float]:
    """Scale and shift under which validation pairs are most likely.

    Returns:
        ``(negative_scale, shift)`` of :func:`psm.gaussian.match_probability`.
    """
    model.eval()
    zoom = min(corpus.views_by_zoom)
    features = image_features(model, corpus.views(zoom), corpus.gsd_m * zoom)
    location = location_gaussians(model, features, Context.of_recordings(corpus.recordings))
    distance = csd(location, audio_gaussians(model, corpus.mels)).double()
    matched = torch.eye(len(distance), dtype=torch.float64)
    log_scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer: Any = torch.optim.LBFGS(
        [log_scale, shift], max_iter=100, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(shift - log_scale.exp() * distance, matched)
        torch.autograd.backward(loss)
        return loss

    optimizer.step(closure)
    return log_scale.exp().item(), shift.item()
