"""Codebook: tokens of images, sound and text choose among shared codes (Sat2Sound).

Each token scores every code; of each code the best score of an item counts; sparsemax makes
weights of them, most of which are zero; the weighted sum of the codes is where the item lies.
Which codes an item chose says in parts what it has in common with another.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.encoders.heads import point
from psm.encoders.tokens import Tokens
from psm.gaussian import Gaussian

Absent = Literal["left out", "zeroed", "counted"]

_MOST_SCORES = 2**26
"""Scores at once where no gradient is kept: a quarter of a gigabyte."""


class Codebook(nn.Module):
    """The codes that places, recordings and captions share.

    Args:
        codes: how many.
        dim: of the space, in which they lie.
        temperature: scores are divided by it: the higher, the more codes have a part.
    """

    def __init__(self, codes: int, dim: int, temperature: float) -> None:
        super().__init__()
        # As an embedding, drawn from N(0, 1), and not decayed.
        self.codes = nn.Embedding(codes, dim)
        self.temperature = temperature

    def scores(self, queries: Float[Tensor, "batch tokens dim"]) -> Tensor:
        """How well each query goes with each code, ``(batch, tokens, codes)``."""
        return queries @ self.codes.weight.T

    def weights(self, best: Float[Tensor, "batch codes"]) -> Float[Tensor, "batch codes"]:
        """The part of each code, from its best score; a row adds up to 1."""
        return sparsemax(best / (math.sqrt(self.codes.embedding_dim) * self.temperature))

    def mixture(self, weights: Float[Tensor, "batch codes"]) -> Float[Tensor, "batch dim"]:
        """The weighted sum of the codes."""
        return weights @ self.codes.weight


class CodebookHead(nn.Module):
    """From the tokens of one modality, packed into a vector each row, to points among the codes.

    Args:
        width: of a token.
        codebook: shared with the other modalities; it belongs to the model, not to the head.
        absent: what becomes of tokens that are not there, rows of zeros: ``left out`` of what they
            could choose. As published, those of a text are ``zeroed``: each scores 0 with every
            code, so that padding raises what scores less; those of places are ``counted``.
    """

    def __init__(self, width: int, codebook: Codebook, absent: Absent = "left out") -> None:
        super().__init__()
        dim = codebook.codes.embedding_dim
        self.query = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, dim),
            nn.GELU(),
            nn.LayerNorm(dim),
            nn.Linear(dim, dim),
        )
        self.width = width
        self.absent: Absent = absent
        self._shared = (codebook,)  # in a tuple: its weights are stored once, with the model

    @property
    def codebook(self) -> Codebook:
        """The codes that it chooses among."""
        return self._shared[0]

    def forward(self, features: Float[Tensor, "batch features"]) -> Gaussian:
        """Points of unit length, whose variance is not known."""
        return self.raw(features).unit()

    def raw(self, features: Float[Tensor, "batch features"]) -> Gaussian:
        """The same before the mean is normalised."""
        return point(self.codebook.mixture(self.weights(features)))

    def weights(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch codes"]:
        """The part that each code has in each row, ``(batch, codes)``; most are zero."""
        tokens = Tokens.unpacked(features.float(), self.width)
        if self.absent == "left out":
            tokens = _cut(tokens)
        rows = len(features)
        if not torch.is_grad_enabled():
            one = tokens.values.shape[1] * self.codebook.codes.num_embeddings
            rows = max(1, _MOST_SCORES // one)
        parts = [slice(start, start + rows) for start in range(0, len(features), rows)]
        best = [self._best(Tokens(tokens.values[part], tokens.known[part])) for part in parts]
        return self.codebook.weights(torch.cat(best))

    def token_scores(self, tokens: Tokens) -> Float[Tensor, "batch tokens codes"]:
        """What each token has to say of each code, before the best is taken.

        Args:
            tokens: of the modality of this head.

        Returns:
            ``(batch, tokens, codes)``; minus infinity for tokens that are left out.
        """
        scores = self.codebook.scores(self.query(tokens.values))
        if self.absent == "counted":
            return scores
        value = 0.0 if self.absent == "zeroed" else -math.inf
        return scores.masked_fill(~tokens.known[..., None], value)

    def _best(self, tokens: Tokens) -> Float[Tensor, "batch codes"]:
        return self.token_scores(tokens).amax(1)


def sparsemax(scores: Float[Tensor, "batch codes"]) -> Float[Tensor, "batch codes"]:
    """Sparsemax: the nearest point of the simplex (Martins and Astudillo 2016).

    Weights that add up to 1, of which all but the highest few are zero. Its gradient is that of
    subtracting a mean over the support.

    Args:
        scores: ``(batch, codes)``.

    Returns:
        ``(batch, codes)``, in float32 at least.
    """
    scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    with torch.no_grad():
        descending = scores.sort(dim=-1, descending=True).values
        rank = torch.arange(1, scores.shape[-1] + 1, device=scores.device)
        excess = descending.cumsum(-1) - 1.0
        size = (rank * descending > excess).sum(-1, keepdim=True)
        threshold = excess.gather(-1, size - 1) / size
        support = scores > threshold
    # The same threshold once more, so that gradients pass through it.
    total = torch.where(support, scores, 0.0).sum(-1, keepdim=True) - 1.0
    threshold = total / support.sum(-1, keepdim=True)
    return torch.where(support, scores - threshold, 0.0).clamp_min(0.0)


def _cut(tokens: Tokens) -> Tokens:
    """Without the padding that no row needs: captions of a corpus are packed to its longest."""
    needed = tokens.known.any(0).nonzero()
    length = int(needed[-1]) + 1 if len(needed) else 1
    return Tokens(tokens.values[:, :length], tokens.known[:, :length])
