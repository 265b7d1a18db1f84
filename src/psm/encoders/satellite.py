"""The satellite encoder: a vision transformer that knows the size of its pixels."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.config import ImageryConfig, SatelliteConfig
from psm.encoders.backbone import Backbone, read_backbone
from psm.encoders.rings import RingPooling
from psm.encoders.sharedlayers import convolution_stage, transformer


def gsd_position_embedding(
    dim: int, grid_size: int, gsd_m: Float[Tensor, " batch"]
) -> Float[Tensor, "batch positions dim"]:
    """Sine-cosine position embedding scaled by ground sample distance (Scale-MAE, eq. 2).

    A patch's position is its index times the metres that one pixel covers, so that the same
    embedding distance means the same distance on the ground at every scale. The first half of the
    features encodes the column, the second half the row, each as ``[sin, cos]``.

    Args:
        dim: features, a multiple of 4.
        grid_size: patches a side.
        gsd_m: metres per pixel of each view.

    Returns:
        ``(batch, grid_size², dim)`` in row-major order, float32.
    """
    if dim % 4:
        raise ValueError(f"position embedding needs a dim that is a multiple of 4, not {dim}")
    quarter = dim // 4
    # float64: at 10 m and 14 patches the phase is large enough for float32 to cost 1e-5.
    exponent = torch.arange(quarter, dtype=torch.float64, device=gsd_m.device) / quarter
    frequency = 10000.0**-exponent
    index = torch.arange(grid_size, dtype=torch.float64, device=gsd_m.device)
    phase = gsd_m.double()[:, None, None] * index[None, :, None] * frequency
    axis = torch.cat([phase.sin(), phase.cos()], dim=-1)
    batch = len(gsd_m)
    columns = axis[:, None].expand(batch, grid_size, grid_size, dim // 2)
    rows = axis[:, :, None].expand(batch, grid_size, grid_size, dim // 2)
    return torch.cat([columns, rows], dim=-1).flatten(1, 2).float()


class SatelliteEncoder(nn.Module):
    """ViT over one view of a tile: mean of the patches, normalised, projected to ``out_dim``.

    Patches come from one projection, as published, or from a small convolutional stem. With
    ``config.rings_px`` a further token says what lies how far from the place, and leaves the
    encoder beside the mean. With ``as_tokens`` nothing is averaged: every patch is projected by
    itself, in rows, and the ring's token comes last.

    Args:
        config: sizes of the transformer.
        imagery: size of the view and statistics of its pixels.
        out_dim: features that leave the encoder, or their number for each token.
        as_tokens: keep the tokens, one after the other.
        normed: normalise before the projection; the published encoder of tokens does not.

    Attributes:
        backbone: what it started from, where ``config.weights`` names a checkpoint.

    Raises:
        PSMError: the weights do not fit; see :func:`psm.encoders.backbone.read_backbone`.
    """

    mean: Tensor
    std: Tensor
    backbone: Backbone | None = None

    def __init__(
        self,
        config: SatelliteConfig,
        imagery: ImageryConfig,
        out_dim: int,
        *,
        as_tokens: bool = False,
        normed: bool = True,
    ) -> None:
        super().__init__()
        self.as_tokens = as_tokens
        self.view_px = imagery.view_px
        self.grid_size = imagery.view_px // config.patch_px
        self.gsd_unit_m = config.gsd_unit_m
        self.register_buffer("mean", torch.tensor(imagery.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(imagery.std)[:, None, None], persistent=False)
        self.patch = (
            _convolutional_stem(config.dim, config.patch_px)
            if config.stem == "conv"
            else nn.Conv2d(3, config.dim, config.patch_px, config.patch_px)
        )
        self.blocks = transformer(
            dim=config.dim,
            heads=config.heads,
            feedforward=int(config.dim * config.mlp_ratio),
            depth=config.depth,
            dropout=0.0,
            activation="gelu",
            norm_first=True,
            eps=1e-6,
        )
        self.norm = nn.LayerNorm(config.dim, eps=1e-6) if normed else nn.Identity()
        self.near = RingPooling(config.rings_px, config.dim) if config.rings_px else None
        width = 2 * config.dim if config.rings_px and not as_tokens else config.dim
        self.project = nn.Sequential(
            nn.Linear(width, out_dim), nn.GELU(), nn.Linear(out_dim, out_dim)
        )
        if config.weights is not None:
            wanted = {
                name: tensor.shape
                for name, tensor in self.state_dict().items()
                if not name.startswith(("project.", "near."))
            }
            weights, self.backbone = read_backbone(config, imagery, wanted)
            self.load_state_dict(weights, strict=False)

    def last_layers(self) -> list[nn.Module]:
        """What learns where the encoder as a whole does not: its last block and what follows."""
        return [self.blocks.layers[-1], self.norm, self.project]

    def layers_to_recompute(self) -> list[nn.Module]:
        """Layers that training may compute again rather than keep what they hand on."""
        return list(self.blocks.layers)

    def forward(
        self, views: Float[Tensor, "batch 3 height width"], gsd_m: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch features"]:
        """Features of ``views`` (RGB in [0, 1]) whose pixels cover ``gsd_m`` metres."""
        if views.shape[-2:] != (self.view_px, self.view_px):
            size = "x".join(str(side) for side in views.shape[-2:])
            raise ValueError(f"a view is {self.view_px}x{self.view_px} pixels here, not {size}")
        pixels, gsd = (views - self.mean) / self.std, gsd_m / self.gsd_unit_m
        patches = self.patch(pixels).flatten(2).transpose(1, 2)
        position = gsd_position_embedding(patches.shape[-1], self.grid_size, gsd)
        tokens = patches + position.to(patches.dtype)
        if self.near is not None:
            near = self.near(pixels, gsd).to(tokens.dtype)
            tokens = torch.cat([tokens, near[:, None]], dim=1)
        encoded = self.blocks(tokens)
        if self.as_tokens:
            projected: Tensor = self.project(self.norm(encoded))
            return projected.flatten(1)
        parts = [encoded[:, : patches.shape[1]].mean(1), *encoded[:, patches.shape[1] :].unbind(1)]
        features: Tensor = self.project(torch.cat([self.norm(part) for part in parts], dim=-1))
        return features


def _convolutional_stem(dim: int, patch_px: int) -> nn.Sequential:
    """Halve the view until a patch is one position, then project.

    It learns from few images what one projection of whole patches needs many for (Xiao et al. 2021,
    Early convolutions help transformers see better).
    """
    halvings = patch_px.bit_length() - 1
    widths = [3, *(min(dim, 32 << halving) for halving in range(halvings - 1)), dim]
    stages = [
        module
        for fan_in, fan_out in pairwise(widths)
        for module in convolution_stage(fan_in, fan_out)
    ]
    return nn.Sequential(*stages, nn.Conv2d(dim, dim, 1))
