"""A tiny model with random weights, imagery that says where it is, and a coarse world."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from psm.mapping import Cells, EmbeddedCells, embed_cells
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery, tiny_config


@pytest.fixture
def imagery() -> PlaceImagery:
    return PlaceImagery()


@pytest.fixture(scope="session")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return PSM(tiny_config()).eval()


@pytest.fixture(scope="session")
def cells() -> Cells:
    return Cells.globe(step_deg=10.0)


@pytest.fixture
def embedded(model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path) -> EmbeddedCells:
    return embed_cells(model, imagery, cells, zoom=1, store=tmp_path / "store")
