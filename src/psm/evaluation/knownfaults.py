"""Known faults: what the figures of map truth say is wrong with a model, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psm.evaluation.mapreport import MIN_CASES, MapReport

_FOLLOWS = 0.5
"""Rank correlation below which a map hardly follows the truth."""
_RIGHT = 0.65
"""Share of cells of the right sign below which a contrast is no better than half known."""
_TIMES = 2.0
"""Factor by which the mean of a sound may be off."""
_CONTRASTS = {
    "day_night": "day and night",
    "north": "summer and winter of the north",
    "south": "summer and winter of the south",
}


def known_faults(report: MapReport) -> tuple[str, ...]:
    """What is known to be wrong, the worst of each kind first; nothing where nothing is.

    Args:
        report: of maps against the truth; where it has calibrated maps, their means are judged.
    """
    return (*_unlike(report), *_turned(report), *_scaled(report.calibrated))


def _unlike(report: MapReport) -> Iterator[str]:
    scores = sorted(report.sounds, key=lambda score: score.spearman)
    bad = [f"{s.sound} ({s.spearman:.2f})" for s in scores if s.spearman < _FOLLOWS]
    if bad:
        yield f"Maps that hardly follow the truth (rank correlation): {', '.join(bad)}."


def _turned(report: MapReport) -> Iterator[str]:
    names = [score.sound for score in report.sounds]
    for contrast, words in _CONTRASTS.items():
        if contrast not in report.signs:
            continue
        score = report.signs[contrast]
        judged = np.flatnonzero((score.cases >= MIN_CASES) & (score.correct < _RIGHT))
        order = judged[np.argsort(score.correct[judged])]
        bad = [f"{names[k]} ({score.correct[k]:.0%})" for k in order]
        if bad:
            yield f"Often the wrong way round between {words} (cells right): {', '.join(bad)}."


def _scaled(calibrated: MapReport | None) -> Iterator[str]:
    if calibrated is None or calibrated.by_sound is None:
        return
    found = calibrated.by_sound
    drawn, true = (np.maximum(means, 1e-6) for means in (found.mean_drawn, found.mean_true))
    off = np.log(np.divide(drawn, true))
    order = [k for k in np.argsort(-np.abs(off)) if abs(off[k]) > np.log(_TIMES)]
    bad = [f"{found.sounds[k]} ({_percent(drawn[k])}, truly {_percent(true[k])})" for k in order]
    if bad:
        yield f"Drawn far too likely or unlikely on average: {', '.join(bad)}."


def _percent(value: float) -> str:
    return f"{100.0 * value:.1f} %"
