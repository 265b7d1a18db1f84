"""Configuration of a published model, read from the shapes of its weights."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from psm.config import ContextConfig, HeadConfig, ImageryConfig, ModelConfig
from psm.data.context import CONTEXT_FIELDS
from psm.errors import CheckpointMismatch, ConfigError
from psm.yamlfiles import parse

Shapes = Mapping[str, tuple[int, ...]]

IMAGERY = {
    "sentinel": ImageryConfig(name="sentinel-2", gsd_m=10.0, zooms=(1, 3, 5)),
    "bingmap": ImageryConfig(name="bing", gsd_m=0.6, zooms=(1, 3, 5)),
    "googleEarth": ImageryConfig(name="google-earth", gsd_m=0.2, zooms=(1,)),
}
"""What published models saw and published tiles hold, by the published code's name for it.

``gsd_m`` is what a published model is told, alike at every latitude; :func:`tile_gsd_m` is true.
"""

_LEVELS = {"bingmap": 18}
"""Level of the imagery that is cut in Web Mercator, whose pixels shrink towards the poles."""
_EQUATOR_M = 2.0 * math.pi * 6378137.0
_MAP_TILE_PX = 256

_AUDIO = {
    "sample_rate_hz": 48000, "n_fft": 1024, "hop": 480, "f_min_hz": 50.0, "f_max_hz": 14000.0,
    "clip_s": 10.0,
}  # fmt: skip
_FEATURES_PER_HEAD = 64
_AUDIO_TOWER = "audio.model.audio_model.audio_encoder"
_TEXT_TOWER = "text.model.text_model"


def model_config(
    shapes: Shapes,
    *,
    imagery: str | None,
    view_px: int | None,
    satellite_heads: int | None,
    text_heads: int | None,
    origin: str,
) -> ModelConfig:
    """The model that tensors of such ``shapes``, under our names, belong to.

    Args:
        shapes: of every tensor.
        imagery: one of :data:`IMAGERY`.
        view_px: side of a view; 224 where nobody says.
        satellite_heads, text_heads: attention heads; by default one for every 64 features.
        origin: the file, for errors.

    Raises:
        CheckpointMismatch: a tensor that every model has is missing.
        ConfigError: the imagery or a number of heads is not known.
    """
    seen = imagery_named(imagery, origin)
    sizes = CheckedShapes(shapes, origin)
    try:
        dim, _ = sizes.matrix("satellite.project.2.weight")
        return parse(
            ModelConfig,
            {
                "name": f"psm-{seen.name}",
                "reference": True,
                "dim": dim,
                "imagery": seen.model_copy(update={"view_px": view_px or 224}),
                "audio": {**_AUDIO, "n_mels": sizes.length(f"{_AUDIO_TOWER}.batch_norm.weight")},
                "satellite": satellite_sizes(sizes, satellite_heads, origin),
                "audio_tower": {"kind": "clap", "clap": _clap_audio(sizes)},
                "text_tower": {
                    "kind": "clap", "weights": None, "max_tokens": 128, "frozen": False,
                    "clap": _clap_text(sizes, text_heads, origin),
                },
                "context": context_sizes(sizes),
                "heads": HeadConfig(probabilistic="audio_head.log_var.0.weight" in shapes),
            },
            origin,
        )  # fmt: skip
    except KeyError as missing:
        raise CheckpointMismatch(f"{origin}: has no {missing.args[0]}") from None


class CheckedShapes(dict[str, tuple[int, ...]]):
    """Shapes by name, each read with as many dimensions as it has to have."""

    def __init__(self, shapes: Shapes, origin: str) -> None:
        super().__init__(shapes)
        self._origin = origin

    def of(self, name: str, dimensions: int) -> tuple[int, ...]:
        """A shape of so many dimensions, none of them empty."""
        shape = self[name]
        if len(shape) != dimensions or 0 in shape:
            raise CheckpointMismatch(
                f"{self._origin}: {name} is {shape}, not of {dimensions} dimensions"
                if len(shape) != dimensions
                else f"{self._origin}: {name} is {shape}, which holds nothing"
            )
        return shape

    def length(self, name: str) -> int:
        """That of a vector."""
        return self.of(name, 1)[0]

    def matrix(self, name: str) -> tuple[int, int]:
        """Rows and columns: what a linear layer gives and takes."""
        rows, columns = self.of(name, 2)
        return rows, columns


def _heads(dim: int, given: int | None, option: str, origin: str) -> int:
    heads = given or dim // _FEATURES_PER_HEAD
    if heads == 0 or dim % heads:
        raise ConfigError(
            f"{origin}: no number of attention heads follows from {dim} features; give {option}"
        )
    return heads


def satellite_sizes(shapes: CheckedShapes, heads: int | None, origin: str) -> dict[str, Any]:
    """Settings of the satellite encoder that shapes tell; ``heads`` where they are known."""
    dim, _, patch_px, _ = shapes.of("satellite.patch.weight", 4)
    hidden, _ = shapes.matrix("satellite.blocks.layers.0.linear1.weight")
    return {
        "patch_px": patch_px,
        "dim": dim,
        "depth": _count(shapes, r"satellite\.blocks\.layers\.(\d+)\."),
        "heads": _heads(dim, heads, "--satellite-heads", origin),
        "mlp_ratio": hidden / dim,
    }


def context_sizes(shapes: CheckedShapes) -> ContextConfig:
    """Settings of the fusion that shapes tell; of depth 0 where there is none."""
    if not any(name.startswith("fusion.") for name in shapes):
        return ContextConfig(fields=(), depth=0)
    fields = tuple(
        field
        for field in CONTEXT_FIELDS
        if any(name.startswith(f"fusion.tokens.{field}.") for name in shapes)
    )
    hidden = next(
        (shapes.matrix(f"fusion.tokens.{field}.0.weight")[0] for field in fields
         if f"fusion.tokens.{field}.0.weight" in shapes), 64,
    )  # fmt: skip
    return parse(
        ContextConfig,
        {
            "fields": fields,
            "depth": _count(shapes, r"fusion\.encoder\.layers\.(\d+)\."),
            "feedforward": shapes.matrix("fusion.encoder.layers.0.linear1.weight")[0],
            "hidden": hidden,
        },
        "context",
    )


def _clap_audio(shapes: CheckedShapes) -> dict[str, Any]:
    stages = _count(shapes, rf"{re.escape(_AUDIO_TOWER)}\.layers\.(\d+)\.")
    stage = [f"{_AUDIO_TOWER}.layers.{index}" for index in range(max(1, stages))]
    tables = [f"{s}.blocks.0.attention.self.relative_position_bias_table" for s in stage]
    bias = [shapes.matrix(table) for table in tables]
    embed = shapes.of(f"{_AUDIO_TOWER}.patch_embed.proj.weight", 4)[0]
    fusion = f"{_AUDIO_TOWER}.patch_embed.fusion_model.local_att.0.weight"
    settings = {
        "patch_embeds_hidden_size": embed,
        "hidden_size": shapes.length(f"{_AUDIO_TOWER}.norm.weight"),
        "depths": [_count(shapes, rf"{re.escape(s)}\.blocks\.(\d+)\.") for s in stage],
        "num_attention_heads": [heads for _, heads in bias],
        "num_hidden_layers": stages,
        "mlp_ratio": shapes.matrix(f"{stage[0]}.blocks.0.intermediate.dense.weight")[0] / embed,
        "window_size": (round(bias[0][0] ** 0.5) + 1) // 2,
        "projection_dim": shapes.matrix("audio.model.audio_projection.linear2.weight")[0],
        "enable_fusion": fusion in shapes,
    }
    if fusion in shapes:
        settings["aff_block_r"] = max(1, embed // shapes.of(fusion, 4)[0])
    return settings


def _clap_text(shapes: CheckedShapes, heads: int | None, origin: str) -> dict[str, Any]:
    vocabulary, dim = shapes.matrix(f"{_TEXT_TOWER}.embeddings.word_embeddings.weight")
    positions, _ = shapes.matrix(f"{_TEXT_TOWER}.embeddings.position_embeddings.weight")
    layer = f"{_TEXT_TOWER}.encoder.layer"
    return {
        "vocab_size": vocabulary,
        "hidden_size": dim,
        "num_hidden_layers": _count(shapes, rf"{re.escape(layer)}\.(\d+)\."),
        "num_attention_heads": _heads(dim, heads, "--text-heads", origin),
        "intermediate_size": shapes.matrix(f"{layer}.0.intermediate.dense.weight")[0],
        "max_position_embeddings": positions,
        "projection_dim": shapes.matrix("text.model.text_projection.linear2.weight")[0],
    }


def _count(names: Iterable[str], pattern: str) -> int:
    """How many different numbers stand in the first group of ``pattern`` among ``names``."""
    return len({match[1] for name in names if (match := re.match(pattern, name))})


def tile_gsd_m(imagery: str, lat: float) -> float:
    """Metres per pixel that a published tile of ``imagery`` has at a latitude.

    Bing's tiles are of level 18 of Web Mercator: 0.597 m at the equator, half of it at 60 degrees.
    Those of Sentinel-2 and Google Earth are in metres everywhere.
    """
    if imagery not in _LEVELS:
        return IMAGERY[imagery].gsd_m
    at_equator = _EQUATOR_M / (_MAP_TILE_PX * 2.0 ** _LEVELS[imagery])
    return at_equator * math.cos(math.radians(lat))


def imagery_named(name: str | None, origin: str) -> ImageryConfig:
    """The imagery that the published code calls ``name``; ``origin`` is for the error.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in IMAGERY:
        raise ConfigError(
            f"{origin}: of which imagery? {name!r} is not known; give one of {', '.join(IMAGERY)}"
        )
    return IMAGERY[name]
