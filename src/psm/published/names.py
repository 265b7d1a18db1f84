"""Names of the tensors of published checkpoints, and ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_LAYER = {"1": "0", "2": "2"}
_FIELD = {"location": "latlon", "month": "month", "time": "hour"}
_HEAD = {"mean_head": "mean", "head": "mean", "std_head": "log_var"}
_TOWER = {"sat_encoder.encoder": "location", "audio_encoder": "audio", "text_encoder": "text"}
_FUSER = r"sat_encoder\.encoder\.meta_fuser"

# Published name, and ours with the groups of the first filled in.
_RULES: tuple[tuple[str, str], ...] = (
    (r"sat_encoder\.encoder\.backbone\.patch_embed\.proj\.(\w+)", r"satellite.patch.\1"),
    (
        r"sat_encoder\.encoder\.backbone\.blocks\.(\d+)\.attn\.qkv\.(\w+)",
        r"satellite.blocks.layers.\1.self_attn.in_proj_\2",
    ),
    (
        r"sat_encoder\.encoder\.backbone\.blocks\.(\d+)\.attn\.proj\.(\w+)",
        r"satellite.blocks.layers.\1.self_attn.out_proj.\2",
    ),
    (
        r"sat_encoder\.encoder\.backbone\.blocks\.(\d+)\.mlp\.fc([12]\.\w+)",
        r"satellite.blocks.layers.\1.linear\2",
    ),
    (
        r"sat_encoder\.encoder\.backbone\.blocks\.(\d+)\.(norm[12]\.\w+)",
        r"satellite.blocks.layers.\1.\2",
    ),
    (r"sat_encoder\.encoder\.backbone\.fc_norm\.(\w+)", r"satellite.norm.\1"),
    (rf"{_FUSER}\.cls_token", "fusion.cls"),
    (rf"{_FUSER}\.transformer_encoder\.(layers\.\d+\..+)", r"fusion.encoder.\1"),
    (
        rf"{_FUSER}\.meta_embed\.(audio|caption)_source_fc\.source_embed\.weight",
        r"fusion.tokens.\1_source.weight",
    ),
    (r"(audio|text)_encoder\.model\.model\.(.+)", r"\1.model.\2"),
    (r"criterion\.(shift|negative_scale)", r"\1"),
)


def our_name(published: str) -> str | None:
    """Our name of a tensor of a published checkpoint; ``None`` if no rule knows it."""
    for rule, name in _RULES:
        if match := re.fullmatch(rule, published):
            return match.expand(name)
    if match := re.fullmatch(r"sat_encoder\.encoder\.projector\.linear([12])\.(\w+)", published):
        return f"satellite.project.{_LAYER[match[1]]}.{match[2]}"
    if match := re.fullmatch(
        rf"{_FUSER}\.meta_embed\.(location|month|time)_fc\.fc([12])\.(\w+)", published
    ):
        return f"fusion.tokens.{_FIELD[match[1]]}.{_LAYER[match[2]]}.{match[3]}"
    if match := re.fullmatch(r"(.+)\.(mean_head|std_head|head)\.linear([12])\.(\w+)", published):
        tower = _TOWER.get(match[1])
        return tower and f"{tower}_head.{_HEAD[match[2]]}.{_LAYER[match[3]]}.{match[4]}"
    return None


def rename(published: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors under our names, and the published names that no rule knows."""
    named = {name: our_name(name) for name in published}
    ours = {new: published[old] for old, new in named.items() if new is not None}
    return ours, [old for old, new in named.items() if new is None]
