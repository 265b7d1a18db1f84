"""Reference mode: what the published implementation does, where trained weights depend on it.

An imported checkpoint carries ``reference: true`` in its configuration and is then built with the
encodings below; everything new is trained with :mod:`psm.encoders.encoding`. What the published
evaluation does differently (composed queries, dates) stands here too, so that its numbers can be
reproduced, and nowhere else.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from psm.encoders.encoding import Encoding, circle
from psm.encoders.heads import point
from psm.gaussian import Gaussian


class PublishedEncoding(Encoding):
    """Latitude on a circle where both poles meet, and a day whose 23 h is its 0 h.

    Minutes are dropped. The month is as ours.
    """

    place_size = 4

    def place(self, latlon: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch place_size"]:
        """Sine and cosine of twice the latitude, then of the longitude."""
        lat, lon = latlon.unbind(-1)
        return torch.cat([circle(lat / 180.0), circle(lon / 360.0)], dim=-1)

    def hour(self, hour: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2"]:
        """Points on a circle of 23 hours, whole hours only."""
        return circle(hour.floor() / 23.0)


class BareHead(nn.Module):
    """The published deterministic satellite encoder ends with its projection: no head follows."""

    def forward(self, features: Float[Tensor, "batch dim"]) -> Gaussian:
        """Points at the normalised features."""
        return point(features)


def published_composition(image: Gaussian, text: Gaussian) -> Gaussian:
    """A composed query as published: means added and normalised, *log*-variances added."""
    return Gaussian(F.normalize(image.mean + text.mean, dim=-1), image.log_var + text.log_var)


def published_recall(rank: NDArray[np.float64], top: float) -> float:
    """R@``top`` as published: the share of 1-based ranks *below* ``top``, so one place too few."""
    return float((rank < top).mean())
