"""Import of checkpoints of the published implementation.

The sizes of every encoder are read from the shapes of the weights, every tensor is accounted for,
and nothing in the file is executed: PyTorch's allow-list unpickler reads it and names what it
refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from psm import checkpoints
from psm.config import Experiment, LossConfig, ModelConfig
from psm.encoders.transformertower import read_tokenizer
from psm.errors import CheckpointMismatch
from psm.model import PSM
from psm.provenance import DataSet, Provenance
from psm.published import common
from psm.published.sat2sound import FLAN_T5, Sat2SoundReport, import_sat2sound, is_sat2sound
from psm.published.sizes import model_config
from psm.weightfiles import DERIVED, read_weights, require_numbers

CLAP_TOKENIZER = "laion/clap-htsat-fused"
"""What cuts the captions of the published PSM into tokens."""

_HEAD = {"mean_head": "mean", "head": "mean", "std_head": "log_var"}
_TOWER = {"sat_encoder.encoder": "location", "audio_encoder": "audio", "text_encoder": "text"}
_SATELLITE = r"sat_encoder\.encoder"
_FUSER = r"sat_encoder\.encoder\.meta_fuser"

# Published name, and ours with the groups of the first filled in.
_RULES: tuple[tuple[str, str], ...] = (
    (rf"{_SATELLITE}\.backbone\.fc_norm\.(\w+)", r"satellite.norm.\1"),
    (rf"{_FUSER}\.cls_token", "fusion.cls"),
    (r"(audio|text)_encoder\.model\.model\.(.+)", r"\1.model.\2"),
    (r"criterion\.(shift|negative_scale)", r"\1"),
)


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
    text_weights: str = FLAN_T5,
    fields: Sequence[str] | None = None,
) -> ImportReport | Sat2SoundReport:
    """Turn a published Lightning checkpoint into a folder for :meth:`PSM.from_pretrained`.

    Its tensors tell whether it is one of PSM or of Sat2Sound.

    Args:
        path: of the ``.ckpt``, or of a plain state dict, pickled or safetensors.
        out: the folder to write.
        imagery: ``sentinel``, ``bingmap`` or ``googleEarth``, where the file does not say.
        tokenizer: hub id or folder of the text tower's tokenizer, whose files go along; by default
            CLAP's, or the one beside ``text_weights``.
        view_px: side of a view, where the file does not say: no tensor tells.
        satellite_heads, text_heads: attention heads, which no shape tells; by default one for every
            64 features, as published.
        text_weights: hub id or folder of the T5 that a Sat2Sound model reads with; it is not in
            the checkpoint, and the folder will name it.
        fields: of the context, those that a Sat2Sound model is to keep; by default all.

    Raises:
        MissingData: no such file.
        ForeignPickle: the file wants to run code.
        CheckpointMismatch: it is no checkpoint of either, or a tensor is unknown, of another shape
            or without finite numbers.
        ConfigError: imagery, view or number of heads must be given, or there is no tokenizer.
    """
    content = read_weights(Path(path))
    published, settings = common.state_dict(content, str(path)), common.settings_of(content)
    require_numbers(published, str(path))
    if is_sat2sound(published):
        return import_sat2sound(
            published,
            settings,
            out,
            imagery=imagery,
            text_weights=text_weights,
            tokenizer=tokenizer,
            view_px=view_px,
            satellite_heads=satellite_heads,
            fields=fields,
            origin=str(path),
        )
    seen = imagery or common.imagery_of(settings, str(path))
    view_px = view_px or common.view_px_of(settings, str(path))
    tokenizer = tokenizer or CLAP_TOKENIZER
    read_tokenizer(tokenizer)  # first, as it may be missing, and the model takes a while
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
    data = common.DATA[found.config.imagery.name]
    model.provenance = Provenance(trained_on=(DataSet(name=data),))
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
        common.require_one_number({**ours, **published}.get(name), name, origin)
    model = common.built(config, tokenizer, origin)
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
    if found := common.shared_name(published, satellite=_SATELLITE, fuser=_FUSER):
        return found
    if match := re.fullmatch(r"(.+)\.(mean_head|std_head|head)\.linear([12])\.(\w+)", published):
        tower = _TOWER.get(match[1])
        return tower and f"{tower}_head.{_HEAD[match[2]]}.{common.LAYER[match[3]]}.{match[4]}"
    return None


def rename(published: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors under our names, and the published names that no rule knows."""
    named = {name: our_name(name) for name in published}
    ours = {new: published[old] for old, new in named.items() if new is not None}
    return ours, [old for old, new in named.items() if new is None]
