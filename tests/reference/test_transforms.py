"""Views against those recorded from the published image transforms."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from jaxtyping import UInt8

from psm.config import ImageryConfig
from psm.data.views import view_of_tile
from psm.errors import ConfigError
from psm.reference import published_view
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("h_transforms")
SIDE_PX = {"sentinel": 1280, "bingmap": 1500}
TILE_PX = {"sentinel": 256, "bingmap": 300}


@pytest.fixture(scope="module")
def tiles() -> dict[str, UInt8[np.ndarray, "side side 3"]]:
    return {imagery: pattern(imagery) for imagery in SIDE_PX}


def pattern(imagery: str) -> UInt8[np.ndarray, "side side 3"]:
    """The image that was recorded: two plane waves and a chequerboard in every channel."""
    y, x = np.mgrid[: SIDE_PX[imagery], : SIDE_PX[imagery]].astype(np.float64)
    frequencies = RECORDED[f"{imagery}_fr"].reshape(3, 6)
    phases = RECORDED[f"{imagery}_ph"].reshape(3, 3)
    channels = [
        127.0
        + 60.0 * np.sin(f[0] * x + f[1] * y + p[0])
        + 40.0 * np.sin(f[2] * x - f[3] * y + p[1])
        + 30.0 * np.sign(np.sin(f[4] / 5.0 * x[:1])) * np.sign(np.sin(f[5] / 5.0 * y[:, :1] + p[2]))
        for f, p in zip(frequencies, phases, strict=True)
    ]
    return np.stack(channels, axis=-1).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("imagery", SIDE_PX)
def test_the_image_is_the_recorded_one(
    imagery: str, tiles: dict[str, UInt8[np.ndarray, "side side 3"]]
) -> None:
    assert zlib.crc32(tiles[imagery].tobytes()) == RECORDED[f"{imagery}_img_crc"]


@pytest.mark.parametrize("imagery", SIDE_PX)
@pytest.mark.parametrize("zoom", [1, 3, 5])
def test_views(
    imagery: str, zoom: int, tiles: dict[str, UInt8[np.ndarray, "side side 3"]], close: Close
) -> None:
    pixels = ImageryConfig()
    mean, std = (torch.tensor(x)[:, None, None] for x in (pixels.mean, pixels.std))
    view = published_view(tiles[imagery], zoom=zoom, tile_px=TILE_PX[imagery])
    ours = (view - mean) / std
    close(ours[:, ::3, ::3], RECORDED[f"{imagery}_z{zoom}_out"], within=2e-3)


def test_a_small_tile_is_padded_with_black_as_published_and_refused_by_default(
    tiles: dict[str, UInt8[np.ndarray, "side side 3"]],
) -> None:
    small = tiles["sentinel"][:500, :400]
    view = published_view(small, zoom=3, tile_px=256)
    assert view.shape == (3, 224, 224)
    assert not view[:, :20, :20].any()
    assert view[:, 112, 112].all()
    with pytest.raises(ConfigError, match="zoom 3 needs a tile of 672 pixels"):
        view_of_tile(small, zoom=3, size=224)


def test_default_views_are_close_to_the_published_ones(
    tiles: dict[str, UInt8[np.ndarray, "side side 3"]],
) -> None:
    tile = tiles["sentinel"]
    published = published_view(tile, zoom=3, tile_px=224)
    ours = torch.from_numpy(view_of_tile(tile, zoom=3, size=224).copy()).permute(2, 0, 1) / 255.0
    assert (ours - published).abs().max() < 0.02
