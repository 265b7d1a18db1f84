"""Import of a masked autoencoder, SatMAE or Scale-MAE, to start the satellite encoder from.

The transformer is taken over tensor by tensor. What belongs to the autoencoder alone, its decoder
and its mask tokens, is left out by name; so are the class token, since patches are averaged here,
and the positions, which follow from the gsd. Every other tensor is accounted for, or an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import Tensor

from psm.config import ImageryConfig, SatelliteConfig
from psm.errors import CheckpointMismatch, ConfigError, MissingData
from psm.http import hub
from psm.weightfiles import named_tensors, read_weights, require_numbers

_HUB = "hf://"
_NAMES = (
    (r"patch_embed\.proj\.(\w+)", r"patch.\1"),
    (r"blocks\.(\d+)\.attn\.qkv\.(\w+)", r"blocks.layers.\1.self_attn.in_proj_\2"),
    (r"blocks\.(\d+)\.attn\.proj\.(\w+)", r"blocks.layers.\1.self_attn.out_proj.\2"),
    (r"blocks\.(\d+)\.mlp\.fc([12]\.\w+)", r"blocks.layers.\1.linear\2"),
    (r"blocks\.(\d+)\.(norm[12]\.\w+)", r"blocks.layers.\1.\2"),
    # The norm of every token before the class token is read; here it follows the mean of patches.
    (r"norm\.(\w+)", r"norm.\1"),
)
# What the encoder does without: fpn, fcn and pos_emb_projection are Scale-MAE's decoder; of a
# multispectral model all groups of bands but the first.
_LEFT_OUT = re.compile(
    r"(decoder_\w+|mask_token(_decoder)?|fpn|fcn\w*|pos_emb_projection|cls_token|pos_embed"
    r"|patch_embed\.[1-9]\d*)(\..+)?"
)
_GROUPED = re.compile(r"patch_embed\.(\d+)\.proj\.(\w+)")
# Bands 2, 3, 4, 8 of Sentinel-2, then 5, 6, 7, 8A, then 11, 12: SatMAE's groups (0, 1, 2, 6),
# (3, 4, 5, 7), (8, 9) of the thirteen without 1, 9 and 10. Blue comes first.
_GROUP_SIZES = (4, 4, 2)
_RED_GREEN_BLUE = [2, 1, 0]
# Attention heads follow from no shape: these are those of the published sizes.
_HEADS = {768: 12, 1024: 16, 1280: 16}


@dataclass(frozen=True)
class Backbone:
    """Report on the weights taken from a masked autoencoder.

    Attributes:
        origin: the file.
        taken: tensors taken over.
        left_out: tensors that the encoder does without, by name.
        adapted: what had to be changed, in words.
    """

    origin: str
    taken: int
    left_out: tuple[str, ...]
    adapted: tuple[str, ...] = ()

    def describe(self) -> str:
        """One line of it."""
        groups = sorted({name.partition(".")[0] for name in self.left_out})
        adapted = "".join(f"; {change}" for change in self.adapted)
        return (
            f"{self.origin}: {self.taken} tensors taken over, {len(self.left_out)} left out "
            f"({', '.join(groups)}){adapted}"
        )


def read_backbone(
    config: SatelliteConfig, imagery: ImageryConfig, wanted: Mapping[str, torch.Size]
) -> tuple[dict[str, Tensor], Backbone]:
    """Tensors for a satellite encoder out of the file that ``config.weights`` names.

    Args:
        config: sizes of the encoder, its weights and how that may be adapted.
        imagery: size and statistics of a view.
        wanted: names and shapes of the encoder's tensors, its projection left out.

    Raises:
        MissingData: there is no such file, here or on the hub.
        ForeignPickle: it wants to run code.
        CheckpointMismatch: it is no masked autoencoder, or a tensor is unknown, missing or of
            another shape.
        ConfigError: it does not fit the settings, which the message names with the fix.
    """
    origin = str(config.weights)
    # Read, and refuse at once what no view can pass through.
    tensors = read_tensors(origin, "satellite.weights")
    _check_dimensions(tensors, origin)
    left_out = tuple(name for name in tensors if _LEFT_OUT.fullmatch(name))
    # A multispectral model has a patch embedding for each group of bands: keep the colours.
    adapted = []
    if any(_GROUPED.fullmatch(name) for name in tensors):
        tensors, change = _true_colour(tensors, config, imagery, origin)
        adapted.append(change)
    # Every other tensor has a name here, or the file is something else.
    named = {name: _our_name(name) for name in tensors if name not in left_out}
    unknown = [name for name, ours in named.items() if ours is None]
    if unknown or "patch_embed.proj.weight" not in tensors:
        strangers = f" ({', '.join(unknown[:3])})" if unknown else ""
        raise CheckpointMismatch(
            f"{origin}: not a backbone of SatMAE or Scale-MAE, {len(unknown)} of {len(tensors)} "
            f"tensors are unknown{strangers}"
        )
    require_numbers({name: tensors[name] for name in named}, origin)
    # Sizes first, whose errors name a setting; then tensor by tensor.
    _check_sizes(tensors, config, imagery, origin)
    ours = {new: tensors[old].float() for old, new in named.items() if new is not None}
    require_complete(ours, wanted, origin)
    return ours, Backbone(origin, len(ours), left_out, tuple(adapted))


def _our_name(name: str) -> str | None:
    for rule, ours in _NAMES:
        if match := re.fullmatch(rule, name):
            return match.expand(ours)
    return None


def read_tensors(origin: str, setting: str) -> dict[str, Tensor]:
    """Tensors by name out of a file of weights, bare or as trainers wrap them.

    Args:
        origin: the file, or ``hf://OWNER/NAME/FILE`` on the hub.
        setting: that names it, for errors.

    Raises:
        MissingData: there is no such file, here or on the hub.
        ForeignPickle: it wants to run code.
        CheckpointMismatch: it holds no tensors.
        ConfigError: an address of the hub is not written so.
    """
    path = _download(origin, setting) if origin.startswith(_HUB) else Path(origin)
    if not path.exists():
        raise MissingData(f"{setting}: no such file {origin}")
    content = read_weights(path)
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    return named_tensors(content, origin)


def _download(origin: str, setting: str) -> Path:
    owner, _, rest = origin.removeprefix(_HUB).partition("/")
    name, _, file = rest.partition("/")
    if not (owner and name and file):
        raise ConfigError(f"{setting} {origin}: write it as hf://OWNER/NAME/FILE")
    try:
        with hub.asked_once(origin):
            return Path(hf_hub_download(f"{owner}/{name}", file))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as problem:
        raise MissingData(
            f"{setting}: the hub did not give {origin} ({hub.reason(problem)})"
        ) from None


def _true_colour(
    tensors: dict[str, Tensor], config: SatelliteConfig, imagery: ImageryConfig, origin: str
) -> tuple[dict[str, Tensor], str]:
    """SatMAE's multispectral model with the colours of its first group for a patch embedding.

    It gives every patch a token for each group of bands; the tokens of the first group see what a
    true-colour view shows. Its pixels were stretched to [0, 1]: the statistics that normalise ours
    are folded into the projection, and the constant that marks the group into its bias.
    """
    groups = [name for name in tensors if _GROUPED.fullmatch(name) and name.endswith(".weight")]
    sizes = tuple(tensors[name].shape[1] for name in sorted(groups))
    if "rgb" not in config.adapt:
        raise CheckpointMismatch(
            f"{origin}: SatMAE's multispectral model, {len(sizes)} patch embeddings of "
            f"{', '.join(map(str, sizes))} Sentinel-2 bands instead of one of RGB; set "
            "model.satellite.adapt=[rgb] to keep red, green and blue of its first group"
        )
    first = {part: tensors.get(f"patch_embed.0.proj.{part}") for part in ("weight", "bias")}
    marks = tensors.get("channel_embed")
    if sizes != _GROUP_SIZES or first["bias"] is None or marks is None:
        raise CheckpointMismatch(
            f"{origin}: groups of {', '.join(map(str, sizes))} bands are not SatMAE's "
            f"{', '.join(map(str, _GROUP_SIZES))}, so that nobody says which are red, green, blue"
        )
    assert first["weight"] is not None
    colours = first["weight"].float()[:, _RED_GREEN_BLUE]
    # Ours are normalised, x = (p - mean) / std, its pixels p were not: w·p = (w·std)·x + w·mean.
    mean, std = (torch.tensor(values)[:, None, None] for values in (imagery.mean, imagery.std))
    bias = first["bias"].float() + (colours * mean).sum((1, 2, 3))
    # The mark of the group is added to the last features of every token: to the bias, that is.
    mark = marks.float()[0, 0]
    bias[len(bias) - len(mark) :] += mark
    rest = {n: t for n, t in tensors.items() if not _GROUPED.fullmatch(n) and n != "channel_embed"}
    return (
        {**rest, "patch_embed.proj.weight": colours * std, "patch_embed.proj.bias": bias},
        "red, green and blue of its first group of bands kept, the other groups left out",
    )


def _check_dimensions(tensors: Mapping[str, Tensor], origin: str) -> None:
    expected = {"patch_embed": 4, "pos_embed": 3, "channel_embed": 3}
    for name, tensor in tensors.items():
        dimensions = expected.get(name.partition(".")[0], tensor.ndim)
        if tensor.ndim != dimensions and not name.endswith(".bias"):
            raise CheckpointMismatch(
                f"{origin}: {name} is {tuple(tensor.shape)}, which fits no view"
            )


def _check_sizes(
    tensors: Mapping[str, Tensor], config: SatelliteConfig, imagery: ImageryConfig, origin: str
) -> None:
    """Name the setting that does not fit and its value in the file, before tensors are compared."""
    dim, _, patch_px, _ = tensors["patch_embed.proj.weight"].shape
    hidden = tensors.get("blocks.0.mlp.fc1.bias")
    found: dict[str, float] = {
        "patch_px": patch_px,
        "dim": dim,
        "depth": len({name.split(".")[1] for name in tensors if name.startswith("blocks.")}),
        "heads": _HEADS.get(dim, config.heads),
        "mlp_ratio": config.mlp_ratio if hidden is None else len(hidden) / dim,
    }
    for setting, value in found.items():
        ours = getattr(config, setting)
        if value != ours:
            raise ConfigError(
                f"{origin}: its {setting} is {value:g}, model.satellite.{setting} is {ours:g}; "
                f"set model.satellite.{setting}={value:g}"
            )
    position = tensors.get("pos_embed")
    if position is None or "view" in config.adapt:
        return
    view_px = isqrt(position.shape[1] - 1) * patch_px
    if view_px != imagery.view_px:
        raise ConfigError(
            f"{origin}: saw views of {view_px} pixels, model.imagery.view_px is {imagery.view_px}; "
            f"set model.imagery.view_px={view_px}, or model.satellite.adapt=[view] to go on: "
            "positions are computed for any size"
        )


def require_complete(
    ours: Mapping[str, Tensor], wanted: Mapping[str, torch.Size], origin: str
) -> None:
    """Refuse tensors that are not those of the encoder that they are to fill.

    Raises:
        CheckpointMismatch: one is missing, unexpected or of another shape.
    """
    complaints = [f"missing {name}" for name in wanted.keys() - ours.keys()]
    complaints += [f"unexpected {name}" for name in ours.keys() - wanted.keys()]
    complaints += [
        f"{name} is {tuple(ours[name].shape)}, not {tuple(wanted[name])}"
        for name in wanted.keys() & ours.keys()
        if ours[name].shape != wanted[name]
    ]
    if complaints:
        raise CheckpointMismatch(
            f"{origin}: {len(complaints)} of {len(wanted)} tensors do not fit "
            f"({', '.join(sorted(complaints)[:3])})"
        )
