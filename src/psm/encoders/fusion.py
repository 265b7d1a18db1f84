"""Context fusion: the image token meets place, time and sources (PSM, section 3.3)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.config import ContextConfig
from psm.data.context import CONTEXT_FIELDS, Context
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES
from psm.encoders.encoding import SUN_SIZE, Encoding, sun, sun_known
from psm.encoders.sharedlayers import transformer


class ContextFusion(nn.Module):
    """A small transformer over [CLS, image, context tokens]; CLS goes to the heads.

    A field that is unknown, or that the model was built without, is masked out of attention. The
    published fusion normalises after each layer; ``config.norm_first`` normalises before, which
    learns faster from scratch (``docs/recipes.md``). With ``config.sun`` a further token holds what
    the sun does there and then; it is known where place and month are.

    Args:
        config: fields, sizes and dropout.
        dim: width of the tokens.
        encoding: how place and time become numbers, where not as ``config`` says.
    """

    def __init__(self, config: ContextConfig, dim: int, encoding: Encoding | None = None) -> None:
        super().__init__()
        self.encoding = encoding or Encoding(config.waves)
        self.fields = tuple(field for field in CONTEXT_FIELDS if field in config.fields)
        self.cls = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.tokens = nn.ModuleDict(
            {field: self._token(field, config.hidden, dim) for field in self.fields}
        )
        self.sun = _mlp(SUN_SIZE, config.hidden, dim) if config.sun else None
        self.encoder = transformer(
            dim=dim,
            heads=config.heads,
            feedforward=config.feedforward,
            depth=config.depth,
            dropout=config.dropout,
            activation=config.activation,
            norm_first=config.norm_first,
            eps=1e-5,
        )
        self.norm = nn.LayerNorm(dim) if config.norm_first else nn.Identity()

    def forward(
        self, image: Float[Tensor, "batch dim"], context: Context | None = None
    ) -> Float[Tensor, "batch dim"]:
        """Fuse image features with what is known of ``context``; nothing, if it is ``None``."""
        tokens = [self.cls.expand(len(image), -1, -1), image[:, None]]
        if context is None:
            return self._attend(tokens, masked=None)
        # A field that nobody knows (the sources, when mapping) would be masked everywhere: left
        # out, it costs nothing. Not in training, where every parameter should take part.
        columns = [
            column
            for column, field in enumerate(CONTEXT_FIELDS)
            if field in self.fields and (self.training or context.valid[:, column].any())
        ]
        for column in columns:
            field = CONTEXT_FIELDS[column]
            tokens.append(self.tokens[field](self._encode(field, context))[:, None])
        known = [torch.ones_like(context.valid[:, :2]), context.valid[:, columns]]
        if self.sun is not None:
            tokens.append(self.sun(sun(context))[:, None])
            known.append(sun_known(context)[:, None])
        masked = ~torch.cat(known, dim=1)
        # A mask that masks nothing costs a pass over every score; only evaluation may look.
        return self._attend(tokens, masked=masked if self.training or masked.any() else None)

    def _attend(self, tokens: list[Tensor], masked: Tensor | None) -> Tensor:
        fused: Tensor = self.norm(self.encoder.first_token(torch.cat(tokens, dim=1), masked))
        return fused

    def _token(self, field: str, hidden: int, dim: int) -> nn.Module:
        if field == "audio_source":
            return nn.Embedding(len(AUDIO_SOURCES), dim)
        if field == "caption_source":
            return nn.Embedding(len(CAPTION_SOURCES), dim)
        return _mlp(self.encoding.place_size if field == "latlon" else 2, hidden, dim)

    def _encode(self, field: str, context: Context) -> Tensor:
        match field:
            case "latlon":
                return self.encoding.place(context.latlon)
            case "month":
                return self.encoding.month(context.month)
            case "hour":
                return self.encoding.hour(context.hour)
        sources: Tensor = getattr(context, field)
        return sources


def _mlp(size: int, hidden: int, dim: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, dim))
