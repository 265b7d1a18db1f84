"""What the pictures of the report show, in a sentence each, for those who cannot see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from PIL import Image

from psm.evaluation.mapreport import MapReport
from psm.evaluation.retrieval import COMPOSED, CONTEXT, IMAGE
from psm.evaluation.retrievalreport import RetrievalReport
from psm.geodata.gazetteer import near
from psm.mapping.outputs.truthsheet import AGREEMENT

_MONTHS = {"01": "January", "07": "July"}


def of_maps(query: str, rasters: Sequence[Path]) -> str:
    """Where and when a sound is likeliest, over the maps of several moments."""
    best: tuple[float, str, str] = (-1.0, "", "")
    means: dict[str, float] = {}
    for path in rasters:
        month, hour = path.stem.rsplit("-", 2)[1:]
        moment = f"{_MONTHS.get(month, month)} at {hour.removesuffix('h')}:00"
        with rasterio.open(path) as raster:
            values = raster.read(1)
            if not np.isfinite(values).any():
                continue
            row, column = np.unravel_index(np.nanargmax(values), values.shape)
            lon, lat = raster.xy(row, column)
        where = near(lat=lat, lon=lon) or f"at {lat:.0f}°, {lon:.0f}°"
        best = max(best, (float(values[row, column]), where, moment))
        means[moment] = float(np.nanmean(values))
    if not means:
        return f"Where {query} would be heard: no cell has a value."
    high, low = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    return (
        f"Where {query} would be heard, {len(means)} world maps: likeliest {best[1]} in {best[2]} "
        f"({best[0]:.2f}); on average most in {high} ({means[high]:.2f}) and least in {low} "
        f"({means[low]:.2f})."
    )


def of_truth(query: str, sheet: Path) -> str:
    """How far a map agrees with its truth, as its picture says."""
    with Image.open(sheet) as picture:
        told = picture.info[AGREEMENT]
    return f"A map of {query}, the truth, and their difference. {told}."


def of_retrieval(report: RetrievalReport) -> str:
    """Recall of the model with little, much and most knowledge, beside chance and oracle."""
    if report.rows[0].too_few is not None:
        return f"Recall: {report.rows[0].too_few} test recordings are too few to tell."
    known = {row.query: row.r_at_10pct for row in report.rows
             if (row.direction, row.restriction) == ("image_to_audio", "all")}  # fmt: skip
    names = {IMAGE: "the image alone", CONTEXT: "all context", COMPOSED: "the caption too"}
    told = [f"{known[query]:.2f} with {name}" for query, name in names.items()
            if known.get(query) is not None]  # fmt: skip
    oracle = report.row("place+time+source").r_at_10pct
    best = "" if oracle is None else f"; an oracle that knows all context reaches {oracle:.2f}"
    return f"Recall of the right sound for a place: {', '.join(told)}; chance is 0.10{best}."


def of_sounds(report: MapReport) -> str:
    """The best and the worst sound."""
    judged = [score for score in report.sounds if np.isfinite(score.spearman)]
    if not judged:
        return "Agreement of map and truth by sound: none can be judged."
    best, worst = (pick(judged, key=lambda score: score.spearman) for pick in (max, min))
    return (
        f"Rank correlation of map and truth for {len(judged)} sounds: best {best.sound} "
        f"({best.spearman:.2f}), worst {worst.sound} ({worst.spearman:.2f}), median "
        f"{report.median('spearman'):.2f}."
    )


def of_reliability(report: MapReport) -> str:
    """Whether the maps say too much or too little, and how far off they are."""
    curve = report.reliability
    filled = curve.count > 0
    drawn, true = (np.average(values[filled], weights=curve.count[filled])
                   for values in (curve.predicted, curve.truth))  # fmt: skip
    kind = "too high" if drawn > true else "too low"
    return (
        f"Match probability against true probability: on average {drawn:.3f} is drawn where "
        f"{true:.3f} is true, {kind}; the calibration error is {curve.ece:.3f}."
    )


def of_risk(report: MapReport) -> str:
    """What leaving out the least certain half is worth."""
    name, curve = next(iter(report.risk.items()))
    half = float(np.interp(0.5, curve.coverage, curve.risk))
    change = "lowers" if half < curve.random else "does not lower"
    return (
        f"Leaving out the half of the cells that is least certain by {name} {change} the mean "
        f"error: {half:.3f} instead of {curve.random:.3f}."
    )


def of_training(log: Sequence[Mapping[str, Any]]) -> str:
    """Where loss and recall began and ended."""
    first, last = log[0], log[-1]
    loss = f"Training loss from {first['train/loss']:.2f} to {last['train/loss']:.2f}"
    began, ended = (row["val/image_context_to_audio_r10"] for row in (first, last))
    if began is None or ended is None:
        return f"{loss} over {last['epoch']} epochs; too few validation recordings for a recall."
    return (
        f"{loss} over {last['epoch']} epochs; validation recall with context from {began:.2f} to "
        f"{ended:.2f}, where chance is 0.10."
    )
