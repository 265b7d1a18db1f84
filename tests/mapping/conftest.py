"""A tiny model with random weights, imagery that says where it is, and a coarse world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike

from psm.config import AudioTowerConfig, ContextConfig, ImageryConfig, ModelConfig, SatelliteConfig
from psm.mapping import Cells, EmbeddedCells, embed_cells
from psm.model import PSM


class FakeImagery:
    """Views of one colour, red by latitude and green by longitude; counts what it draws."""

    def __init__(self) -> None:
        self.drawn = 0

    def views(self, *, lat: ArrayLike, lon: ArrayLike, zoom: int, size: int) -> np.ndarray:
        lats, lons = np.asarray(lat, float), np.asarray(lon, float)
        self.drawn += len(lats)
        colour = np.stack([(lats + 90) / 180, (lons + 180) / 360, np.full(len(lats), zoom / 9)], -1)
        pixels = np.round(255 * colour).astype(np.uint8)
        return np.broadcast_to(pixels[:, None, None], (len(lats), size, size, 3)).copy()


@pytest.fixture
def imagery() -> FakeImagery:
    return FakeImagery()


@pytest.fixture(scope="session")
def model() -> PSM:
    config = ModelConfig(
        name="tiny",
        dim=16,
        imagery=ImageryConfig(view_px=16, gsd_m=1000.0, zooms=(1, 3)),
        satellite=SatelliteConfig(patch_px=8, dim=16, depth=1, heads=2, gsd_unit_m=1000.0),
        audio_tower=AudioTowerConfig(channels=(4, 8)),
        context=ContextConfig(depth=1, heads=2, feedforward=16, hidden=8, dropout=0.0),
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return PSM(config).eval()


@pytest.fixture(scope="session")
def cells() -> Cells:
    return Cells.globe(step_deg=10.0)


@pytest.fixture
def embedded(model: PSM, cells: Cells, imagery: FakeImagery, tmp_path: Path) -> EmbeddedCells:
    return embed_cells(model, imagery, cells, zoom=1, store=tmp_path / "store")
