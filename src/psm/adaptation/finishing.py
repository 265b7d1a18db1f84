"""Finishing of an adaptation: the model folder, and probabilities fitted by the folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from psm import checkpoints
from psm.adaptation import judging
from psm.adaptation.inputs import Inputs
from psm.adaptation.judging import Choice, Encoded, Judged
from psm.adaptation.placefolds import PlaceFolds
from psm.adaptation.recipe import LEARNS
from psm.calibration import Calibration
from psm.config import Experiment
from psm.errors import ConfigError
from psm.evaluation import calibrationfit
from psm.gallery import Gallery
from psm.inference.coveragefit import fit_coverage
from psm.inference.familiarityfit import fit_familiarity
from psm.inference.gallerymaking import keep_gallery
from psm.inference.uncertaintyfit import fit_uncertainty, seen
from psm.model import PSM
from psm.progress import console
from psm.provenance import DataSet
from psm.training import Start

_LEAST_LABELS, _LEAST_POSITIVES = 8, 10  # for shares of labels to be judged on labels left out


def save_model(
    model: PSM,
    start: Start,
    experiment: Experiment,
    inputs: Inputs,
    folds: PlaceFolds,
    choice: Choice | None,
    data: Path,
    out: Path,
) -> PSM:
    """Write the model and what belongs to it; the first fold stands for what was held out."""
    told = "as it was" if choice is None else f"{LEARNS[choice.learns]}, {choice.step} steps"
    training = experiment.training
    experiment = experiment.model_copy(
        update={
            "model": experiment.model.model_copy(update={"name": out.resolve().name}),
            "training": training.model_copy(
                update={"started_from": f"{training.started_from}, adapted: {told}"}
            ),
        }
    )
    held, learnt = (np.flatnonzero(folds.fold == 0), np.flatnonzero(folds.fold != 0))
    model.experiment = experiment
    model.requires_grad_(False)
    used = DataSet.of(data, inputs.recordings)
    model.provenance = start.provenance(used)
    known, judged = (inputs.corpus.part(rows) for rows in (learnt, held))
    model.uncertainty = (
        fit_uncertainty(model, seen(model, known), seen(model, judged), inputs.phrases)
        if inputs.phrases
        else None
    )
    model.coverage = fit_coverage(model, known, judged)
    gallery = keep_gallery(model, inputs.corpus, out)
    model.familiarity = None if gallery is None else fit_familiarity(model, known, judged, gallery)
    model.save_pretrained(out, experiment)
    return PSM.from_pretrained(out)


def calibrate_by_folds(
    model: PSM, inputs: Inputs, folds: PlaceFolds, encoded: Sequence[Encoded], out: Path
) -> Calibration | None:
    """Probabilities fitted to what each fold's model says of recordings that it did not learn from.

    Without labels there is none: captions are of few recordings, and each is its own.
    """
    (out / checkpoints.CALIBRATION_NAME).unlink(missing_ok=True)
    if inputs.labels is None:
        console().print("Not calibrated: the recordings carry no labels of sounds")
        return None
    given = inputs.labels.of_recordings.numpy()
    pairs = judging.pairs(folds, Judged.of(folds, encoded), given)
    gallery = Gallery.find(out) if _has_many(given) else None
    with torch.inference_mode():
        queries = model.text_head(inputs.label_texts)
    try:
        fit = calibrationfit.fit(
            model,
            [r for r in inputs.recordings if r.sounds],
            pairs,
            task="sounds",
            split="folds of places",
            gallery=gallery,
            queries=queries,
        )
    except ConfigError as problem:
        console().print(f"Not calibrated: {problem}")
        return None
    fit.calibration.save(out)
    return Calibration.find(str(out))


def _has_many(given: np.ndarray) -> bool:
    """Whether there are labels enough to judge shares on labels left out."""
    return int((given.sum(0) >= _LEAST_POSITIVES).sum()) >= _LEAST_LABELS
