"""Features of unit length: compared by their cosines, kept in eight bits, spanned by components."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor
from torch.nn import functional as F

ROUNDING = 2e-3
"""What :func:`rounded` may change of a cosine."""

_ENERGY = 0.93  # of known features' variance, that the leading components hold


def cosines(a: Float[Tensor, "m features"], b: Float[Tensor, "n features"]) -> Float[Tensor, "m n"]:
    """Cosine of every pair, in float32 on the CPU."""
    return F.normalize(a.detach().float().cpu(), dim=-1) @ F.normalize(b.float(), dim=-1).T


def rounded(unit: Float[Tensor, "n features"]) -> Int[Tensor, "n features"]:
    """Unit vectors in 8 bits a feature: normalised again they are the same to three digits."""
    largest = unit.abs().amax(-1, keepdim=True).clamp_min(1e-12)
    return (127.0 * unit / largest).round().to(torch.int8)


def kept_unit(features: Float[Tensor, "n features"]) -> Float[Tensor, "n features"]:
    """Unit vectors as a file gives them back."""
    return unit(rounded(unit(features)))


def unit(features: Num[Tensor, "n features"]) -> Float[Tensor, "n features"]:
    return F.normalize(features.float(), dim=-1)


class Span(NamedTuple):
    """What known recordings span: their mean, and the leading principal components about it.

    Attributes:
        mean: of their features, of unit length each.
        components: orthonormal.
    """

    mean: Float[Tensor, " features"]
    components: Float[Tensor, "components features"]

    @classmethod
    def of(cls, sounds: Float[Tensor, "n features"]) -> Span:
        """That of some recordings.

        Args:
            sounds: their features, rounded as a file keeps them or not: the span is the same.
        """
        kept = kept_unit(sounds)
        mean = kept.mean(0)
        # By the Gram matrix: recordings are fewer than features.
        energy, vectors = torch.linalg.eigh(((kept - mean) @ (kept - mean).T).double())
        energy, vectors = energy.flip(0).clamp_min(0.0), vectors.flip(1)
        enough = int((energy.cumsum(0) < _ENERGY * energy.sum()).sum()) + 1
        count = min(enough, int((energy > 1e-9 * energy[0]).sum()))
        scaled = vectors[:, :count] / energy[:count].sqrt()
        return cls(mean, scaled.T.float() @ (kept - mean))

    def holds(self, features: Float[Tensor, "m features"]) -> Float[Tensor, " m"]:
        """How much of recordings lies within: 1 less the square of what lies beyond.

        Args:
            features: of the audio tower.
        """
        away = F.normalize(features.detach().float().cpu(), dim=-1) - self.mean
        within = (away @ self.components.T).square().sum(-1)
        return 1.0 - (away.square().sum(-1) - within).clamp_min(0.0)
