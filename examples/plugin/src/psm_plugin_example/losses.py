"""SigLIP's loss: every pair is judged alone (Zhai et al. 2023, arXiv:2303.15343)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from psm.gaussian import Gaussian
from psm.losses import PairLoss, Report


class SigLIP(PairLoss):
    """Binary cross-entropy of each pair by the cosine of its means.

    Args:
        temperature: start of the scale, which is learnt as its logarithm.
        bias: start of the shift, which is learnt too.
    """

    def __init__(self, temperature: float = 10.0, bias: float = -10.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(temperature)))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(
        self, a: Gaussian, b: Gaussian, matched: Tensor | None = None
    ) -> tuple[Tensor, Report]:
        """Loss of ``a`` ``(n, dim)`` against ``b`` ``(m, dim)``, a row at a time."""
        x, y = F.normalize(a.mean.float(), dim=-1), F.normalize(b.mean.float(), dim=-1)
        logits = self.log_scale.exp() * (x @ y.T) + self.bias
        target = torch.eye(len(x), device=x.device) if matched is None else matched.float()
        each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        loss = each.sum() / len(x)
        return loss, {"loss": loss.detach()}
