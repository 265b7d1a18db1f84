"""Texts and recordings as queries: their Gaussians, and how familiar each is to the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32

from psm.familiarity import Likeness
from psm.gaussian import Gaussian
from psm.inference.batches import sound_summary, text_summary
from psm.model import PSM


class EncodedTerm(NamedTuple):
    """One text or recording in the space of a model.

    Attributes:
        gaussian: ``(1, dim)``.
        likeness: to what the model was trained on; ``None`` where its folder does not say.
    """

    gaussian: Gaussian
    likeness: Likeness | None


@torch.inference_mode()
def text_terms(model: PSM, texts: Sequence[str]) -> list[EncodedTerm]:
    """Every text as a query of its own.

    Args:
        model: in evaluation mode.
        texts: at least one.
    """
    features = model.text_features(texts)
    known = model.familiarity
    likenesses = (
        [None] * len(texts) if known is None else known.of_texts(text_summary(model, features))
    )
    return _terms(model.text_head(features), likenesses)


@torch.inference_mode()
def recording_term(model: PSM, waveform: Float32[np.ndarray, " samples"]) -> EncodedTerm:
    """One recording of any length as a query: what an import of it would come to.

    Args:
        model: in evaluation mode.
        waveform: mono, at the rate of ``model.config.audio``.
    """
    mel = torch.from_numpy(model.config.framing.mel(waveform)[None])
    features = model.audio_features(mel.to(model.device))
    known = model.familiarity
    likenesses = [None] if known is None else known.of_sounds(sound_summary(model, features))
    (term,) = _terms(model.audio_head(features), likenesses)
    return term


def _terms(gaussians: Gaussian, likenesses: Sequence[Likeness | None]) -> list[EncodedTerm]:
    return [
        EncodedTerm(gaussians.rows(slice(row, row + 1)), likeness)
        for row, likeness in enumerate(likenesses)
    ]
