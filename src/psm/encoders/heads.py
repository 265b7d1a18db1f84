"""Heads: from features to a Gaussian."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.config import HeadConfig
from psm.gaussian import Gaussian

_POINT_LOG_VAR = -30.0


class GaussianHead(nn.Module):
    """Two 2-layer GELU networks: a mean of unit length and a log-variance.

    A deterministic head (``config.probabilistic`` off, for losses that teach no variance) has the
    mean alone. Its variance is not known: what stands in its place is all but zero, so that the CSD
    is the distance of the means, and is never shown (:attr:`psm.PSM.knows_uncertainty`).

    Args:
        features: width of the input.
        dim: dimensions of the space.
        config: the variances to start from.
    """

    def __init__(self, features: int, dim: int, config: HeadConfig) -> None:
        super().__init__()
        self.mean = _two_layers(features, dim)
        self.log_var = _two_layers(features, dim) if config.probabilistic else None
        if self.log_var is not None:
            with torch.no_grad():
                last = self.log_var[-1]
                assert isinstance(last, nn.Linear)
                last.weight.mul_(0.1)
                last.bias.fill_(math.log(config.variance_sum / dim))

    def forward(self, features: Float[Tensor, "batch features"]) -> Gaussian:
        """One Gaussian for each row."""
        return self.raw(features).unit()

    def raw(self, features: Float[Tensor, "batch features"]) -> Gaussian:
        """The same before its mean is normalised, which a published composition needs."""
        mean = self.mean(features).float()
        if self.log_var is None:
            return point(mean)
        return Gaussian(mean, self.log_var(features).float())


def point(mean: Float[Tensor, "batch dim"]) -> Gaussian:
    """Gaussians at ``mean`` whose variances are all but zero."""
    return Gaussian(mean.float(), torch.full_like(mean, _POINT_LOG_VAR, dtype=torch.float32))


def _two_layers(features: int, dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, dim), nn.GELU(), nn.Linear(dim, dim))
