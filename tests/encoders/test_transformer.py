"""The shared transformer: its fast way to train is the same function."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from psm.encoders.sharedlayers import Transformer, transformer

BATCH, TOKENS, DIM = 3, 7, 16


@pytest.fixture
def encoder() -> Transformer:
    torch.manual_seed(0)
    return transformer(
        dim=DIM, heads=4, feedforward=32, depth=2, dropout=0.0,
        activation="gelu", norm_first=True, eps=1e-6,
    )  # fmt: skip


def outcome(encoder: nn.Module, tokens: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
    encoded = encoder(tokens, src_key_padding_mask=mask)
    return encoded, list(torch.autograd.grad(encoded.square().sum(), list(encoder.parameters())))


def test_training_on_few_tokens_is_plain_attention(encoder: Transformer) -> None:
    tokens = torch.randn(BATCH, TOKENS, DIM)
    mask = torch.zeros(BATCH, TOKENS, dtype=torch.bool)
    mask[1, 3:] = True
    ours, our_gradients = outcome(encoder.train(), tokens, mask)
    plain = nn.TransformerEncoder(encoder.layers[0], 2, enable_nested_tensor=False).train()
    plain.load_state_dict(encoder.state_dict())
    theirs, their_gradients = outcome(plain, tokens, mask)
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(our_gradients, their_gradients, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-4, rtol=1e-4)


def test_layers_start_different(encoder: Transformer) -> None:
    first, second = (layer.linear1.weight for layer in encoder.layers)
    assert not torch.equal(first, second)
