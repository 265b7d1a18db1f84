"""Recordings and embeddings of known quality."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, Recording
from psm.earth.sounds import SOUNDS
from psm.evaluation.retrieval import CONTEXT, IMAGE, SOURCE_FREE, EmbeddedCorpus
from psm.gaussian import Gaussian


@pytest.fixture(scope="package")
def recordings() -> tuple[Recording, ...]:
    """Sixty recordings on two continents, fifteen of each source, freesound without an hour."""
    rng = np.random.default_rng(0)
    return tuple(
        Recording(
            key=f"r{i}",
            lat=float(rng.uniform(44, 52) if i % 2 else rng.uniform(-35, -25)),
            lon=float(rng.uniform(0, 20) if i % 2 else rng.uniform(140, 150)),
            audio_source=AUDIO_SOURCES[i % 4],
            caption_source=CAPTION_SOURCES[i % 3],
            caption=f"caption {i}",
            split="test",
            cell=f"cell {i // 3}",
            month=int(rng.integers(1, 13)),
            hour=None if i % 4 == 3 else float(rng.uniform(0, 24)),
            sounds=tuple(SOUNDS[k] for k in rng.choice(len(SOUNDS), rng.integers(1, 4), False)),
        )
        for i in range(60)
    )


@pytest.fixture(scope="package")
def embedded(recordings: tuple[Recording, ...]) -> EmbeddedCorpus:
    """Locations that resemble their recording the more, the more of the context is known."""
    generator = torch.Generator().manual_seed(0)

    def near(target: torch.Tensor, noise: float) -> Gaussian:
        mean = target + noise * torch.randn(target.shape, generator=generator)
        unit = torch.nn.functional.normalize(mean, dim=-1)
        return Gaussian(unit, torch.full_like(unit, -6.0))

    truth = torch.randn(len(recordings), 24, generator=generator)
    return EmbeddedCorpus(
        recordings=recordings,
        locations={
            IMAGE: near(truth, 4.0),
            CONTEXT: near(truth, 1.0),
            SOURCE_FREE: near(truth, 2.0),
        },
        audio=near(truth, 0.01),
        text=near(truth, 0.3),
    )
