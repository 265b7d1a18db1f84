"""Heat of a word in a view: where the image scores the code that the word would choose (Sat2Sound).

Numbers alone; whoever draws them says how. A word is a token of a caption, its code is the one
that the token scores highest, and its heat is how every patch of the view, having met the context,
scores that code. Several words are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from psm.data.context import Context
from psm.encoders.codebook import CodebookHead
from psm.encoders.tokens import Tokens
from psm.encoders.tokentowers.t5 import T5Tower
from psm.errors import ConfigError
from psm.model import PSM

_START = "\N{LOWER ONE EIGHTH BLOCK}"  # of a word, in the pieces of SentencePiece


@dataclass(frozen=True, eq=False)
class WordHeat:
    """Scores of the codes of some words over a view.

    Attributes:
        heat: ``(grid, grid)``, rows from the north: the mean of the words, not scaled.
        codes: the code of each word.
        tokens: which token of the caption each word is.
    """

    heat: Float[Tensor, "grid grid"]
    codes: tuple[int, ...]
    tokens: tuple[int, ...]

    def enlarged(self, size: int) -> Float[Tensor, "size size"]:
        """The heat at every pixel of a view of ``size`` pixels: bilinear between the patches."""
        return enlarged(self.heat, size)


@torch.inference_mode()
def word_heat(
    model: PSM,
    image: Float[Tensor, "1 features"],
    caption: str,
    words: Sequence[str],
    context: Context | None = None,
) -> WordHeat:
    """Where in a view a model with a codebook finds words of a caption.

    Args:
        model: with a codebook and a text tower that tells its pieces, in evaluation mode.
        image: ``(1, features)`` of :meth:`psm.PSM.image_features`.
        caption: what is said of the view, as ``"birds above a river"``.
        words: of the caption. In reference mode the first piece that contains a word is taken for
            it, so that "i" finds "bird"; else the word has to be there as a whole.
        context: place, time and sources.

    Returns:
        Heat over the patches.

    Raises:
        ConfigError: the model has no codebook, or a word is not in the caption.
    """
    places, texts = model.location_head, model.text_head
    if not isinstance(places, CodebookHead) or not isinstance(texts, CodebookHead):
        raise ConfigError(f"{model.config.name}: has no codebook, which heat of words needs")
    if not isinstance(model.text, T5Tower):
        raise ConfigError(f"{model.config.name}: its text tower does not tell its pieces")
    pieces = model.text.pieces(caption)
    find = first_containing if model.config.reference else first_of_word
    at = tuple(find(pieces, word) for word in words)
    fused = Tokens.unpacked(model.location_features(image, context), places.width)
    grid = model.config.imagery.view_px // model.config.satellite.patch_px
    return heat_of_tokens(
        patches=Tokens.all_known(fused.values[:, : grid * grid]),
        texts=model.text.tokens([caption]),
        at=at,
        places=places,
        words=texts,
    )


@torch.inference_mode()
def heat_of_tokens(
    *, patches: Tokens, texts: Tokens, at: Sequence[int], places: CodebookHead, words: CodebookHead
) -> WordHeat:
    """The same from tokens.

    Args:
        patches: of one view in rows from the north, having met the context.
        texts: of one caption.
        at: which of these are the words.
        places, words: the heads of places and of texts.

    Returns:
        Heat over the patches.

    Raises:
        ConfigError: no word is asked for.
    """
    if not at:
        raise ConfigError("heat of words: name one word at least")
    codes = words.token_scores(texts)[0, list(at)].argmax(dim=-1)
    heat = places.token_scores(patches)[0][:, codes].mean(dim=1)
    side = isqrt(len(heat))
    return WordHeat(heat.view(side, side), tuple(codes.tolist()), tuple(at))


def first_containing(pieces: Sequence[str], word: str) -> int:
    """The first token whose piece contains a word, as published.

    Raises:
        ConfigError: none does.
    """
    for place, piece in enumerate(pieces):
        if word in piece:
            return place
    raise _not_there(pieces, word)


def first_of_word(pieces: Sequence[str], word: str) -> int:
    """The first token of the first whole word that is ``word``, whatever its case.

    Pieces that do not mark where a word starts are words themselves.

    Raises:
        ConfigError: it is not there.
    """
    marked = any(piece.startswith(_START) for piece in pieces)
    begun, whole = 0, ""
    for place, piece in enumerate([*pieces, _START]):
        if piece.startswith(_START) or not marked or piece == "</s>":
            if whole.casefold() == word.casefold():
                return begun
            begun, whole = place, ""
        whole += piece.removeprefix(_START)
    raise _not_there(pieces, word)


def enlarged(heat: Float[Tensor, "grid grid"], size: int) -> Float[Tensor, "size size"]:
    """Heat between the middles of patches, bilinear; beyond those at the edge as there."""
    return F.interpolate(heat[None, None], (size, size), mode="bilinear", align_corners=False)[0, 0]


def scaled_as_published(heat: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Heat brought to [0, 1], as published; a flat one then looks as sure as a sharp one."""
    low, high = heat.min(), heat.max()
    return (heat - low) / (high - low + 1e-9)


def _not_there(pieces: Sequence[str], word: str) -> ConfigError:
    text = "".join(pieces).replace(_START, " ").removesuffix("</s>").strip()
    return ConfigError(f"{word!r} is not in the caption {text!r}; name one of its words")
