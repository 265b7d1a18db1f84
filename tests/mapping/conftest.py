"""A tiny model with random weights, imagery that says where it is, and a coarse world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from psm.mapping import (
    Cells,
    EmbeddedCells,
    Frame,
    Moment,
    Query,
    SoundscapeMap,
    embed_cells,
)
from psm.model import PSM
from tests.cartography.frames import laea
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


@pytest.fixture(scope="session")
def place_map() -> Callable[..., SoundscapeMap]:
    """Makes a map of any frame whose values are a function of the place in it; one cell is empty.

    From the west to the east the probability grows from 0 to 1, from the north to the south the
    uncertainty from 0 to 0.5.
    """

    def make(frame: Frame, moment: Moment | None = None, **changes: object) -> SoundscapeMap:
        rows, columns = (at.ravel() for at in np.indices(frame.shape))
        kept = np.arange(len(rows)) != (1 if len(rows) > 1 else -1)
        cells = Cells(frame, rows[kept], columns[kept])
        east = (cells.columns + 0.5) / frame.shape[1]
        south = (cells.rows + 0.5) / frame.shape[0]
        values = {"match_probability": east, "uncertainty": south / 2.0, "csd": 1.0 - east}
        fields = {
            "query": Query(texts=("church bells",)),
            "moment": moment or Moment(month=7, hour=6.0),
            "zoom": 1,
            "model": "tiny",
            "attribution": "somebody's data",
            "licence": "CC-BY-4.0",
        }
        return SoundscapeMap.of_cells(cells, values, **{**fields, **changes})

    return make


@pytest.fixture(scope="session")
def around() -> Callable[..., Frame]:
    """:func:`laea`."""
    return laea
