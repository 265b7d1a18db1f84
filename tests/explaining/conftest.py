"""A tiny model with random weights, and imagery with a bright spot somewhere off the middle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from psm.imagery import NoImagery, Picture, View
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery, tiny_config

SPOT = (3, 12)
"""Row and column of the spot in a view of 16 pixels."""


class SpotImagery(PlaceImagery):
    """Grey views with a white pixel."""

    def read(
        self, *, lat: np.ndarray, lon: np.ndarray, view: View
    ) -> Iterator[Picture | NoImagery]:
        for _ in zip(lat, lon, strict=True):
            pixels = np.full((view.size_px, view.size_px, 3), 60, np.uint8)
            pixels[SPOT] = 255
            yield Picture(pixels, view.gsd_m)


@pytest.fixture(scope="session")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return PSM(tiny_config()).eval()
