"""Encodings of place and time: smooth numbers, periodic where the world is.

Places become the unit vector on the sphere, which has no edge and two different poles; months and
hours become points on a circle.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psm.data.context import Context

_OBLIQUITY = math.radians(23.44)
_SOLSTICE = 0.17
"""The December solstice on a scale where a whole month stands for its own middle (0 = 12)."""


class Encoding:
    """Numbers of place, month and hour; :mod:`psm.reference` holds the published ones.

    Args:
        waves: octaves of waves along the axes of the globe. Climates are narrower than what a
            small network makes of three coordinates.
    """

    place_size = 3

    def __init__(self, waves: int = 0) -> None:
        self.waves = waves
        self.place_size += 6 * waves

    def place(self, latlon: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch place_size"]:
        """Unit vectors on the sphere, from degrees, then sine and cosine of each wave."""
        lat, lon = latlon.deg2rad().unbind(-1)
        unit = torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=-1)
        phases = [math.pi * 2.0**octave * unit for octave in range(self.waves)]
        return torch.cat([unit, *(f(p) for p in phases for f in (torch.sin, torch.cos))], dim=-1)

    def month(self, month: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2"]:
        """Points on the circle of the year."""
        return circle(month / 12.0)

    def hour(self, hour: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2"]:
        """Points on the circle of the day."""
        return circle(hour / 24.0)


def circle(turns: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2"]:
    """Sine and cosine of an angle in full turns."""
    angle = 2.0 * math.pi * turns
    return torch.stack([angle.sin(), angle.cos()], dim=-1)


SUN_SIZE = 5


def sun_known(context: Context) -> Bool[Tensor, " batch"]:
    """Whether :func:`sun` says anything: place and month are known, the hour perhaps not."""
    return context.valid[:, :2].all(dim=-1)


def sun(context: Context) -> Float[Tensor, "batch 5"]:
    """Features of the sun at a place and month: seasons and daylight without a hemisphere.

    Sine of the sun's elevation at noon; how far the sun stands on the place's own side of the
    equator (positive in its summer); length of the day from -1 (polar night) to 1; sine of the
    elevation at the hour and a 1, or two zeros where the hour is unknown. The declination follows a
    cosine of the year and civil time counts as solar time: good to two degrees and an hour or two.
    Zeros where :func:`sun_known` is false.
    """
    lat = context.latlon[:, 0].deg2rad()
    year = 2.0 * math.pi * (context.month - _SOLSTICE) / 12.0
    declination = -_OBLIQUITY * year.cos()
    lean = lat.sin() * declination.sin()
    reach = (lat.cos() * declination.cos()).clamp_min(1e-6)
    day_length = 2.0 / math.pi * (-lean / reach).clamp(-1.0, 1.0).acos() - 1.0
    now = lean - reach * (2.0 * math.pi * context.hour / 24.0).cos()
    hour_known = context.valid[:, 2].to(now)
    seen = torch.stack([lean + reach, lean, day_length, now * hour_known, hour_known], dim=-1)
    return seen * sun_known(context)[:, None]
