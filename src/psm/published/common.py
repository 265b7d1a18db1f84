"""What checkpoints of PSM and of Sat2Sound have in common: settings, satellite encoder, fusion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from psm.config import ModelConfig
from psm.errors import CheckpointMismatch, ConfigError, PSMError
from psm.http.hub import first_line
from psm.model import PSM
from psm.unpickling import CommandLine
from psm.weightfiles import named_tensors

LAYER = {"1": "0", "2": "2"}
"""Published layers of a perceptron, linear1 and linear2 or fc1 and fc2, in ours."""

DATA = {
    "sentinel-2": "MVRL/GeoSound",
    "bing": "MVRL/GeoSound",
    "google-earth": "MVRL/SoundingEarth",
}
"""What the published models were trained on, by the imagery that they see."""

_LARGEST_VIEW_PX = 4096
_FIELD = {"location": "latlon", "month": "month", "time": "hour"}
_PROJECTOR = r"\.projector\.linear([12])\.(\w+)"
_ENCODED = r"\.meta_embed\.(location|month|time)_fc\.fc([12])\.(\w+)"
_BLOCK, _OUR_BLOCK = r"\.backbone\.blocks\.(\d+)\.", r"satellite.blocks.layers.\1."
# After the prefix of the part, and ours with the groups of the first filled in.
_SATELLITE_RULES = (
    (r"\.backbone\.patch_embed\.proj\.(\w+)", r"satellite.patch.\1"),
    (_BLOCK + r"attn\.qkv\.(\w+)", _OUR_BLOCK + r"self_attn.in_proj_\2"),
    (_BLOCK + r"attn\.proj\.(\w+)", _OUR_BLOCK + r"self_attn.out_proj.\2"),
    (_BLOCK + r"mlp\.fc([12]\.\w+)", _OUR_BLOCK + r"linear\2"),
    (_BLOCK + r"(norm[12]\.\w+)", _OUR_BLOCK + r"\2"),
)
_FUSER_RULES = (
    (r"\.transformer_encoder\.(layers\.\d+\..+)", r"fusion.encoder.\1"),
    (
        r"\.meta_embed\.(audio|caption)_source_fc\.source_embed\.weight",
        r"fusion.tokens.\1_source.weight",
    ),
)


def shared_name(published: str, *, satellite: str, fuser: str) -> str | None:
    """Our name of a tensor of the satellite encoder or of the fusion; ``None`` if it is neither.

    Args:
        published: its published name.
        satellite, fuser: what the names of either part begin with, as a pattern.
    """
    for prefix, rules in ((satellite, _SATELLITE_RULES), (fuser, _FUSER_RULES)):
        for rule, name in rules:
            if match := re.fullmatch(prefix + rule, published):
                return match.expand(name)
    if match := re.fullmatch(satellite + _PROJECTOR, published):
        return f"satellite.project.{LAYER[match[1]]}.{match[2]}"
    if match := re.fullmatch(fuser + _ENCODED, published):
        return f"fusion.tokens.{_FIELD[match[1]]}.{LAYER[match[2]]}.{match[3]}"
    return None


def built(config: ModelConfig, tokenizer: str | None, origin: str) -> PSM:
    """A model of sizes that were read from a file.

    Raises:
        CheckpointMismatch: they make no model.
        PSMError: the tokenizer or weights from elsewhere do not fit.
    """
    try:
        return PSM(config, tokenizer=tokenizer)
    except PSMError:
        raise
    except Exception as problem:
        # The towers are of transformers, whose constructors refuse sizes in any way, assert too.
        raise CheckpointMismatch(
            f"{origin}: the sizes of its tensors make no model ({first_line(problem)})"
        ) from None


def state_dict(content: Any, origin: str) -> dict[str, Tensor]:
    """The weights in a checkpoint: a Lightning one, that of another trainer, or nothing else."""
    if not isinstance(content, dict):
        raise CheckpointMismatch(f"{origin}: no state_dict in it, but a {type(content).__name__}")
    keys = ("state_dict", "model", "module")
    key = next((key for key in keys if isinstance(content.get(key), dict)), None)
    tensors = content if key is None else content[key]
    if any(str(name).startswith("patch_embed.") for name in tensors):
        raise CheckpointMismatch(
            f"{origin}: the backbone of a satellite encoder, not a model; train one from it with "
            f"--set model.satellite.weights={origin}"
        )
    is_plain = any(isinstance(tensor, Tensor) for tensor in tensors.values())
    if not tensors:
        raise CheckpointMismatch(f"{origin}: no state_dict in it, {key or 'all of it'} is empty")
    if key is None and not is_plain:
        names = ", ".join(str(name) for name in list(content)[:5])
        raise CheckpointMismatch(f"{origin}: no state_dict in it, but {names:.100}")
    return named_tensors(tensors, origin)


def settings_of(content: Any) -> dict[str, Any]:
    """Settings that a checkpoint was trained by, also where they are a command line."""
    settings = content.get("hyper_parameters") if isinstance(content, dict) else None
    found: dict[str, Any] = {}
    for group in (settings, *(settings.values() if isinstance(settings, dict) else ())):
        if isinstance(group, CommandLine):
            found |= vars(group)
    return found | settings if isinstance(settings, dict) else found


def imagery_of(settings: Mapping[str, Any], origin: str) -> str | None:
    """The published name of the imagery by the settings of the file, where they tell."""
    name = settings.get("sat_type")
    if name is None or isinstance(name, str):
        return name
    raise ConfigError(f"{origin}: its sat_type is {name!r:.40}, not a name; give --imagery")


def view_px_of(settings: Mapping[str, Any], origin: str) -> int:
    """Side of a view by the settings of the file: no tensor tells, so that nothing is assumed."""
    size = settings.get("sat_input_size")
    if isinstance(size, int) and not isinstance(size, bool) and 0 < size <= _LARGEST_VIEW_PX:
        return size
    what = "does not say" if size is None else f"has sat_input_size {size!r:.40} for"
    raise ConfigError(
        f"{origin}: {what} how many pixels a view is wide, which no tensor tells; give --view-px "
        "(224 as published)"
    )


def require_one_number(
    tensor: Tensor | None, name: str, origin: str, *, of_any_sign: bool = False
) -> None:
    """Refuse what is to be one number, positive unless it is a shift, and is not."""
    if tensor is None:
        return
    if tensor.numel() != 1:
        raise CheckpointMismatch(f"{origin}: {name} is {tuple(tensor.shape)}, not one number")
    if tensor.is_meta:
        return
    if not of_any_sign and name != "shift" and not float(tensor) > 0:
        raise CheckpointMismatch(f"{origin}: {name} is {float(tensor):g}, not positive")
