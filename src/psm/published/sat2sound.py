"""Import of checkpoints of Sat2Sound, the codebook of images, sound and text.

Flan-T5 stands apart from the checkpoint and is named by the folder; everything else is in it, and
every tensor is accounted for: taken over, implied by the sizes, a scale of the loss, or of a part
that the published code does not use either.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from psm import checkpoints
from psm.config import Experiment, HeadConfig, LossConfig, ModelConfig, TextTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.tokentowers.mgaclap import mgaclap_sizes, rename_mgaclap
from psm.errors import CheckpointMismatch
from psm.model import PSM
from psm.provenance import DataSet, Provenance
from psm.published import common
from psm.published.sat2soundsettings import our_fields, require_whole, told_fields
from psm.published.sizes import CheckedShapes, context_sizes, imagery_named, satellite_sizes
from psm.weightfiles import DERIVED
from psm.yamlfiles import parse

FLAN_T5 = "google/flan-t5-large"
"""What the published model reads captions with."""

_SATELLITE, _FUSER = r"satmae_backbone", r"sat_encoder\.meta_fuser"
_AUDIO = "audio_encoder.model.audio_enc."
_QUERY = re.compile(r"fdt\.(img|audio|txt)_query_model\.q_map\.([0134])\.(\w+)")
_SIDE = {"img": "location", "audio": "audio", "txt": "text"}
_SCALE = re.compile(r"logit_scale_(ia|it|at|i_at|it_a|fdt)")


@dataclass(frozen=True)
class Sat2SoundReport:
    """What an imported checkpoint of Sat2Sound held.

    Attributes:
        config: the model that the weights describe.
        tensors: how many were taken over.
        implied: those that the sizes imply, by their published names.
        unused: those of parts that nothing uses.
        scales: temperature of each pair in training, by the published name of its scale.
    """

    config: ModelConfig
    tensors: int
    implied: tuple[str, ...]
    unused: tuple[str, ...]
    scales: Mapping[str, float]

    def describe(self) -> dict[str, str]:
        """What was found, in words."""
        model = self.config
        audio = model.audio_tower.clap
        unused = ", ".join(sorted(name.removeprefix(_AUDIO) for name in self.unused))
        kinds = Counter(name.rpartition(".")[2] for name in self.implied)
        implied = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        return {
            "kind": "Sat2Sound",
            "imagery": f"{model.imagery.name}, {model.imagery.gsd_m:g} m, "
            f"{model.imagery.view_px} px, zoom {', '.join(map(str, model.imagery.zooms))}",
            "satellite": f"ViT, {model.satellite.depth} blocks of {model.satellite.dim}, "
            f"{model.satellite.heads} heads, tokens of {model.place_dim}",
            "context": ", ".join(model.context.fields) if model.context.depth else "none",
            "audio": f"MGA-CLAP, blocks {'-'.join(map(str, audio['depths']))}",
            "text": f"T5 of {model.text_tower.weights or 'random weights'}, not in the file",
            "space": f"{model.dim} dimensions, {model.heads.codes} codes, points",
            "tensors": f"{self.tensors} taken over, {len(self.implied)} implied by the sizes "
            f"({implied or 'none'})",
            "unused": f"{len(self.unused)} tensors ({unused or 'none'}), "
            f"{len(self.scales)} scales of the loss ({', '.join(self.scales) or 'none'})",
        }


def is_sat2sound(published: Mapping[str, Tensor]) -> bool:
    """Whether tensors of such names are of Sat2Sound, or of its image-to-text baseline."""
    return any(name.startswith(("fdt.", "satmae_backbone.")) for name in published)


def import_sat2sound(
    published: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    out: str | Path,
    *,
    imagery: str | None,
    text_weights: str,
    tokenizer: str | None = None,
    view_px: int | None = None,
    satellite_heads: int | None = None,
    fields: Sequence[str] | None = None,
    origin: str,
) -> Sat2SoundReport:
    """Turn a checkpoint that was read into a folder for :meth:`PSM.from_pretrained`.

    Args:
        published: every tensor of the published ``state_dict``, of finite numbers.
        settings: its hyper-parameters.
        out: the folder to write.
        imagery, text_weights, tokenizer, view_px, satellite_heads, fields: as of
            :func:`psm.published.checkpoint.import_checkpoint`.
        origin: where the tensors are from, for errors.

    Raises:
        CheckpointMismatch: a tensor is missing, unknown or of another shape.
        ConfigError: it is of a variant that is not the paper's, or something must be given.
    """
    require_whole(published, settings, origin)
    model, found = sat2sound_model(
        published,
        imagery=imagery or common.imagery_of(settings, origin),
        text=TextTowerConfig(kind="t5", weights=_where(text_weights), max_tokens=512),
        view_px=view_px or common.view_px_of(settings, origin),
        tokenizer=tokenizer,
        satellite_heads=satellite_heads,
        fields=told_fields(settings, origin) if fields is None else our_fields(fields),
        origin=origin,
    )
    data = {"GeoSound": "MVRL/GeoSound", "SoundingEarth": "MVRL/SoundingEarth"}
    name = data.get(str(settings.get("dataset_type")), common.DATA[found.config.imagery.name])
    model.provenance = Provenance(trained_on=(DataSet(name=name),))
    alpha = settings.get("pseudo_match_alpha")
    if not isinstance(alpha, int | float) or not 0 <= alpha < math.inf:
        alpha = LossConfig().pseudo_positive_weight
    loss = LossConfig(kind="sat2sound", pseudo_positive_weight=alpha)
    model.save_pretrained(
        out, Experiment(model=found.config, loss=loss, summary=f"Sat2Sound, from {origin}.")
    )
    return found


def _where(weights: str) -> str:
    """The folder of ``weights`` from anywhere, if it is one."""
    return str(Path(weights).resolve()) if Path(weights).is_dir() else weights


def sat2sound_model(
    published: Mapping[str, Tensor],
    *,
    imagery: str | None,
    text: TextTowerConfig,
    view_px: int | None = None,
    tokenizer: str | None = None,
    satellite_heads: int | None = None,
    fields: Sequence[str] | None = None,
    origin: str = "published weights",
) -> tuple[PSM, Sat2SoundReport]:
    """The model whose tensors, under their published names, are ``published``.

    Args:
        published: every tensor of the published ``state_dict``.
        imagery: ``sentinel``, ``bingmap`` or ``googleEarth``.
        text: the T5.
        view_px: side of a view; 224 where nobody says.
        tokenizer: instead of the one beside the weights of the T5.
        satellite_heads: attention heads; by default one for every 64 features.
        fields: of the context, which the model keeps; by default all that it has. A model of fewer
            fields is how the published code evaluates a subset of them.
        origin: where the tensors are from, for errors.

    Raises:
        CheckpointMismatch: a tensor is missing, unknown or of another shape.
        ConfigError: the number of heads or the imagery must be given.
    """
    ours, implied, unused, scales = _renamed(published, origin)
    ours, left = _with_fields(ours, fields, origin)
    config = _model_config(ours, imagery, text, view_px, satellite_heads, origin)
    for name in scales:
        common.require_one_number(published[name], name, origin, of_any_sign=True)
    model = common.built(config, tokenizer, origin)
    wanted = model.state_dict()
    # What the file cannot hold: the T5, and the scale and shift of probabilities.
    elsewhere = ("text.", "shift", "negative_scale")
    kept = {
        name: tensor
        for name, tensor in wanted.items()
        if name.startswith(elsewhere) or name.endswith(DERIVED)
    }
    taken = {name: tensor for name, tensor in ours.items() if not name.endswith(DERIVED)}
    checkpoints.fill(model, _stored_here(model, {**kept, **taken}), origin)
    temperatures = {
        name: math.nan if published[name].is_meta else math.exp(-float(published[name]))
        for name in scales
    }
    report = Sat2SoundReport(config, len(taken), implied, (*unused, *left), temperatures)
    return model.eval(), report


def _stored_here(model: PSM, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without a text tower that is kept elsewhere, which the model has filled already."""
    if model.config.text_tower.frozen and model.config.text_tower.weights:
        return {name: tensor for name, tensor in tensors.items() if not name.startswith("text.")}
    return tensors


