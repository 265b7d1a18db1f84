"""Heads: from features to a Gaussian."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from psm.config import HeadConfig
from psm.gaussian import Gaussian

_POINT_LOG_VAR = -30.0


class GaussianHead(nn.Module):
    """Two 2-layer GELU networks: a mean of unit length and a log-variance.

    A deterministic head (``config.probabilistic`` off, for losses that teach no variance) has the
    mean alone; its variances are all but zero, so that the CSD is the distance of the means.

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
        mean = self.mean(features)
        if self.log_var is None:
            return point(mean)
        return Gaussian(F.normalize(mean.float(), dim=-1), self.log_var(features).float())


def point(mean: Float[Tensor, "batch dim"]) -> Gaussian:
    """Gaussians at the normalised ``mean`` whose variances are all but zero."""
    unit = F.normalize(mean.float(), dim=-1)
    return Gaussian(unit, torch.full_like(unit, _POINT_LOG_VAR))


def _two_layers(features: int, dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, dim), nn.GELU(), nn.Linear(dim, dim))
