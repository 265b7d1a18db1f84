"""Views of a tile: which pixels are cropped, and how they are made fewer."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from psm.data.views import view_of_tile
from psm.errors import ConfigError


def tile(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng([height, width])
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"),
    [(64, 64, 16, 16), (65, 67, 16, 17), (64, 96, 16, 32), (96, 64, 32, 16), (32, 33, 0, 0)],
)
def test_the_centre_is_cropped_and_of_odd_tiles_the_pixel_before_it(
    height: int, width: int, top: int, left: int
) -> None:
    pixels = tile(height, width)
    view = view_of_tile(pixels, zoom=1, size=32)
    np.testing.assert_array_equal(view, pixels[top : top + 32, left : left + 32])


def test_larger_zooms_are_made_smaller_smoothly() -> None:
    pixels = tile(100, 100)
    crop = Image.fromarray(pixels[2:98, 2:98])
    expected = np.asarray(crop.resize((32, 32), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(view_of_tile(pixels, zoom=3, size=32), expected)


@pytest.mark.parametrize(("height", "width"), [(31, 64), (64, 31)])
def test_the_shorter_side_has_to_hold_the_crop(height: int, width: int) -> None:
    with pytest.raises(ConfigError, match="zoom 1 needs a tile of 32 pixels, this one has 31"):
        view_of_tile(tile(height, width), zoom=1, size=32)
