"""Text towers of ``transformers``: sentence models, and CLAP's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoTokenizer,
    ClapTextConfig,
    ClapTextModelWithProjection,
    PreTrainedTokenizerBase,
    RobertaTokenizer,
)
from transformers.utils import logging as transformers_logging

from psm.config import TextTowerConfig
from psm.encoders.clap import clap_layers, load_tower, standalone
from psm.encoders.minilm import MINILM
from psm.encoders.packaged import weights_folder
from psm.encoders.textencoding import TextTower
from psm.encoders.tokens import Tokens
from psm.errors import ConfigError
from psm.http import hub

# A bar for each of two small models is noise.
transformers_logging.disable_progress_bar()

ANY_TOKENIZER = MINILM  # for shapes and speed any with a small vocabulary will do


class TransformerTower(TextTower):
    """A tokenizer and a transformer.

    Sentence models are pooled by the mean over tokens and normalised, CLAP's by its own projection.
    """

    def __init__(
        self, model: nn.Module, tokenizer: PreTrainedTokenizerBase, out_dim: int, max_tokens: int
    ) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.out_dim = out_dim
        # A module of transformers, whose configuration a plain one does not have.
        self.token_dim = int(model.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.max_tokens = max_tokens

    def standalone(self, config: TextTowerConfig) -> TextTowerConfig:
        """``config`` for a folder that holds the weights itself; a frozen tower is elsewhere."""
        if config.frozen or config.kind == "sentence":
            return config
        return standalone(config, self.model)

    def layers_to_recompute(self) -> list[nn.Module]:
        """Layers whose activations training may compute again rather than keep."""
        return clap_layers(self.model)

    def save_tokenizer(self, folder: Path) -> None:
        """Write the tokenizer into ``folder``."""
        self.tokenizer.save_pretrained(folder)

    def vocabulary(self) -> str:
        """Every token and its number, as JSON."""
        return json.dumps(self.tokenizer.get_vocab(), sort_keys=True)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        tokens = self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens)
        return [len(row) for row in tokens["input_ids"]]

    def forward(self, texts: Sequence[str]) -> Float[Tensor, "batch out_dim"]:
        """Features of ``texts``; what is longer than ``max_tokens`` is cut."""
        output, known = self._read(texts)
        if isinstance(self.model, ClapTextModelWithProjection):
            embeds: Tensor = output.text_embeds
            return embeds
        mask = known[..., None].float()
        mean = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
        return nn.functional.normalize(mean, dim=-1)

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """The last layer's state of every token."""
        output, known = self._read(texts)
        return Tokens(output.last_hidden_state, known.bool())

    def _read(self, texts: Sequence[str]) -> tuple[Any, Tensor]:
        """What the model says of texts, and which of their tokens are no padding."""
        tokens = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        ).to(next(self.model.parameters()).device)
        return self.model(**tokens), tokens["attention_mask"]


def build_clap_text(
    config: TextTowerConfig, dim: int, tokenizer: str | Path | None = None
) -> TransformerTower:
    """CLAP's text tower; ``tokenizer`` replaces the one beside its weights.

    Raises:
        ConfigError: the weights cannot be loaded.
        CheckpointMismatch: a weight is missing, unknown or of another shape.
    """
    if config.weights is None:
        settings = ClapTextConfig(**{"projection_dim": dim} | config.clap)
        words = str(tokenizer or weights_folder(ANY_TOKENIZER))
        return _clap_tower(config, ClapTextModelWithProjection(settings), words)
    folder = weights_folder(config.weights)
    clap = load_tower(ClapTextModelWithProjection, folder, "text_tower.weights")
    return _clap_tower(config, clap, str(tokenizer or folder))


def build_sentence(
    weights: str, max_tokens: int, tokenizer: str | Path | None = None
) -> TransformerTower:
    """Any sentence model; ``tokenizer`` replaces the one beside its weights.

    Raises:
        ConfigError: the weights cannot be loaded.
        MissingExtra, BrokenPackageData: as :func:`psm.encoders.packaged.weights_folder`.
    """
    folder = weights_folder(weights)
    try:
        with hub.asked_once(folder):
            words = _tokenizer(str(tokenizer or folder))
            model: Any = AutoModel.from_pretrained(folder)
    except (OSError, ValueError) as problem:
        raise ConfigError(
            f"text_tower.weights: cannot load {weights!r} ({hub.reason(problem)})"
        ) from None
    return TransformerTower(model, words, int(model.config.hidden_size), max_tokens)


def _clap_tower(
    config: TextTowerConfig, model: ClapTextModelWithProjection, tokenizer: str
) -> TransformerTower:
    words = read_tokenizer(tokenizer)
    if len(words) > model.config.vocab_size:
        raise ConfigError(
            f"text tower: the tokenizer in {tokenizer!r} has {len(words)} words, the tower "
            f"{model.config.vocab_size}"
        )
    return TransformerTower(model, words, int(model.config.projection_dim), config.max_tokens)


def read_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder or of a hub id.

    Raises:
        ConfigError: there is none, or the hub is away.
    """
    try:
        with hub.asked_once(name):
            return _tokenizer(name)
    except (OSError, ValueError) as problem:
        raise ConfigError(f"text tower: no tokenizer in {name!r} ({hub.reason(problem)})") from None


def _tokenizer(name: str) -> PreTrainedTokenizerBase:
    folder = Path(name)
    if (folder / "merges.txt").is_file() and not (folder / "tokenizer_config.json").is_file():
        # Bare RoBERTa files, which do not say what they are: CLAP's text tower is a RoBERTa.
        return RobertaTokenizer.from_pretrained(name)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name)
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # Where the files are missing, transformers makes one that knows no word.
        raise ValueError("none of its files is there")
    return tokenizer
