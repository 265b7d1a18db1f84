"""Import of checkpoints of the published implementation.

The sizes of every encoder are read from the shapes of the weights, every tensor is accounted for,
and nothing in the file is executed: PyTorch's allow-list unpickler reads it and names what it
refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from psm import checkpoints
from psm.config import Experiment, LossConfig, ModelConfig
from psm.encoders.transformertower import read_tokenizer
from psm.errors import CheckpointMismatch, ConfigError, PSMError
from psm.http.hub import first_line
from psm.model import PSM
from psm.provenance import DataSet, Provenance
from psm.published.sizes import model_config
from psm.unpickling import CommandLine
from psm.weightfiles import DERIVED, named_tensors, read_weights, require_numbers

_LARGEST_VIEW_PX = 4096

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


_DATA = {
    "sentinel-2": "MVRL/GeoSound",
    "bing": "MVRL/GeoSound",
    "google-earth": "MVRL/SoundingEarth",
}
"""What the published models were trained on, by the imagery that they see."""


@dataclass(frozen=True)
class ImportReport:
    """What an imported checkpoint held.

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
    view_px: int | None = None,
    satellite_heads: int | None = None,
    text_heads: int | None = None,
) -> ImportReport:
    """Turn a published Lightning checkpoint into a folder for :meth:`PSM.from_pretrained`.

    Args:
        path: of the ``.ckpt``, or of a plain state dict, pickled or safetensors.
        out: the folder to write.
        imagery: ``sentinel``, ``bingmap`` or ``googleEarth``, where the file does not say.
        tokenizer: hub id or folder of the text tower's tokenizer; its files go along.
        view_px: side of a view, where the file does not say: no tensor tells.
        satellite_heads, text_heads: attention heads, which no shape tells; by default one for every
            64 features, as published.

    Raises:
        MissingData: no such file.
        ForeignPickle: the file wants to run code.
        CheckpointMismatch: it is not a checkpoint of PSM, or a tensor is unknown, of another shape
            or without finite numbers.
        ConfigError: imagery, view or number of heads must be given, or there is no tokenizer.
    """
    content = read_weights(Path(path))
    published, settings = _state_dict(content, str(path)), _settings(content)
    require_numbers(published, str(path))
    seen = imagery or _imagery(settings, str(path))
    view_px = view_px or _view_px(settings, str(path))
    if tokenizer is not None:  # first, as it may be missing, and the model takes a while
        read_tokenizer(tokenizer)
    model, found = published_model(
        published,
        imagery=seen,
        view_px=view_px,
        tokenizer=tokenizer,
        satellite_heads=satellite_heads,
        text_heads=text_heads,
        origin=str(path),
    )
    loss = (
        LossConfig()
        if found.temperature is None
        else LossConfig(kind="infonce", temperature=found.temperature)
    )
    model.provenance = Provenance(trained_on=(DataSet(name=_DATA[found.config.imagery.name]),))
    model.save_pretrained(out, Experiment(model=found.config, loss=loss, summary=f"From {path}."))
    return found


def published_model(
    published: Mapping[str, Tensor],
    *,
    imagery: str | None,
    view_px: int | None = None,
    tokenizer: str | None = None,
    satellite_heads: int | None = None,
    text_heads: int | None = None,
    origin: str = "published weights",
) -> tuple[PSM, ImportReport]:
    """The model whose tensors, under their published names, are ``published``.

    Args:
        published: every tensor of the published ``state_dict``.
        imagery, tokenizer, satellite_heads, text_heads: as of :func:`import_checkpoint`.
        view_px: side of a view; 224 where nobody says.
        origin: where the tensors are from, for errors.

    Raises:
        CheckpointMismatch: a tensor is missing, unknown or of another shape.
        ConfigError: the number of heads or the imagery must be given.
    """
    ours, unknown = rename(published)
    temperature = published.get("criterion.tau")
    unknown = [name for name in unknown if name != "criterion.tau"]
    if unknown:
        raise CheckpointMismatch(
            f"{origin}: {len(unknown)} of {len(published)} tensors are not of the published model "
            f"({', '.join(unknown[:3])})"
        )
    config = model_config(
        {name: tuple(tensor.shape) for name, tensor in ours.items()},
        imagery=imagery,
        view_px=view_px,
        satellite_heads=satellite_heads,
        text_heads=text_heads,
        origin=origin,
    )
    for name in ("shift", "negative_scale", "criterion.tau"):
        _require_one_number({**ours, **published}.get(name), name, origin)
    try:
        model = PSM(config, tokenizer=tokenizer)
    except PSMError:
        raise
    except Exception as problem:
        # The towers are of transformers, whose constructors refuse sizes in any way, assert too.
        raise CheckpointMismatch(
            f"{origin}: the sizes of its tensors make no model ({first_line(problem)})"
        ) from None
    wanted = model.state_dict()
    ours = {name: tensor.reshape(wanted[name].shape) if name in ("shift", "negative_scale")
            else tensor for name, tensor in ours.items()}  # fmt: skip
    derived = tuple(n for n in ours if n not in wanted and n.endswith(DERIVED))
    for name in derived:
        del ours[name]
    kept = {name: wanted[name] for name in wanted if name.endswith(DERIVED)}
    checkpoints.fill(model, {**kept, **ours, **_points(config, wanted)}, origin)
    return model.eval(), ImportReport(
        config, len(ours), derived, None if temperature is None else 1.0 / float(temperature)
    )


def _state_dict(content: Any, origin: str) -> dict[str, Tensor]:
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


def _settings(content: Any) -> dict[str, Any]:
    """Settings that a checkpoint was trained by, also where they are a command line."""
    settings = content.get("hyper_parameters") if isinstance(content, dict) else None
    found: dict[str, Any] = {}
    for group in (settings, *(settings.values() if isinstance(settings, dict) else ())):
        if isinstance(group, CommandLine):
            found |= vars(group)
    return found | settings if isinstance(settings, dict) else found


def _imagery(settings: Mapping[str, Any], origin: str) -> str | None:
    name = settings.get("sat_type")
    if name is None or isinstance(name, str):
        return name
    raise ConfigError(f"{origin}: its sat_type is {name!r:.40}, not a name; give --imagery")


def _view_px(settings: Mapping[str, Any], origin: str) -> int:
    """Side of a view by the settings of the file: no tensor tells, so that nothing is assumed."""
    size = settings.get("sat_input_size")
    if isinstance(size, int) and not isinstance(size, bool) and 0 < size <= _LARGEST_VIEW_PX:
        return size
    what = "does not say" if size is None else f"has sat_input_size {size!r:.40} for"
    raise ConfigError(
        f"{origin}: {what} how many pixels a view is wide, which no tensor tells; give --view-px "
        "(224 as published)"
    )


def _require_one_number(tensor: Tensor | None, name: str, origin: str) -> None:
    if tensor is None:
        return
    if tensor.numel() != 1:
        raise CheckpointMismatch(f"{origin}: {name} is {tuple(tensor.shape)}, not one number")
    if tensor.is_meta:
        return
    if name != "shift" and not float(tensor) > 0:
        raise CheckpointMismatch(f"{origin}: {name} is {float(tensor):g}, not positive")


def _points(config: ModelConfig, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A model of points has no shift and scale to bring along: those of a new one stand."""
    if config.heads.probabilistic:
        return {}
    return {name: wanted[name] for name in ("shift", "negative_scale")}


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
