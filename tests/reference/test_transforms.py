"""Views against those recorded from the published image transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from psm.config import ImageryConfig
from psm.data.imagery import view_of_tile
from psm.errors import ConfigError
from psm.reference import published_view
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("h_transforms")
# The centre of the recorded test image, which is all that zoom 1 and 3 see of it.
TILE = np.array(Image.open(recorded.VECTORS / "h_sentinel.png"))


@pytest.mark.parametrize("zoom", [1, 3])
def test_views_of_a_sentinel_tile(zoom: int, close: Close) -> None:
    pixels = ImageryConfig()
    mean, std = (torch.tensor(x)[:, None, None] for x in (pixels.mean, pixels.std))
    ours = (published_view(TILE, zoom=zoom, tile_px=256) - mean) / std
    close(ours[:, ::3, ::3], RECORDED[f"sentinel_z{zoom}_out"], within=2e-3)


def test_a_small_tile_is_padded_with_black_as_published_and_refused_by_default() -> None:
    view = published_view(TILE[:500, :400], zoom=3, tile_px=256)
    assert view.shape == (3, 224, 224)
    assert not view[:, :20, :20].any()
    assert view[:, 112, 112].all()
    with pytest.raises(ConfigError, match="zoom 3 needs a tile of 672 pixels"):
        view_of_tile(TILE[:500, :400], zoom=3, size=224)


def test_default_views_are_close_to_the_published_ones() -> None:
    published = published_view(TILE, zoom=3, tile_px=224)
    ours = torch.from_numpy(view_of_tile(TILE, zoom=3, size=224).copy()).permute(2, 0, 1) / 255.0
    assert (ours - published).abs().max() < 0.02
