"""The encoder of a T5 as a text tower that gives its states as tokens, from ``transformers``.

T5 is Raffel et al. 2020, "Exploring the limits of transfer learning with a unified text-to-text
transformer"; Sat2Sound reads with Flan-T5 (Chung et al. 2022), which stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase, T5Config, T5EncoderModel

from psm.config import TextTowerConfig
from psm.encoders.clap import load_tower
from psm.encoders.packaged import weights_folder
from psm.encoders.tokens import Tokens
from psm.encoders.transformertower import ANY_TOKENIZER, TransformerTower, read_tokenizer
from psm.errors import ConfigError


class T5Tower(TransformerTower):
    """A tokenizer and the encoder of a T5; its last states are the tokens, ``</s>`` among them.

    Args:
        model: the encoder.
        tokenizer: ends every text with ``</s>``.
        max_tokens: what is longer is cut.
    """

    model: T5EncoderModel

    def __init__(
        self, model: T5EncoderModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int
    ) -> None:
        width = int(model.config.d_model)
        super().__init__(model, tokenizer, width, max_tokens)
        self.token_dim = width

    def states(
        self, input_ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens token_dim"]:
        """The last states of texts that are numbers of tokens already, those of padding too.

        Args:
            input_ids: ``(batch, tokens)``.
            mask: ``(batch, tokens)``, 0 where a row is padded.
        """
        states: Tensor = self.model(input_ids=input_ids, attention_mask=mask).last_hidden_state
        return states

    def pieces(self, text: str) -> list[str]:
        """The pieces that a text is cut into, one for each of its tokens, ``</s>`` the last."""
        read = self.tokenizer(text, truncation=True, max_length=self.max_tokens)
        pieces: list[str] = self.tokenizer.convert_ids_to_tokens(read["input_ids"])
        return pieces

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """States of every token of ``texts``, padded to the longest of them.

        Args:
            texts: what is longer than ``max_tokens`` is cut.
        """
        read = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        ).to(next(self.model.parameters()).device)
        mask = read["attention_mask"]
        return Tokens(self.states(read["input_ids"], mask), mask.bool())


def build_t5(config: TextTowerConfig, tokenizer: str | Path | None = None) -> T5Tower:
    """The encoder of a T5 as ``config`` describes it.

    Args:
        config: ``weights`` is a hub id or folder of a whole T5 or of its encoder; without, ``t5``
            holds overrides of ``transformers.T5Config``.
        tokenizer: replaces the one beside the weights.

    Raises:
        ConfigError: there are no weights, no tokenizer, or it has more words than the tower.
        CheckpointMismatch: a weight is missing, unknown or of another shape.
    """
    if config.weights is None:
        model = T5EncoderModel(T5Config(**config.t5))
        words = str(tokenizer or weights_folder(ANY_TOKENIZER))
    else:
        folder = weights_folder(config.weights)
        model = load_tower(T5EncoderModel, folder, "text_tower.weights")
        words = str(tokenizer or folder)
    found = read_tokenizer(words)
    if len(found) > model.config.vocab_size:
        raise ConfigError(
            f"text tower: the tokenizer in {words!r} has {len(found)} words, the tower "
            f"{model.config.vocab_size}"
        )
    return T5Tower(model, found, config.max_tokens)
