"""Context fusion: an image's token, or tokens, meet place, time and sources (PSM, section 3.3)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psm.config import ContextConfig
from psm.data.context import CONTEXT_FIELDS, Context
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES
from psm.encoders.encoding import SUN_SIZE, Encoding, sun, sun_known
from psm.encoders.sharedlayers import transformer
from psm.encoders.tokens import Tokens


class Fusion(nn.Module):
    """Base class of fusions: what of the context is a token, and the transformer over all tokens.

    A field that is unknown, or that the model was built without, is masked out of attention. The
    published fusion normalises after each layer; ``config.norm_first`` normalises before, which
    learns faster from scratch (``docs/recipes.md``). With ``config.sun`` a further token holds what
    the sun does there and then; it is known where place and month are.

    Args:
        config: fields, sizes and dropout.
        dim: width of the tokens.
        encoding: how place and time become numbers, where not as ``config`` says.
    """

    has_cls = False

    def __init__(self, config: ContextConfig, dim: int, encoding: Encoding | None = None) -> None:
        super().__init__()
        self.encoding = encoding or Encoding(config.waves)
        self.fields = tuple(field for field in CONTEXT_FIELDS if field in config.fields)
        self.cls = nn.Parameter(torch.randn(1, 1, dim) * 0.02) if self.has_cls else None
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
        self.dim = dim

    def told(self, context: Context, *, keep_all: bool = False) -> Tokens:
        """A token for each field of the context, and which are known.

        A field that nobody knows (the sources, when mapping) would be masked everywhere: left out,
        it costs nothing. Not in training, where every parameter should take part.

        Args:
            context: what is known of each row.
            keep_all: also fields that nobody knows.
        """
        columns = [
            column
            for column, field in enumerate(CONTEXT_FIELDS)
            if field in self.fields
            and (keep_all or self.training or context.valid[:, column].any())
        ]
        tokens, known = [], [context.valid[:, columns]]
        for column in columns:
            field = CONTEXT_FIELDS[column]
            tokens.append(self.tokens[field](self._encode(field, context))[:, None])
        if self.sun is not None:
            tokens.append(self.sun(sun(context))[:, None])
            known.append(sun_known(context)[:, None])
        nothing = next(self.parameters()).new_empty(len(context), 0, self.dim)
        return Tokens(torch.cat([nothing, *tokens], dim=1), torch.cat(known, dim=1))

    def masked(self, known: Bool[Tensor, "batch tokens"]) -> Tensor | None:
        """What attention leaves out; ``None`` where that is nothing.

        A mask that masks nothing costs a pass over every score; only evaluation may look.
        """
        return ~known if self.training or not known.all() else None

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


class ContextFusion(Fusion):
    """A small transformer over [CLS, image, context tokens]; CLS goes to the heads.

    Args:
        config: fields, sizes and dropout.
        dim: width of the tokens.
        encoding: how place and time become numbers, where not as ``config`` says.
    """

    has_cls = True
    cls: nn.Parameter

    def forward(
        self, image: Float[Tensor, "batch dim"], context: Context | None = None
    ) -> Float[Tensor, "batch dim"]:
        """Fuse image features with what is known of ``context``; nothing, if it is ``None``."""
        tokens = torch.cat([self.cls.expand(len(image), -1, -1), image[:, None]], dim=1)
        if context is None:
            return self._first(tokens, masked=None)
        told = self.told(context)
        known = torch.cat([told.known.new_ones(tokens.shape[:2]), told.known], dim=1)
        return self._first(torch.cat([tokens, told.values], dim=1), self.masked(known))

    def _first(self, tokens: Tensor, masked: Tensor | None) -> Tensor:
        fused: Tensor = self.norm(self.encoder.first_token(tokens, masked))
        return fused


class TokenFusion(Fusion):
    """The same over [image tokens, context tokens], all of which go to the heads (Sat2Sound).

    A token of the context that is not known is not looked at, and nothing comes out of it. In the
    published model something does: what it comes to where it may look at the others but they not
    at it, or zeros, as the batch has it (:class:`psm.reference.PublishedTokenFusion`).

    Args:
        config: fields, sizes and dropout.
        dim: width of the tokens.
        encoding: how place and time become numbers, where not as ``config`` says.
    """

    def forward(
        self, image: Float[Tensor, "batch features"], context: Context | None = None
    ) -> Float[Tensor, "batch fused"]:
        """Fuse packed image tokens with what is known of ``context``; nothing, if it is ``None``.

        Args:
            image: ``(batch, tokens * dim)``.
            context: what is known of each row.

        Returns:
            ``(batch, (tokens + context tokens) * dim)``, packed, the context's last.
        """
        tokens = Tokens.all_known(image.reshape(len(image), -1, self.dim))
        if context is not None:
            tokens = tokens.beside(self.told(context))
        return self.attend(tokens).packed()

    def attend(self, tokens: Tokens) -> Tokens:
        """What tokens come to that look at each other where they are known."""
        seen: Tensor = self.encoder(tokens.values, src_key_padding_mask=self.masked(tokens.known))
        return Tokens(self.norm(seen), tokens.known)


def _mlp(size: int, hidden: int, dim: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, dim))