def _renamed(
    published: Mapping[str, Tensor], origin: str
) -> tuple[dict[str, Tensor], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Tensors under our names; published names of those implied, not used, scales of the loss."""
    heard = {name.removeprefix(_AUDIO): tensor for name, tensor in published.items()
             if name.startswith(_AUDIO)}  # fmt: skip
    hearing, implied, unused, unknown = rename_mgaclap(heard)
    implied += [name for name in heard if name.endswith(DERIVED)]
    ours = {f"audio.encoder.{name}": tensor for name, tensor in hearing.items()}
    unknown = [_AUDIO + name for name in unknown]
    scales = []
    for name, tensor in published.items():
        if name.startswith(_AUDIO):
            continue
        if _SCALE.fullmatch(name):
            scales.append(name)
        elif (new := _our_name(name)) is not None:
            ours[new] = tensor
        else:
            unknown.append(name)
    if unknown:
        raise CheckpointMismatch(
            f"{origin}: {len(unknown)} of {len(published)} tensors are not of Sat2Sound "
            f"({', '.join(unknown[:3])})"
        )
    return (
        ours,
        tuple(_AUDIO + name for name in implied),
        tuple(_AUDIO + name for name in unused),
        tuple(scales),
    )


def _our_name(published: str) -> str | None:
    if published == "fdt.space_dict":
        return "codebook.codes.weight"
    if match := _QUERY.fullmatch(published):
        return f"{_SIDE[match[1]]}_head.query.{match[2]}.{match[3]}"
    return common.shared_name(published, satellite=_SATELLITE, fuser=_FUSER)


def _with_fields(
    ours: dict[str, Tensor], fields: Sequence[str] | None, origin: str
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Without the fields of the context that are not wanted; and the names of their tensors."""
    if fields is None:
        return ours, ()
    there = {name.split(".")[2] for name in ours if name.startswith("fusion.tokens.")}
    if missing := [field for field in fields if field not in there]:
        raise CheckpointMismatch(
            f"{origin}: no weights for {', '.join(missing)} of the context in it, but for "
            f"{', '.join(sorted(there)) or 'none'}"
        )
    gone = tuple(f"fusion.tokens.{field}." for field in there - set(fields))
    left = [n for n in ours if n.startswith(gone) or (not fields and n.startswith("fusion."))]
    return {name: tensor for name, tensor in ours.items() if name not in left}, tuple(left)


def _model_config(
    ours: Mapping[str, Tensor],
    imagery: str | None,
    text: TextTowerConfig,
    view_px: int | None,
    satellite_heads: int | None,
    origin: str,
) -> ModelConfig:
    """The model that tensors of such shapes, under our names, belong to."""
    seen = imagery_named(imagery, origin)
    sizes = CheckedShapes({name: tuple(tensor.shape) for name, tensor in ours.items()}, origin)
    heard = {name.removeprefix("audio.encoder."): tensor for name, tensor in ours.items()
             if name.startswith("audio.encoder.")}  # fmt: skip
    try:
        codes, dim = sizes.matrix("codebook.codes.weight")
        width, _ = sizes.matrix("satellite.project.2.weight")
        hearing = mgaclap_sizes(heard)
        audio = {**AudioConfig.mga_clap().to_json(), "n_mels": hearing["num_mel_bins"]}
        satellite = satellite_sizes(sizes, satellite_heads, origin)
        context = context_sizes(sizes)
    except KeyError as missing:
        raise CheckpointMismatch(f"{origin}: has no {missing.args[0]}") from None
    except ValueError as problem:
        raise CheckpointMismatch(f"{origin}: {problem}") from None
    return parse(
        ModelConfig,
        {
            "name": f"sat2sound-{seen.name}",
            "reference": True,
            "dim": dim,
            "imagery": seen.model_copy(update={"view_px": view_px or 224}),
            "audio": audio,
            "satellite": {**satellite, "out_dim": width},
            "audio_tower": {"kind": "mga-clap", "clap": hearing},
            "text_tower": text,
            "context": context,
            "heads": HeadConfig(kind="codebook", codes=codes, probabilistic=False),
        },
        origin,
    )
