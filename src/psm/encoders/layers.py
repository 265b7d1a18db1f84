"""The transformer that the satellite encoder and the context fusion share."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

_FEW_TOKENS = 64


class Transformer(nn.TransformerEncoder):
    """``nn.TransformerEncoder`` that trains faster on a CPU where tokens are few.

    PyTorch's blocked attention works through a row of tokens in chunks, which for a handful of
    tokens costs more than the plain matrix products do (``benchmarks/README.md``).
    """

    def forward(self, src: Tensor, *args: Any, **options: Any) -> Tensor:
        """As ``nn.TransformerEncoder``."""
        if src.device.type == "cpu" and self.training and src.shape[1] <= _FEW_TOKENS:
            with sdpa_kernel(SDPBackend.MATH):
                return super().forward(src, *args, **options)
        return super().forward(src, *args, **options)


def transformer(
    *,
    dim: int,
    heads: int,
    feedforward: int,
    depth: int,
    dropout: float,
    activation: str,
    norm_first: bool,
    eps: float,
) -> Transformer:
    """A :class:`Transformer` whose layers start from different weights.

    PyTorch clones one layer ``depth`` times, so that without this they would all start the same.
    """
    layer = nn.TransformerEncoderLayer(
        dim,
        heads,
        feedforward,
        dropout=dropout,
        activation=activation,
        batch_first=True,
        norm_first=norm_first,
        layer_norm_eps=eps,
    )
    encoder = Transformer(layer, depth, enable_nested_tensor=False)
    for module in encoder.modules():
        if isinstance(module, nn.MultiheadAttention):
            nn.init.xavier_uniform_(module.in_proj_weight)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return encoder
