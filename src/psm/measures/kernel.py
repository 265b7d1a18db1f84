"""Kernel of a measure: what the model sees of two places and times, and what it leaves over.

    k(a, b) = linear z_a.z_b + curved exp(-|z_a - z_b|² / 2 r²)      embedding
            + spatial m(d_ab / s) + temporal t_a.t_b                 what it leaves over

z is the mean of the location Gaussian, told place, month and hour, on its principal components; m
the Matérn kernel of order 3/2 of the chord d through the sphere, which is positive definite there
(Gneiting 2013, "Strictly and non-strictly positive definite functions on spheres"); t waves of the
month and of the hour, all zero where one is unknown. So a place is predicted from places that look
alike, wherever they are, and from its neighbours where these know more than a picture does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.geodata.sphere import EARTH_RADIUS_KM, unit_vectors

NAMES = ("linear", "curved", "reach", "spatial", "range_km", "temporal", "noise")
"""The hyperparameters: variances, and the two lengths ``reach`` and ``range_km``; all positive."""

_TINY = 1e-12  # under a root, where its slope would be infinite


class Inputs(NamedTuple):
    """What a kernel sees of N places and times.

    Attributes:
        seen: the embedding, ``(n, components)``.
        place: unit vectors, ``(n, 3)``.
        time: waves of month and hour, ``(n, 6)``.
    """

    seen: Float[Tensor, "n components"]
    place: Float[Tensor, "n 3"]
    time: Float[Tensor, "n waves"]

    def rows(self, index: Tensor | slice) -> Inputs:
        """Some of them."""
        return Inputs(*(part[index] for part in self))

    def to(self, dtype: torch.dtype) -> Inputs:
        """The same in another precision."""
        return Inputs(*(part.to(dtype) for part in self))


def inputs_of(
    seen: Float[Tensor, "n components"],
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    month: Float[np.ndarray, " n"],
    hour: Float[np.ndarray, " n"],
) -> Inputs:
    """Inputs of N places and times.

    Args:
        seen: the embedding of each.
        lat, lon: degrees.
        month: 1..12, NaN where unknown.
        hour: local, NaN where unknown.
    """
    place = torch.from_numpy(unit_vectors(lat=lat, lon=lon)).to(seen.dtype)
    waves = [_wave((month - 0.5) / 12.0), _wave(hour / 24.0), _wave(hour / 12.0)]
    return Inputs(seen, place, torch.from_numpy(np.concatenate(waves, axis=1)).to(seen.dtype))


def _wave(turns: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 2"]:
    angle = 2.0 * np.pi * np.asarray(turns, float)
    return np.asarray(np.nan_to_num(np.stack([np.cos(angle), np.sin(angle)], axis=1)))


def covariance(a: Inputs, b: Inputs, logs: Float[Tensor, " parameters"]) -> Float[Tensor, "n m"]:
    """The kernel between N and M places and times, without noise.

    Args:
        a, b: the inputs.
        logs: logarithms of the hyperparameters, in the order of :data:`NAMES`.
    """
    linear, curved, reach, spatial, range_km, temporal, _ = _numbers(logs)
    found = linear * (a.seen @ b.seen.T)
    found = found + curved * torch.exp(-0.5 * _squared(a.seen, b.seen) / reach.square())
    steps = (_squared(a.place, b.place) + _TINY).sqrt() * (math.sqrt(3.0) * EARTH_RADIUS_KM)
    steps = steps / range_km
    found = found + spatial * (1.0 + steps) * torch.exp(-steps)
    return found + temporal * (a.time @ b.time.T)


def variance(a: Inputs, logs: Float[Tensor, " parameters"]) -> Float[Tensor, " n"]:
    """The kernel of each place and time with itself."""
    linear, curved, _, spatial, _, temporal, _ = _numbers(logs)
    own = linear * a.seen.square().sum(-1) + temporal * a.time.square().sum(-1)
    return own + curved + spatial


def _numbers(logs: Float[Tensor, " parameters"]) -> tuple[Tensor, ...]:
    return tuple(logs.exp().unbind())


def _squared(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Squared distances, as a product of matrices."""
    own, other = a.square().sum(-1), b.square().sum(-1)
    return (own[:, None] + other - 2.0 * a @ b.T).clamp_min(0.0)
