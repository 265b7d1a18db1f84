"""The transformer that the satellite encoder and the context fusion share."""

from __future__ import annotations

from torch import nn


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
) -> nn.TransformerEncoder:
    """``nn.TransformerEncoder`` whose layers start from different weights.

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
    encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
    for module in encoder.modules():
        if isinstance(module, nn.MultiheadAttention):
            nn.init.xavier_uniform_(module.in_proj_weight)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return encoder
