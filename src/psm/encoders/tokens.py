"""Tokens: what an encoder says of each part of an input, before anything is averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Tokens:
    """Tokens of a batch, padded to the longest row.

    Where tokens travel as features, through caches, stores and batches, a row of them is one
    vector: the tokens one after the other, with zeros for those that are not there
    (:meth:`packed`). No encoder says zero in all places of a token that it gives.

    Attributes:
        values: ``(batch, tokens, width)``.
        known: ``(batch, tokens)``, false where a token is padding or absent.
    """

    values: Float[Tensor, "batch tokens width"]
    known: Bool[Tensor, "batch tokens"]

    @classmethod
    def all_known(cls, values: Float[Tensor, "batch tokens width"]) -> Tokens:
        """Tokens of rows that all have as many.

        Args:
            values: ``(batch, tokens, width)``.
        """
        return cls(values, values.new_ones(values.shape[:2], dtype=torch.bool))

    @classmethod
    def unpacked(cls, features: Float[Tensor, "batch features"], width: int) -> Tokens:
        """Tokens of rows that :meth:`packed` made.

        Args:
            features: ``(batch, tokens * width)``.
            width: of a token.
        """
        values = features.reshape(len(features), -1, width)
        return cls(values, (values != 0).any(-1))

    def beside(self, other: Tokens) -> Tokens:
        """These tokens, and behind them, in each row, those of ``other``.

        Args:
            other: tokens of the same rows, of the same width.
        """
        return Tokens(
            torch.cat([self.values, other.values], dim=1),
            torch.cat([self.known, other.known], dim=1),
        )

    def mean(self) -> Float[Tensor, "batch width"]:
        """The mean of the tokens that are there, as one vector a row that knows no length.

        Returns:
            ``(batch, width)``.
        """
        known = self.known[..., None]
        return (self.values * known).sum(1) / known.sum(1).clamp_min(1)

    def packed(self) -> Float[Tensor, "batch features"]:
        """One vector a row, zeros where a token is not there.

        Returns:
            ``(batch, tokens * width)``.
        """
        return torch.where(self.known[..., None], self.values, 0.0).flatten(1)


def stacked(parts: Sequence[Tensor]) -> Tensor:
    """Features of several batches, one below the other, packed tokens as long as the longest.

    Args:
        parts: ``(rows, features)`` each.

    Returns:
        Every row, ``(all rows, most features)``, with zeros behind the tokens that it has.
    """
    width = max((part.shape[1] for part in parts), default=0)
    return torch.cat([F.pad(part, (0, width - part.shape[1])) for part in parts])
