"""What every text tower does, and how many texts are encoded by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.config import TextTowerConfig
from psm.encoders.tokens import Tokens, stacked


class TextTower(nn.Module, ABC):
    """Base class of text towers: ``forward(texts) -> (batch, out_dim)``.

    Attributes:
        out_dim: features.
        token_dim: width of a token, where the tower gives tokens too; see :meth:`tokens`.
        max_tokens: what is longer is cut.
    """

    out_dim: int
    token_dim: int | None = None
    max_tokens: int

    def standalone(self, config: TextTowerConfig) -> TextTowerConfig:
        """``config`` for a folder that holds the weights itself; a frozen tower is elsewhere."""
        return config

    def layers_to_recompute(self) -> list[nn.Module]:
        """Layers whose activations training may compute again rather than keep."""
        return []

    def save_tokenizer(self, folder: Path) -> None:
        """Write the tokenizer of a tower whose weights are stored with the model."""
        raise NotImplementedError  # a tower that is never stored has no need

    @abstractmethod
    def vocabulary(self) -> str:
        """What texts are cut into, in words: features on disk are told apart by it."""

    @abstractmethod
    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""

    @abstractmethod
    def forward(self, texts: Sequence[str]) -> Float[Tensor, "batch out_dim"]:
        """Features of ``texts``; what is longer than ``max_tokens`` is cut."""

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """What it reads token by token, of ``token_dim`` and padded to the longest text."""
        raise NotImplementedError  # a tower without ``token_dim`` is never asked


@torch.no_grad()
def encode_texts(
    tower: TextTower, texts: Sequence[str], batch_tokens: int = 2048, *, as_tokens: bool = False
) -> Tensor:
    """Features of many texts, each distinct one encoded once.

    Texts of like length share a batch, padded to its longest, of ``batch_tokens`` or one text.
    With ``as_tokens`` they are packed :class:`~psm.encoders.tokens.Tokens`, as long as the longest.
    """
    distinct = list(dict.fromkeys(texts))
    lengths = tower.lengths(distinct)
    order = sorted(range(len(distinct)), key=lengths.__getitem__)
    parts, start = [], 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= batch_tokens:
            end += 1
        batch = [distinct[row] for row in order[start:end]]
        parts.append(tower.tokens(batch).packed() if as_tokens else tower(batch))
        start = end
    row = {distinct[index]: place for place, index in enumerate(order)}
    return stacked(parts)[torch.tensor([row[text] for text in texts])]
