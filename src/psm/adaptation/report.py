"""Report of an adaptation: whether it is any better, where it is unsure, what to record next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from psm import __version__
from psm.adaptation.judging import Score, calibration_error, label_scores, recalls, standing
from psm.adaptation.pipeline import WORK_NAME, Adaptation
from psm.adaptation.recipe import LEARNS
from psm.adaptation.regionmaps import (
    CommonSound,
    Side,
    Unsure,
    common_sounds,
    draw_both,
    map_both,
    missing_times,
    unsure_places,
)
from psm.calibration import Calibration
from psm.errors import PSMError
from psm.files import atomic_path
from psm.htmlpage import picture, render
from psm.imagery import Provider
from psm.progress import console

REPORT_NAME, NUMBERS_NAME = "report.html", "report.json"

_APART = 10.0  # parts of a tile between places to record next


@dataclass(frozen=True)
class Findings:
    """What the report says, in numbers.

    Attributes:
        standing: share of the others that the right one stands above, before and after.
        recalls: R@10% in each direction, before and after.
        labels: AUC of each label, before and after.
        calibration: ECE of the labels, before and after; ``None`` without labels.
        sounds: the commonest.
        unsure: where to record next; empty without a map.
        missing: times that nobody recorded at.
    """

    standing: Score
    recalls: Sequence[Score]
    labels: Sequence[Score]
    calibration: tuple[float, float] | None
    sounds: Sequence[CommonSound]
    unsure: Sequence[Unsure]
    missing: Sequence[str]


def write_report(done: Adaptation, imagery: Provider | None) -> Path:
    """Write ``report.html`` and ``report.json`` into the folder of an adapted model.

    Args:
        done: the adaptation.
        imagery: of the region, for its maps; without any there are none.

    Returns:
        The page. Imagery that cannot be read leaves out the maps, and both say why.
    """
    inputs, folds, verdict = done.inputs, done.folds, done.verdict
    sounds = common_sounds(inputs.recordings, inputs.phrases)
    maps: dict[str, Any] | None = None
    unsure: list[Unsure] = []
    no_maps = "say by --imagery where pictures of the region come from"
    if imagery is not None and sounds:
        try:
            maps, unsure = _maps(done, imagery, sounds)
        except PSMError as problem:  # the model is worth more than its maps
            no_maps = str(problem)
            console().print(f"No maps: {problem}")
    given = None if inputs.labels is None else inputs.labels.of_recordings.numpy()
    names = () if inputs.labels is None else inputs.labels.names
    findings = Findings(
        standing=standing(folds, verdict),
        recalls=recalls(folds, verdict),
        labels=[] if given is None else label_scores(folds, verdict, names, given),
        calibration=None
        if given is None
        else (
            calibration_error(folds, verdict.before, given),
            calibration_error(folds, verdict.after, given),
        ),
        sounds=sounds,
        unsure=unsure,
        missing=missing_times(inputs.recordings),
    )
    with atomic_path(done.folder / NUMBERS_NAME) as aside:
        aside.write_text(json.dumps(_numbers(done, findings), indent=1) + "\n")
    curve = picture(_draw_gains(done), _said_of_gains(done))
    page = render(
        "psm.adaptation",
        done=done,
        findings=findings,
        answer=answer(done, findings),
        choice=_choice(done),
        statement=done.model.provenance.statement,
        maps=maps,
        no_maps=no_maps,
        curve=curve,
        version=__version__,
    )
    path = done.folder / REPORT_NAME
    with atomic_path(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def _maps(
    done: Adaptation, imagery: Provider, sounds: Sequence[CommonSound]
) -> tuple[dict[str, Any], list[Unsure]]:
    """The picture of the commonest sounds, and where the model is unsure of them."""
    recordings = done.inputs.recordings
    found = map_both(
        Side(done.before, Calibration.find(done.start.folder)),
        Side(done.model, done.calibration),
        imagery,
        recordings,
        sounds,
        done.folder / WORK_NAME / "stores",
    )
    drawn = draw_both(found, sounds, recordings, done.folder / "maps.png")
    now = [after for _, after in found]
    return picture(drawn, _said_of_maps(sounds)), unsure_places(
        now, recordings, done.folds.tile_km / _APART
    )


def answer(done: Adaptation, findings: Findings) -> str:
    """Whether the model has become any better, in one or two sentences that promise nothing more.

    Args:
        done: the adaptation.
        findings: its numbers.
    """
    if done.verdict.choice is None:
        return (
            "No: at places that were left out, nothing that was tried gains more than chance. The "
            "model stays as it was, calibrated anew. More recordings, at more places, may help."
        )
    found = findings.standing
    told = (
        "at places that it had not learnt from, the right answer stands above "
        f"{found.after:.0%} of the others, and above {found.before:.0%} before"
    )
    if found.is_clear and found.gain > 0.0:
        return f"Yes: {told}; the interval of the difference leaves out zero."
    if found.gain > 0.0:
        return f"Probably: {told}; with so few sites the interval of the difference holds zero."
    return f"Perhaps not: {told}. It was chosen by all groups together, but does not last."


def _choice(done: Adaptation) -> str:
    choice = done.verdict.choice
    return "nothing" if choice is None else f"{LEARNS[choice.learns]}, {choice.step} steps"


def _numbers(done: Adaptation, findings: Findings) -> dict[str, Any]:
    """``report.json``."""
    verdict, folds = done.verdict, done.folds
    return {
        "version": __version__,
        "start": done.start.name,
        "model": done.model.config.name,
        "recordings": len(done.inputs),
        "sites": folds.sites,
        "folds": len(folds),
        "apart_km": folds.apart_km,
        "tile_km": folds.tile_km,
        "choice": None if verdict.choice is None else asdict(verdict.choice),
        "gains": [{**asdict(choice), "gain": gain} for choice, gain in verdict.gains.items()],
        "standing": asdict(findings.standing),
        "recalls": [asdict(score) for score in findings.recalls],
        "labels": [asdict(score) for score in findings.labels],
        "calibration_error": findings.calibration,
        "record_next": {
            "places": [asdict(place) for place in findings.unsure],
            "times": list(findings.missing),
        },
    }


def _draw_gains(done: Adaptation) -> Path:
    """Gain of every recipe at held-out places by the number of steps."""
    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    axes = figure.subplots()
    for recipe in done.recipes:
        ours = {c.step: gain for c, gain in done.verdict.gains.items() if c.learns == recipe.learns}
        steps = sorted(ours)
        axes.plot([0, *steps], [0.0, *(ours[s] for s in steps)], marker=".",
                  label=LEARNS[recipe.learns])  # fmt: skip
    axes.axhline(0.0, color="0.6", linestyle="--", linewidth=1)
    axes.set(xlabel="steps", ylabel="gain in standing", xscale="symlog")
    shown = [0, *sorted({choice.step for choice in done.verdict.gains})]
    axes.set_xticks(shown, [str(step) for step in shown])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    path = done.folder / "gains.png"
    with atomic_path(path) as aside:
        figure.savefig(aside, dpi=160)
    return path


def _said_of_gains(done: Adaptation) -> str:
    gains = done.verdict.gains
    best = max(gains, key=lambda choice: gains[choice])
    return (
        f"Gain at places left out, by steps: largest with {LEARNS[best.learns]} after {best.step} "
        f"steps, {gains[best]:+.3f}."
    )


def _said_of_maps(sounds: Sequence[CommonSound]) -> str:
    names = ", ".join(sound.phrase for sound in sounds)
    return f"Maps of {names}: before, after, and how unsure the model is afterwards."


def say(done: Adaptation, page: Path) -> None:
    """Print what came of it, in a few lines.

    Args:
        done: the adaptation.
        page: its report.
    """
    before, after = done.verdict.before, done.verdict.after
    for name in before.hits:
        one, other = float(np.mean(before.hits[name])), float(np.mean(after.hits[name]))
        console().print(f"R@10% {name}: {one:.3f} before, {other:.3f} after, at places left out")
    console().print(f"{done.folder}: the model; {page}: whether it is any better")
