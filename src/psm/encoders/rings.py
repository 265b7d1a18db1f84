"""Ring pooling: what lies how far from the place, at the full resolution of a view."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.encoders.sharedlayers import convolution_stage

_CHANNELS = 32
_RINGS = 6
_INNERMOST_PX = 1.2  # the four pixels around the place


class RingPooling(nn.Module):
    """Ring pooling: mean and maximum of fine features in rings around the place, as one token.

    Most sounds carry a few kilometres: what matters is whether a river, a road or a shore runs
    through the middle of a view or somewhere else in it. Patches as wide as a quarter of the view
    do not tell that from few recordings; a ring is a distance, whichever way one looks.

    Args:
        width_px: side of the square in the middle of a view that is looked at.
        dim: features of the token.

    Attributes:
        edges_px: radii between the rings, in pixels from the place.
    """

    rings: Tensor

    def __init__(self, width_px: int, dim: int) -> None:
        super().__init__()
        self.width_px = width_px
        self.stages = nn.Sequential(
            *convolution_stage(3, _CHANNELS, stride=1),
            *convolution_stage(_CHANNELS, _CHANNELS, stride=1),
        )
        self.edges_px = _edges(width_px / 2.0)
        offset = torch.arange(width_px) + 0.5 - width_px / 2.0
        radius = (offset[:, None].square() + offset.square()).sqrt().flatten()
        inside = [(radius >= inner) & (radius < outer) for inner, outer in pairwise(self.edges_px)]
        self.register_buffer("rings", torch.stack(inside), persistent=False)
        features = 2 * _CHANNELS * len(inside)
        self.token = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, dim), nn.GELU())
        self.scale = nn.Linear(1, dim)

    def forward(
        self, pixels: Float[Tensor, "batch 3 size size"], gsd: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch dim"]:
        """One token a view, from its normalised pixels and what a pixel covers, in any unit."""
        margin = (pixels.shape[-1] - self.width_px) // 2
        middle = pixels[..., margin : margin + self.width_px, margin : margin + self.width_px]
        fine = self.stages(middle.contiguous(memory_format=torch.channels_last)).flatten(2).float()
        share = self.rings.to(fine) / self.rings.sum(1, keepdim=True)
        mean = fine @ share.T
        most = torch.stack([fine[..., ring].amax(-1) for ring in self.rings], dim=-1)
        pooled = torch.cat([mean, most], dim=-1).flatten(1)
        token: Tensor = self.token(pooled) + self.scale(gsd.log()[:, None])
        return token


def _edges(outermost: float) -> tuple[float, ...]:
    """Radii that grow by one factor, from the pixels around the place to ``outermost``."""
    growth = (outermost / _INNERMOST_PX) ** (1.0 / (_RINGS - 1))
    return (0.0, *(_INNERMOST_PX * growth**ring for ring in range(_RINGS)))
