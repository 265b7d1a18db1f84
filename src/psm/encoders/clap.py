"""Towers of ``transformers``, with every weight accounted for, and CLAP's attention made faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    ClapAudioModelWithProjection,
    ClapTextModelWithProjection,
    T5EncoderModel,
)
from transformers.models.clap.modeling_clap import (
    ClapAudioLayer,
    ClapAudioSelfAttention,
    ClapTextLayer,
)
from transformers.utils import logging as transformers_logging

from psm.config import AudioTowerConfig, TextTowerConfig
from psm.errors import CheckpointMismatch, ConfigError
from psm.http import hub

TowerConfig = TypeVar("TowerConfig", AudioTowerConfig, TextTowerConfig)
Model = TypeVar("Model", ClapAudioModelWithProjection, ClapTextModelWithProjection, T5EncoderModel)
_NOISE = ("transformers_version", "model_type", "architectures", "torch_dtype", "dtype")
# What a whole model holds beside the tower, and what a tower computes if it is not stored.
_BESIDE = {
    ClapAudioModelWithProjection: ("text_model.", "text_projection.", "logit_scale_"),
    ClapTextModelWithProjection: ("audio_model.", "audio_projection.", "logit_scale_"),
    T5EncoderModel: ("decoder.", "lm_head."),
}
_WHOLE = {ClapAudioModelWithProjection: "CLAP", ClapTextModelWithProjection: "CLAP",
          T5EncoderModel: "T5"}  # fmt: skip
# Weights in a pickle are read by PyTorch's allow-list: what it refuses is an UnpicklingError.
_UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError)
_DERIVED = ("relative_position_index", "position_ids", "token_type_ids", "num_batches_tracked")


def clap_layers(model: nn.Module) -> list[nn.Module]:
    """The transformer layers of a CLAP tower, which hold nearly all of its activations."""
    return [m for m in model.modules() if isinstance(m, (ClapAudioLayer, ClapTextLayer))]


def standalone(config: TowerConfig, model: nn.Module) -> TowerConfig:
    """``config`` with the settings of ``model`` in full, which starts from random weights."""
    own: Any = model.config
    settings = {k: v for k, v in own.to_diff_dict().items() if k not in _NOISE}
    name = "t5" if config.kind == "t5" else "clap"
    return config.model_copy(update={"weights": None, name: settings})


def load_tower(kind: type[Model], weights: str, setting: str) -> Model:
    """A tower of the CLAP or T5 model in ``weights``, a folder or a hub id, in float32.

    Args:
        kind: which tower.
        weights: a whole model, as on the hub, or the tower alone.
        setting: that names them, for errors.

    Raises:
        ConfigError: there are no weights to load.
        CheckpointMismatch: a weight of the tower is missing, of another shape, or one is neither of
            the tower nor of what a whole model holds beside it.
    """
    try:
        with _quiet(), hub.asked_once(weights):
            model, found = kind.from_pretrained(
                weights, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True
            )
    except _UNREADABLE as problem:
        where = "folder" if Path(weights).exists() else "hub id or folder"
        raise ConfigError(
            f"{setting}: no {_WHOLE[kind]} weights in {where} {weights!r} ({hub.reason(problem)}); "
            f"model.{setting}=null starts from random weights"
        ) from None
    complaints = [f"missing {name}" for name in found["missing_keys"]
                  if not name.endswith(_DERIVED)]  # fmt: skip
    complaints += [f"unexpected {name}" for name in found["unexpected_keys"]
                   if not name.startswith(_BESIDE[kind])]  # fmt: skip
    complaints += [
        f"{name} is {tuple(theirs)}, not {tuple(ours)}"
        for name, theirs, ours in found["mismatched_keys"]
    ]
    if complaints:
        raise CheckpointMismatch(
            f"{setting}: {weights} does not hold this tower of a {_WHOLE[kind]} model, "
            f"{len(complaints)} tensors do not fit ({', '.join(sorted(complaints)[:3])})"
        )
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the list of the other tower's weights, which is expected and accounted for."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)


def fuse_attention(model: nn.Module) -> None:
    """Let every window attention of CLAP's audio ``model`` use one fused kernel in evaluation.

    ``transformers`` writes it as five passes over all scores; the kernel of PyTorch makes one, with
    the same weights and the same result.
    """
    for module in model.modules():
        if type(module) is ClapAudioSelfAttention:
            module.__class__ = _FusedAttention


class _FusedAttention(ClapAudioSelfAttention):  # type: ignore[misc]  # transformers has no types
    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        output_attentions: bool | None = False,
    ) -> tuple[Tensor, ...]:
        """Attention within windows, ``(batch x windows, positions, features)`` each."""
        if self.training or output_attentions:
            # Windows are short: gradients are faster through plain products (as in
            # psm.encoders.sharedlayers), and the kernel keeps no probabilities.
            plain: tuple[Tensor, ...] = super().forward(
                hidden_states, attention_mask, output_attentions
            )
            return plain
        rows, positions, _ = hidden_states.shape
        query, key, value = (
            project(hidden_states)
            .view(rows, positions, -1, self.attention_head_size)
            .transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = bias.view(positions, positions, -1).permute(2, 0, 1)[None]
        if attention_mask is not None:  # of each window of a view, alike for all of the batch
            bias = bias + attention_mask[:, None]
            bias = bias.repeat(rows // len(bias), 1, 1, 1)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        return (attended.transpose(1, 2).flatten(2),)
