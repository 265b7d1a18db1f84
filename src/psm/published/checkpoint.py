"""A checkpoint of the published implementation, turned into ours.

The sizes of every encoder are read from the shapes of the weights, every tensor is accounted for,
and nothing in the file is executed: PyTorch's allow-list unpickler reads it and names what it
refuses.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from psm import checkpoints
from psm.config import ContextConfig, Experiment, HeadConfig, LossConfig, ModelConfig, parse
from psm.data.context import CONTEXT_FIELDS
from psm.errors import CheckpointMismatch, ConfigError, ForeignPickle, MissingData
from psm.model import PSM
from psm.published.names import count_layers, rename

Shapes = Mapping[str, tuple[int, ...]]

_IMAGERY: dict[str, dict[str, Any]] = {
    "sentinel": {"name": "sentinel-2", "gsd_m": 10.0, "zooms": (1, 3, 5)},
    "bingmap": {"name": "bing", "gsd_m": 0.6, "zooms": (1, 3, 5)},
    "googleEarth": {"name": "google-earth", "gsd_m": 0.2, "zooms": (1,)},
}
_AUDIO = {
    "sample_rate_hz": 48000, "n_fft": 1024, "hop": 480, "f_min_hz": 50.0, "f_max_hz": 14000.0,
    "clip_s": 10.0,
}  # fmt: skip
# Numbers that follow from the configuration and that we do not store.
_DERIVED = ("relative_position_index", "position_ids", "token_type_ids", "num_batches_tracked")
_PUBLISHED_HEAD_DIM = 64


@dataclass(frozen=True)
class Imported:
    """What was found in a checkpoint.

    Attributes:
        config: the model that the weights describe.
        tensors: how many were taken over.
        derived: tensors that the configuration implies, and that were left out.
        temperature: of a model trained with InfoNCE.
    """

    config: ModelConfig
    tensors: int
    derived: tuple[str, ...]
    temperature: float | None

    def describe(self) -> dict[str, str]:
        """What was found, in words."""
        model = self.config
        audio, text = model.audio_tower.clap, model.text_tower.clap
        return {
            "imagery": f"{model.imagery.name}, {model.imagery.gsd_m:g} m, "
            f"{model.imagery.view_px} px, zoom {', '.join(map(str, model.imagery.zooms))}",
            "satellite": f"ViT, {model.satellite.depth} blocks of {model.satellite.dim}, "
            f"{model.satellite.heads} heads",
            "context": ", ".join(model.context.fields) if model.context.depth else "none",
            "audio": f"CLAP, blocks {'-'.join(map(str, audio['depths']))}, "
            f"{'fused' if audio['enable_fusion'] else 'unfused'}",
            "text": f"CLAP, {text['num_hidden_layers']} layers of {text['hidden_size']}",
            "space": f"{model.dim} dimensions, "
            f"{'Gaussians' if model.heads.probabilistic else 'points'}",
            "tensors": f"{self.tensors} taken over, {len(self.derived)} implied by the sizes",
        }


def import_checkpoint(
    path: str | Path,
    out: str | Path,
    *,
    imagery: str | None = None,
    tokenizer: str | None = None,
    satellite_heads: int | None = None,
    text_heads: int | None = None,
) -> Imported:
    """Turn a published Lightning checkpoint into a folder for :meth:`PSM.from_pretrained`.

    Args:
        path: of the ``.ckpt``.
        out: the folder to write.
        imagery: ``sentinel``, ``bingmap`` or ``googleEarth``, where the file does not say.
        tokenizer: hub id or folder of the text tower's tokenizer; its files go along.
        satellite_heads, text_heads: attention heads, which no shape tells; by default one for every
            64 features, as published.

    Raises:
        MissingData: no such file.
        ForeignPickle: the file wants to run code.
        CheckpointMismatch: it is not a checkpoint of PSM, or a tensor is unknown.
        ConfigError: the number of heads or the imagery must be given.
    """
    content = read_pickle(Path(path))
    published, settings = _state_dict(content, path)
    ours, unknown = rename(published)
    temperature = published.get("criterion.tau")
    unknown = [name for name in unknown if name != "criterion.tau"]
    if unknown:
        raise CheckpointMismatch(
            f"{path}: {len(unknown)} of {len(published)} tensors are not of the published model "
            f"({', '.join(unknown[:3])})"
        )
    config = _read_sizes(
        {name: tuple(tensor.shape) for name, tensor in ours.items()},
        imagery=imagery or settings.get("sat_type"),
        view_px=settings.get("sat_input_size"),
        satellite_heads=satellite_heads,
        text_heads=text_heads,
        origin=str(path),
    )
    model = PSM(config, tokenizer=tokenizer)
    wanted = model.state_dict()
    ours = {name: tensor.reshape(wanted[name].shape) if name in ("shift", "negative_scale")
            else tensor for name, tensor in ours.items()}  # fmt: skip
    derived = tuple(n for n in ours if n not in wanted and n.endswith(_DERIVED))
    for name in derived:
        del ours[name]
    kept = {name: wanted[name] for name in wanted if name.endswith(_DERIVED)}
    checkpoints.fill(model, {**kept, **ours, **_points(config, wanted)}, str(path))
    loss = (
        LossConfig(kind="infonce", temperature=1.0 / float(temperature))
        if temperature is not None
        else LossConfig()
    )
    model.save_pretrained(out, Experiment(model=config, loss=loss, summary=f"From {path}."))
    return Imported(
        config, len(ours), derived, loss.temperature if temperature is not None else None
    )


def read_pickle(path: Path) -> Any:
    """The content of a file written by ``torch.save``, without running anything from it.

    Raises:
        MissingData: no such file.
        ForeignPickle: it holds something that is not on PyTorch's allow-list.
        CheckpointMismatch: it is not such a file.
    """
    if not path.is_file():
        raise MissingData(f"{path}: no such file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        found = re.search(r"GLOBAL ([\w.]+)", str(problem))
        if found is None:
            raise CheckpointMismatch(f"{path}: not a PyTorch checkpoint") from None
        raise ForeignPickle(
            f"{path}: refused, it wants to call {found[1]}; a checkpoint needs tensors and plain "
            "settings only"
        ) from None
    except (RuntimeError, EOFError, OSError, KeyError, ValueError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise CheckpointMismatch(f"{path}: not a PyTorch checkpoint ({reason})") from None


def _state_dict(content: Any, path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not tensors:
        raise CheckpointMismatch(f"{path}: no state_dict in it")
    if not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise CheckpointMismatch(f"{path}: its state_dict holds more than tensors")
    settings = content.get("hyper_parameters", {})
    return dict(tensors), settings if isinstance(settings, dict) else {}


def _read_sizes(
    shapes: Shapes,
    *,
    imagery: str | None,
    view_px: int | None,
    satellite_heads: int | None,
    text_heads: int | None,
    origin: str,
) -> ModelConfig:
    if imagery not in _IMAGERY:
        raise ConfigError(
            f"{origin}: does not say which imagery it was trained on; give one of "
            f"{', '.join(_IMAGERY)}"
        )
    try:
        dim = shapes["satellite.project.2.weight"][0]
        return parse(
            ModelConfig,
            {
                "name": f"psm-{_IMAGERY[imagery]['name']}",
                "reference": True,
                "dim": dim,
                "imagery": {**_IMAGERY[imagery], "view_px": view_px or 224},
                "audio": {**_AUDIO, "n_mels": shapes[f"{_AUDIO_TOWER}.batch_norm.weight"][0]},
                "satellite": _satellite(shapes, satellite_heads, origin),
                "audio_tower": {"kind": "clap", "clap": _clap_audio(shapes)},
                "text_tower": {
                    "kind": "clap", "source": None, "max_tokens": 128, "frozen": False,
                    "clap": _clap_text(shapes, text_heads, origin),
                },
                "context": _context(shapes),
                "heads": HeadConfig(probabilistic="audio_head.log_var.0.weight" in shapes),
            },
            origin,
        )  # fmt: skip
    except KeyError as missing:
        raise CheckpointMismatch(f"{origin}: has no {missing.args[0]}") from None


def _heads(dim: int, given: int | None, option: str, origin: str) -> int:
    heads = given or dim // _PUBLISHED_HEAD_DIM
    if heads == 0 or dim % heads:
        raise ConfigError(
            f"{origin}: no number of attention heads follows from {dim} features; give {option}"
        )
    return heads


def _satellite(shapes: Shapes, heads: int | None, origin: str) -> dict[str, Any]:
    dim, _, patch_px, _ = shapes["satellite.patch.weight"]
    hidden = shapes["satellite.blocks.layers.0.linear1.weight"][0]
    return {
        "patch_px": patch_px,
        "dim": dim,
        "depth": count_layers(shapes, r"satellite\.blocks\.layers\.(\d+)\."),
        "heads": _heads(dim, heads, "--satellite-heads", origin),
        "mlp_ratio": hidden / dim,
    }


def _context(shapes: Shapes) -> ContextConfig:
    if "fusion.cls" not in shapes:
        return ContextConfig(fields=(), depth=0)
    fields = tuple(
        field
        for field in CONTEXT_FIELDS
        if any(name.startswith(f"fusion.tokens.{field}.") for name in shapes)
    )
    hidden = next(
        (shapes[f"fusion.tokens.{field}.0.weight"][0] for field in fields
         if f"fusion.tokens.{field}.0.weight" in shapes), 64,
    )  # fmt: skip
    return parse(
        ContextConfig,
        {
            "fields": fields,
            "depth": count_layers(shapes, r"fusion\.encoder\.layers\.(\d+)\."),
            "feedforward": shapes["fusion.encoder.layers.0.linear1.weight"][0],
            "hidden": hidden,
        },
        "context",
    )


_AUDIO_TOWER = "audio.model.audio_model.audio_encoder"
_TEXT_TOWER = "text.model.text_model"


def _clap_audio(shapes: Shapes) -> dict[str, Any]:
    stages = count_layers(shapes, rf"{re.escape(_AUDIO_TOWER)}\.layers\.(\d+)\.")
    stage = [f"{_AUDIO_TOWER}.layers.{index}" for index in range(stages)]
    tables = [f"{s}.blocks.0.attention.self.relative_position_bias_table" for s in stage]
    embed = shapes[f"{_AUDIO_TOWER}.patch_embed.proj.weight"][0]
    fusion = f"{_AUDIO_TOWER}.patch_embed.fusion_model.local_att.0.weight"
    settings = {
        "patch_embeds_hidden_size": embed,
        "hidden_size": shapes[f"{_AUDIO_TOWER}.norm.weight"][0],
        "depths": [count_layers(shapes, rf"{re.escape(s)}\.blocks\.(\d+)\.") for s in stage],
        "num_attention_heads": [shapes[table][1] for table in tables],
        "num_hidden_layers": stages,
        "mlp_ratio": shapes[f"{stage[0]}.blocks.0.intermediate.dense.weight"][0] / embed,
        "window_size": (round(shapes[tables[0]][0] ** 0.5) + 1) // 2,
        "projection_dim": shapes["audio.model.audio_projection.linear2.weight"][0],
        "enable_fusion": fusion in shapes,
    }
    if fusion in shapes:
        settings["aff_block_r"] = embed // shapes[fusion][0]
    return settings


def _clap_text(shapes: Shapes, heads: int | None, origin: str) -> dict[str, Any]:
    vocabulary, dim = shapes[f"{_TEXT_TOWER}.embeddings.word_embeddings.weight"]
    layer = f"{_TEXT_TOWER}.encoder.layer"
    return {
        "vocab_size": vocabulary,
        "hidden_size": dim,
        "num_hidden_layers": count_layers(shapes, rf"{re.escape(layer)}\.(\d+)\."),
        "num_attention_heads": _heads(dim, heads, "--text-heads", origin),
        "intermediate_size": shapes[f"{layer}.0.intermediate.dense.weight"][0],
        "max_position_embeddings": shapes[f"{_TEXT_TOWER}.embeddings.position_embeddings.weight"][
            0
        ],
        "projection_dim": shapes["text.model.text_projection.linear2.weight"][0],
    }


def _points(config: ModelConfig, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A model of points has no shift and scale to bring along: those of a new one stand."""
    if config.heads.probabilistic:
        return {}
    return {name: wanted[name] for name in ("shift", "negative_scale")}
