"""Model card for the hub, beside the weights; its prose is in ``modelcard.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from psm.config import Experiment, ModelConfig
from psm.encoders.universal import LANGUAGES
from psm.errors import ConfigError, MissingData
from psm.provenance import DataSet, Provenance

_DIRECTIONS = {"image_to_audio": "location → sound", "audio_to_image": "sound → location"}

_LIMITS_PUBLISHED = (
    """ In reference mode 23 h is 0 h and the two poles are one place, as published."""
)
_EVALUATION = """
## Evaluation

Retrieval in the whole test split. R@10% is the share of queries whose answer is in the first tenth
of the gallery (by chance 0.1), with its 95 % interval where there is one.

| query | direction | R@10% | median rank | gallery |
|---|---|---|---|---|
"""


def model_card(
    experiment: Experiment,
    repository: str,
    *,
    provenance: Provenance | None = None,
    is_trained: bool = True,
    license: str | None = None,
    datasets: Sequence[str] = (),
    results: Path | None = None,
) -> ModelCard:
    """What the model is, what it was trained on, how good it is, and how to use it.

    Args:
        experiment: the model, and the recipe that it was trained by.
        repository: ``owner/name`` on the hub.
        provenance: what the model learnt from.
        is_trained: whether the recipe is known; without it nothing is said of training.
        license: of the weights, by the hub's word for it.
        datasets: hub ids of what it was trained on, where its provenance does not say.
        results: a ``retrieval.json`` of ``psm evaluate``.

    Raises:
        MissingData: there is no such file of results.
        ConfigError: it is not one of ``psm evaluate``.
    """
    model = experiment.model
    rows = [] if results is None else _rows(results)
    languages = _languages(model)
    known = provenance or Provenance()
    if not known.trained_on:
        known = Provenance(trained_on=tuple(DataSet(name=name) for name in datasets))
    on_hub = [data.name for data in known.trained_on if data.is_on_hub]
    data = ModelCardData(
        language=list(languages) if len(languages) > 1 else languages[0],
        license=license,
        library_name="psm",
        pipeline_tag="feature-extraction",
        tags=["soundscape-mapping", "geospatial", "remote-sensing", "audio", "satellite-imagery",
              "multimodal", "probabilistic-embeddings", "cross-modal-retrieval"],
        datasets=on_hub or None,
        base_model=_base_models(model) or None,
        model_name=model.name if any(r["r_at_10pct"] is not None for r in rows) else None,
        eval_results=[_metadata(r, on_hub) for r in rows if r["r_at_10pct"] is not None]
        or None,
    )  # fmt: skip
    prose = Template((resources.files("psm") / "modelcard.md").read_text())
    text = prose.substitute(
        _description(model),
        summary=experiment.summary,
        repository=repository,
        training=_training(experiment, known, is_trained),
        evaluation=_EVALUATION + "".join(map(_line, rows)) if rows else "",
        limits=known.limits + (_LIMITS_PUBLISHED if model.reference else ""),
        licence=license or "None was stated for the weights: ask who published them.",
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}")


def _description(model: ModelConfig) -> dict[str, Any]:
    imagery, audio, text = model.imagery, model.audio_tower, model.text_tower
    zooms = ", ".join(map(str, imagery.zooms))
    languages = _languages(model)
    read = "English" if languages == ("en",) else f"{len(languages)} languages"
    kind = "Gaussians" if model.heads.probabilistic else "points"
    return {
        "name": model.name,
        "space": f"{model.dim} dimensions, {kind}",
        "imagery": f"{imagery.name}, {imagery.gsd_m:g} m a pixel at zoom 1; zoom {zooms}",
        "context": ", ".join(model.context.fields) if model.context.depth else "none",
        "audio": f"{audio.kind}, {model.audio.clip_s:g} s at {model.audio.sample_rate_hz} Hz",
        "text": f"{text.kind}, {read}, up to {text.max_tokens} tokens",
        "read": read,
        "view_px": imagery.view_px,
        "gsd_m": imagery.gsd_m,
    }


def _languages(model: ModelConfig) -> tuple[str, ...]:
    """That the text tower reads, by ISO 639."""
    return LANGUAGES if model.text_tower.kind == "universal" else ("en",)


def _base_models(model: ModelConfig) -> list[str]:
    """Hub ids that the towers started from; a folder or a package has none."""
    towers = (model.audio_tower.weights, model.text_tower.weights)
    ids = {name for name in towers if name and name.count("/") == 1 and not Path(name).exists()}
    backbone = model.satellite.weights or ""
    if backbone.startswith("hf://"):
        ids.add("/".join(backbone.removeprefix("hf://").split("/")[:2]))
    return sorted(ids)


def _training(experiment: Experiment, provenance: Provenance, is_trained: bool) -> str:
    model, recipe = experiment.model, experiment.training
    sentences = ["Its recipe is not recorded."]
    if model.reference:
        sentences = ["Imported from a published checkpoint; it answers as that one did."]
    elif is_trained:
        sentences = [
            f"{recipe.epochs} epochs, batches of {recipe.batch_size}, the {experiment.loss.kind} "
            f"loss, learning rate {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}."
        ]
    if recipe.hold_out:
        sentences.append(f"Recordings that show any of {recipe.hold_out} were left out.")
    sentences.append(f"{provenance.statement}.")
    sentences += [_data(data) for data in provenance.trained_on]
    if calibrated := provenance.calibrated_on:
        sentences.append(f"Calibrated on {calibrated.words}.")
    if bases := _base_models(model):
        sentences.append(f"Started from {', '.join(bases)}.")
    return "\n".join(sentences)


def _data(data: DataSet) -> str:
    """A data set, where it is from and under which licences."""
    if data.is_on_hub:
        return f"Data: [{data.name}](https://huggingface.co/datasets/{data.name})."
    told = [f"Data: {data.words}"]
    if data.countries:
        told.append(f"countries of the nearest towns: {_counted(data.countries)}")
    if data.licences:
        told.append(f"licences: {_counted(data.licences)}")
    return f"{'; '.join(told)}."


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _line(row: Mapping[str, Any]) -> str:
    bounds = row.get("ci95")
    interval = f" ({bounds[0]:.3f}–{bounds[1]:.3f})" if bounds else ""
    score = "–" if row["r_at_10pct"] is None else f"{row['r_at_10pct']:.3f}"
    return (
        f"| {row['query']} | {_DIRECTIONS[row['direction']]} | {score}{interval} "
        f"| {row['median_rank']:g} | {row['gallery']:g} |\n"
    )


def _metadata(row: Mapping[str, Any], trained_on: Sequence[str]) -> EvalResult:
    data = trained_on[0] if len(trained_on) == 1 else "test split"
    return EvalResult(
        task_type="feature-extraction",
        task_name=f"{row['query']}, {_DIRECTIONS[row['direction']]}",
        dataset_type=data,
        dataset_name=data,
        dataset_split="test",
        metric_type="recall",
        metric_name="R@10%",
        metric_value=round(float(row["r_at_10pct"]), 4),
    )


def _rows(results: Path) -> list[dict[str, Any]]:
    """The rows of the whole gallery and all sources in a file of ``psm evaluate``."""
    if not results.is_file():
        raise MissingData(f"{results}: no such file; psm evaluate writes retrieval.json")
    try:
        rows = [
            row
            for row in json.loads(results.read_text())["retrieval"]
            if (row["restriction"], row["source"]) == ("all", "all")
        ]
        "".join(map(_line, rows))  # all that a line needs is there
    except (ValueError, KeyError, TypeError, IndexError):
        raise ConfigError(f"{results}: not a retrieval.json of psm evaluate") from None
    return rows
