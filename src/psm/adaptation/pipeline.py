"""Adaptation: a trained model, a few hundred recordings, and a model that knows their place.

Every recipe learns from all folds of places but one and is judged by that one; what gains most is
then learnt from all recordings, or nothing is. Each fold is kept when it is done: the same command
goes on after a kill and ends with the same figures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psm.adaptation import judging
from psm.adaptation.finishing import calibrate_by_folds, save_model
from psm.adaptation.fitting import adapt_to, heard_and_seen
from psm.adaptation.inputs import Found, Inputs, find_recordings, load_inputs
from psm.adaptation.judging import START, Choice, Encoded, Judged, Verdict, judge
from psm.adaptation.placefolds import PlaceFolds, place_folds
from psm.adaptation.recipe import LEARNS, Learns, Recipe, recipes_for
from psm.adaptation.seeing import ways_of_seeing
from psm.calibration import Calibration
from psm.config import Experiment
from psm.data.identity import identity
from psm.errors import ConfigError, SettingsChanged
from psm.files import atomic_path, sweep
from psm.locking import alone_in
from psm.model import PSM
from psm.progress import console, track
from psm.tensorfiles import read_tensors, write_tensors
from psm.training import Start

WORK_NAME = "adaptation"
"""Folder of what is kept from one run to the next, inside of that of the model."""

_IDENTITY, _VERSION = "run.json", 1


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What an adaptation came to.

    Attributes:
        start: what it began with.
        before: the model of the start.
        model: the adapted one, or the start again where nothing gained.
        calibration: of the adapted one.
        inputs: the recordings.
        folds: of places.
        recipes: that were tried.
        verdict: scores and choice.
        folder: of the adapted model.
        data: folder of the recordings.
    """

    start: Start
    before: PSM
    model: PSM
    calibration: Calibration | None
    inputs: Inputs
    folds: PlaceFolds
    recipes: tuple[Recipe, ...]
    verdict: Verdict
    folder: Path
    data: Path


def adapt(
    start: Start,
    data: Path,
    out: Path,
    *,
    learns: Learns | None = None,
    seed: int = 0,
    resume: bool = True,
) -> Adaptation:
    """Adapt a trained model to recordings, as far as places that it did not learn from gain by it.

    ``out`` receives the model with its calibration, gallery and what else belongs to it, and
    ``adaptation/`` with what a run after a kill goes on from.

    Args:
        start: the trained model.
        data: folder of shards, as of ``psm data import``; all of train and val is used.
        out: folder of the result.
        learns: which parts; by default what so many recordings can teach, chosen by folds.
        seed: every random choice follows from it.
        resume: go on from what is in ``out``.

    Returns:
        The models and how they were judged.

    Raises:
        MissingData, CorruptShard: the recordings are absent or broken.
        ConfigError: there are too few recordings or places, their sound is framed for another
            model, or another process is at work in ``out``.
        SettingsChanged: ``out`` holds an adaptation of another model, data set or seed.
    """
    begun = PSM.from_pretrained(start.folder)
    if begun.config.reference:
        raise ConfigError(
            f"{start.name}: an imported model keeps the published code's ways; train from it with "
            f"`psm train --from {start.name}`"
        )
    found = find_recordings(begun, data)
    recipes = recipes_for(len(found[1]), learns)
    imagery = begun.config.imagery
    widest_px = max(imagery.zooms) * imagery.view_px
    folds = place_folds(found[1], widest_px * max(r.gsd_m for r in found[1]) / 1000.0)
    work = out / WORK_NAME
    with alone_in(out, "adapting", notes=work):
        sweep(work)
        about = {
            "version": _VERSION,
            "start": start.weights,
            "data": identity(found[0], zooms=imagery.zooms, view_px=imagery.view_px),
            "seed": seed,
            "recipes": [repr(recipe) for recipe in recipes],
        }
        _claim(work, about, resume=resume)
        before, inputs = _best_seen(begun, found, folds, data, work)
        experiment = start.experiment().model_copy(update={"model": before.config})
        _say(inputs, folds, recipes)
        outcomes = _outcomes(before, experiment, inputs, folds, recipes, work, seed)
        verdict = judge(folds, outcomes)
        model = _learnt(before, experiment, inputs, recipes, verdict.choice, seed)
        model = save_model(model, start, experiment, inputs, folds, verdict.choice, data, out)
        calibration = calibrate_by_folds(model, inputs, folds, outcomes[verdict.choice], out)
    return Adaptation(start, before, model, calibration, inputs, folds, recipes, verdict, out, data)


