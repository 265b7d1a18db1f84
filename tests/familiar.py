"""A model's familiarity with some phrases, for tests."""

from __future__ import annotations

import torch

from psm.familiarity import Familiarity
from psm.model import PSM


def knowing_phrases(
    model: PSM, phrases: tuple[str, ...], *, least: float, rate: float
) -> Familiarity:
    """Familiar with phrases and with no recording at all.

    Args:
        model: whose text tower reads them.
        phrases: that are known.
        least: how near the farthest held-out caption was.
        rate: the base rate.
    """
    with torch.inference_mode():
        texts = torch.nn.functional.normalize(model.text_features(phrases)).clone()
    return Familiarity(
        phrases=phrases,
        texts=texts,
        sounds=-torch.ones(1, model.audio.out_dim),
        sound_phrases=torch.tensor([0]),
        held_out_texts=torch.linspace(least, 1.0, 101),
        held_out_sounds=torch.linspace(least, 1.0, 101),
        base_rate=rate,
        weights="any",
    )
