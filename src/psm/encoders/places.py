"""Place encoders: through pixels, through features that somebody else computed, or through both."""

from __future__ import annotations

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.config import FeaturesConfig, ImageryConfig, SatelliteConfig
from psm.encoders.backbone import Backbone
from psm.encoders.satellite import SatelliteEncoder

_LEAST_STD = 1e-6


class FeatureEncoder(nn.Module):
    """Adapter of foreign features: standardised by the training set, then a matrix or two.

    Args:
        config: how many numbers a place has, and how they are read.
        out_dim: features that leave the encoder.

    Attributes:
        mean, std: of each number over the places of the training set; saved with the weights.
        unknown: what stands, standardised, for a place that has no features; learnt.
    """

    mean: Tensor
    std: Tensor
    backbone: Backbone | None = None
    gsd_unit_m: float = 1.0

    def __init__(self, config: FeaturesConfig, out_dim: int) -> None:
        super().__init__()
        self.provider, self.size = config.provider, config.size
        self.register_buffer("mean", torch.zeros(config.size))
        self.register_buffer("std", torch.ones(config.size))
        self.unknown = nn.Parameter(torch.zeros(config.size))
        self.project: nn.Module = (
            nn.Linear(config.size, out_dim)
            if config.adapter == "linear"
            else nn.Sequential(
                nn.Linear(config.size, config.hidden),
                nn.GELU(),
                nn.Linear(config.hidden, out_dim),
            )
        )

    @torch.no_grad()
    def standardise(self, features: Float[Tensor, "n numbers"]) -> None:
        """Take mean and standard deviation from the places of a training set.

        Args:
            features: ``(n, numbers)``; rows of NaN do not count. A number that is everywhere the
                same counts as one of standard deviation 1.
        """
        known = features[~features.isnan().any(1)].double()
        if len(known):
            std = known.std(0, correction=0)
            self.mean.copy_(known.mean(0))
            self.std.copy_(torch.where(std > _LEAST_STD, std, 1.0))

    def last_layers(self) -> list[nn.Module]:
        """What learns where the encoder as a whole does not."""
        return [self.project]

    def layers_to_recompute(self) -> list[nn.Module]:
        """Layers that training may compute again; none is worth it."""
        return []

    def forward(
        self,
        views: Float[Tensor, "batch 3 height width"],
        gsd_m: Float[Tensor, " batch"],  # noqa: ARG002
        features: Float[Tensor, "batch numbers"] | None = None,
    ) -> Float[Tensor, "batch out_dim"]:
        """What ``features`` come to; ``views`` and their scale say nothing here."""
        if features is None or features.shape != (len(views), self.size):
            given = "none" if features is None else "x".join(str(side) for side in features.shape)
            raise ValueError(
                f"places are seen by {len(views)}x{self.size} features of {self.provider}, not "
                f"{given}"
            )
        known = ~features.isnan().any(1, keepdim=True)
        standard = torch.where(known, (features - self.mean) / self.std, self.unknown)
        found: Tensor = self.project(standard)
        return found


class PixelsAndFeatures(nn.Module):
    """A view and foreign features of the same place: what each comes to, added.

    Args:
        pixels: encoder of views.
        features: adapter of the features.
    """

    def __init__(self, pixels: SatelliteEncoder, features: FeatureEncoder) -> None:
        super().__init__()
        self.pixels, self.features = pixels, features

    @property
    def backbone(self) -> Backbone | None:
        """What the encoder of views started from."""
        return self.pixels.backbone

    @property
    def gsd_unit_m(self) -> float:
        """Metres that the encoder of views counts as one step."""
        return self.pixels.gsd_unit_m

    @gsd_unit_m.setter
    def gsd_unit_m(self, metres: float) -> None:
        self.pixels.gsd_unit_m = metres

    def last_layers(self) -> list[nn.Module]:
        """What learns where the encoder as a whole does not."""
        return [*self.pixels.last_layers(), *self.features.last_layers()]

    def layers_to_recompute(self) -> list[nn.Module]:
        """Layers that training may compute again."""
        return self.pixels.layers_to_recompute()

    def forward(
        self,
        views: Float[Tensor, "batch 3 height width"],
        gsd_m: Float[Tensor, " batch"],
        features: Float[Tensor, "batch numbers"] | None = None,
    ) -> Float[Tensor, "batch out_dim"]:
        """The sum of what the view and the ``features`` come to."""
        seen: Tensor = self.pixels(views, gsd_m)
        known: Tensor = self.features(views, gsd_m, features)
        return seen + known


PlaceEncoder: TypeAlias = SatelliteEncoder | FeatureEncoder | PixelsAndFeatures


def build_place_encoder(
    config: SatelliteConfig, imagery: ImageryConfig, out_dim: int
) -> PlaceEncoder:
    """The encoder that the settings ask for.

    Args:
        config: what places are seen through.
        imagery: size of the views and statistics of their pixels.
        out_dim: features that leave the encoder.
    """
    if config.features is None:
        return SatelliteEncoder(config, imagery, out_dim)
    features = FeatureEncoder(config.features, out_dim)
    if config.kind == "features":
        return features
    return PixelsAndFeatures(SatelliteEncoder(config, imagery, out_dim), features)


def feature_encoder(encoder: nn.Module) -> FeatureEncoder | None:
    """The adapter of foreign features in a place encoder; ``None`` where it sees pixels alone."""
    found = encoder.features if isinstance(encoder, PixelsAndFeatures) else encoder
    return found if isinstance(found, FeatureEncoder) else None