def _best_seen(
    start: PSM, found: Found, folds: PlaceFolds, data: Path, work: Path
) -> tuple[PSM, Inputs]:
    """The start as it sees the recordings best, and what it says of them."""
    ways = ways_of_seeing(start, found[1])
    seen = {
        name: (model, load_inputs(model, found, data, work / f"features-{number}.safetensors"))
        for number, (name, model) in enumerate(ways.items())
    }
    if len(seen) == 1:
        return next(iter(seen.values()))
    standing = {
        name: float(Judged.of(folds, _zero_shot(model, inputs, folds)).standing.mean())
        for name, (model, inputs) in seen.items()
    }
    best = max(standing, key=standing.__getitem__)
    console().print(
        f"Views are {seen[best][0].config.imagery.gsd_m:g} m a pixel, "
        f"{start.config.imagery.gsd_m:g} m for {start.config.name} so far. It is told {best}: "
        + ", ".join(f"{value:.3f} {name}" for name, value in standing.items())
    )
    return seen[best]


def _zero_shot(model: PSM, inputs: Inputs, folds: PlaceFolds) -> list[Encoded]:
    """What a model says of each fold before it has learnt anything there."""
    return [
        heard_and_seen(model, inputs, folds.judged(number), Recipe("heads"))
        for number in range(len(folds))
    ]


def _claim(work: Path, about: dict[str, object], *, resume: bool) -> None:
    """Note whose work lies in a folder; what is of another run is refused, or cleared."""
    note = work / _IDENTITY
    kept = json.loads(note.read_text()) if note.is_file() else None
    if kept not in (None, about) and resume:
        differs = next(name for name in about if kept.get(name) != about[name])
        raise SettingsChanged(
            f"{work.parent}: holds an adaptation of another {differs}; choose another folder, "
            "or start over with --no-resume"
        )
    if kept is None or not resume:
        for path in work.glob("*.safetensors"):
            path.unlink()
        with atomic_path(note) as aside:
            aside.write_text(json.dumps(about, indent=1) + "\n")


def _say(inputs: Inputs, folds: PlaceFolds, recipes: Sequence[Recipe]) -> None:
    labels = 0 if inputs.labels is None else len(inputs.labels.names)
    console().print(
        f"{len(inputs):,} recordings of {folds.sites} sites, {labels} labels; "
        f"{len(folds)} folds of places, {folds.apart_km:.3g} km apart"
    )
    if folds.overlap:
        console().print(
            f"The tiles are {folds.tile_km:.3g} km wide: those of different folds show some of the "
            "same ground, which flatters what was learnt"
        )
    for recipe in recipes:
        console().print(f"Tried: {LEARNS[recipe.learns]}, up to {max(recipe.checkpoints)} steps")


def _outcomes(
    before: PSM,
    experiment: Experiment,
    inputs: Inputs,
    folds: PlaceFolds,
    recipes: Sequence[Recipe],
    work: Path,
    seed: int,
) -> dict[Choice | None, list[Encoded]]:
    """What the start and every choice say of the recordings of each fold."""
    outcomes: dict[Choice | None, list[Encoded]] = {START: _zero_shot(before, inputs, folds)}
    tasks = [(recipe, number) for recipe in recipes for number in range(len(folds))]
    for recipe, number in track(tasks, "folds", len(tasks)):
        judged = folds.judged(number)
        for step in recipe.checkpoints:
            outcomes.setdefault(Choice(recipe.learns, step), [])
        paths = {
            step: work / f"{recipe.learns}-fold{number}-{step:04d}.safetensors"
            for step in recipe.checkpoints
        }
        if not all(path.is_file() for path in paths.values()):
            rows = np.flatnonzero(folds.learnt[number])
            for step, model in adapt_to(
                before, experiment, inputs, rows, recipe, seed=seed + number
            ):
                encoded = heard_and_seen(model, inputs, judged, recipe)
                write_tensors(paths[step], judging.stored(encoded), {"version": _VERSION})
        for step, path in paths.items():
            outcomes[Choice(recipe.learns, step)].append(_read(path, outcomes[START][number]))
    return outcomes


def _read(path: Path, like: Encoded) -> Encoded:
    names = [f"{name}.{part}" for name in like for part in ("mean", "log_var")]
    kept = read_tensors(path, names, version=_VERSION)
    assert kept is not None
    return judging.restored(kept[0])


def _learnt(
    before: PSM,
    experiment: Experiment,
    inputs: Inputs,
    recipes: Sequence[Recipe],
    choice: Choice | None,
    seed: int,
) -> PSM:
    """The model that has learnt from all recordings what was chosen."""
    if choice is None:
        console().print("No fold gains for certain: the model stays as it was")
        return before
    recipe = next(recipe for recipe in recipes if recipe.learns == choice.learns)
    console().print(f"Chosen: {LEARNS[choice.learns]}, {choice.step} steps")
    every = np.arange(len(inputs))
    for step, model in adapt_to(before, experiment, inputs, every, recipe, seed=seed):
        if step == choice.step:
            return model
    raise AssertionError(f"{choice} is no checkpoint of {recipe}")
