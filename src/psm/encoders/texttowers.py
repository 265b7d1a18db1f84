"""Text towers by their settings: captions to features."""

from __future__ import annotations

from pathlib import Path

from psm.config import TextTowerConfig
from psm.encoders.minilm import MINILM, MiniLMTower
from psm.encoders.packaged import weights_folder
from psm.encoders.textencoding import TextTower
from psm.encoders.universal import UNIVERSAL, UniversalTower
from psm.errors import ConfigError
from psm.plugins import load_plugin


def build_text_tower(
    config: TextTowerConfig, dim: int, tokenizer: str | Path | None = None
) -> TextTower:
    """The tower that ``config`` describes; ``tokenizer`` replaces the one beside its weights.

    Raises:
        ConfigError: the weights cannot be loaded.
        CheckpointMismatch: a weight is missing, unknown or of another shape.
        BrokenPackageData: a packaged model is not the expected one.
        MissingExtra: its package is not installed.
    """
    if config.kind == "plugin":
        tower = load_plugin("text_towers", config.plugin)(**config.options)
        if not isinstance(tower, TextTower):
            raise ConfigError(f"plug-in {config.plugin!r} of psm.text_towers gives no TextTower")
        return tower
    if config.kind == "universal":
        return _universal_tower(config)
    if config.kind == "sentence" and config.weights is None:
        raise ConfigError("text_tower.weights: a sentence tower needs a folder, hub id or package")
    if config.kind == "sentence" and config.weights == MINILM and config.frozen and not tokenizer:
        return MiniLMTower(Path(weights_folder(MINILM)), config.max_tokens)
    # Imported where it is needed: transformers takes seconds, and the packaged model does without.
    if config.kind == "t5":
        from psm.encoders.tokentowers.t5 import build_t5

        return build_t5(config, tokenizer)
    from psm.encoders.transformertower import build_clap_text, build_sentence

    if config.kind == "clap":
        return build_clap_text(config, dim, tokenizer)
    return build_sentence(str(config.weights), config.max_tokens, tokenizer)


def _universal_tower(config: TextTowerConfig) -> UniversalTower:
    if not config.frozen:
        raise ConfigError("text_tower.frozen: a universal tower cannot learn; leave it frozen")
    if config.weights != UNIVERSAL:
        raise ConfigError(f"text_tower.weights: a universal tower needs {UNIVERSAL}")
    return UniversalTower(Path(weights_folder(UNIVERSAL)), config.max_tokens)
