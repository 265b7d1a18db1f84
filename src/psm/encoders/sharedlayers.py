"""Layers that several encoders are built of: the transformer, and the convolution stage."""

from __future__ import annotations

from typing import Any

import torch
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

    def first_token(self, src: Tensor, padding: Tensor | None = None) -> Tensor:
        """What the first token of each row comes to, ``(batch, dim)``.

        In evaluation the last layer works on that token alone: a quarter less to do in three
        layers. In training it is taken from the whole, whose dropout draws for every token.

        Args:
            src: ``(batch, tokens, dim)``.
            padding: ``(batch, tokens)``, true for tokens that are not looked at.
        """
        if self.training:
            whole: Tensor = self(src, src_key_padding_mask=padding)
            return whole[:, 0]
        for layer in self.layers[:-1]:
            src = layer(src, src_key_padding_mask=padding)
        last: Any = self.layers[-1]
        first = src[:, :1]
        seen = last.norm1(src) if last.norm_first else src
        found, _ = last.self_attn(
            seen[:, :1], seen, seen, key_padding_mask=padding, need_weights=False
        )
        first = first + found if last.norm_first else last.norm1(first + found)
        seen = last.norm2(first) if last.norm_first else first
        first = first + last.linear2(last.activation(last.linear1(seen)))
        token: Tensor = (first if last.norm_first else last.norm2(first))[:, 0]
        return token


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


def convolution_stage(
    fan_in: int, fan_out: int, *, kernel: int = 3, stride: int = 2
) -> list[nn.Module]:
    """Convolution, batch norm, ReLU; stride 2 halves height and width, rounded up.

    Weights lie channels last: about twice as fast on a CPU.
    """
    convolution = nn.Conv2d(fan_in, fan_out, kernel, stride=stride, padding=kernel // 2, bias=False)
    weight = convolution.weight
    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return [convolution, nn.BatchNorm2d(fan_out), nn.ReLU(inplace=True)]
