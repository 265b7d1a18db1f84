"""Numbers of more than 8 bits to grey levels, always by a stated scale.

A stretch by percentiles would give a place another colour for every file that it is part of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Num, UInt8

from psm.errors import ConfigError

Scale = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""For red, green and blue: the numbers that become 0 and 255."""

REFLECTANCE: Scale = ((0.0, 3000.0),) * 3
"""Of Sentinel-2 L2A, whose unit is a 10,000th of the light: clouds and snow are white."""


def as_scale(scale: str | Sequence[float] | Sequence[Sequence[float]], where: str) -> Scale:
    """A scale as people write it: ``0,3000`` or one pair a band, ``0,3000;0,2500;0,2000``.

    Raises:
        ConfigError: not one or three pairs of growing numbers; ``where`` is for the error.
    """
    try:
        if isinstance(scale, str):
            pairs = [[float(number) for number in pair.split(",")] for pair in scale.split(";")]
        else:
            flat = np.asarray(scale, float)
            pairs = [list(map(float, pair)) for pair in np.atleast_2d(flat)]
        low_high = [(low, high) for low, high in pairs]
    except (TypeError, ValueError):
        low_high = []
    if len(low_high) == 1:
        low_high = low_high * 3
    if len(low_high) != 3 or not all(low < high for low, high in low_high):
        raise ConfigError(
            f"{where}: scale {scale!r} is not low,high for all bands or one pair a band, "
            "as 0,3000 or 0,3000;0,2500;0,2000"
        )
    red, green, blue = low_high
    return red, green, blue


def to_uint8(
    values: Num[np.ndarray, "3 rows columns"], scale: Scale
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Grey levels: linear between low and high, cut off beyond."""
    low = np.asarray([pair[0] for pair in scale], np.float32)[:, None, None]
    high = np.asarray([pair[1] for pair in scale], np.float32)[:, None, None]
    grey = (values.astype(np.float32) - low) * (255.0 / (high - low))
    return np.moveaxis(np.round(np.clip(grey, 0.0, 255.0)).astype(np.uint8), 0, -1)
