"""What answers say as JSON: the same words for the same things, whichever command gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from psm.cli.running.speaking import Document

if TYPE_CHECKING:
    from psm.evaluation.against.comparing import Comparison
    from psm.explaining import Explanation
    from psm.mapping import Moment, SoundscapeMap
    from psm.mapping.profile import Profile
    from psm.model import PSM

_DIGITS = 6


def of_map(
    found: SoundscapeMap, places: Iterable[Mapping[str, object]], files: Iterable[Path]
) -> Document:
    """A map: what was asked, its statistics, its best places and the files that were written."""
    rate = None if found.scale is None else found.scale.base_rate
    return {
        "query": found.query.tags,
        "moment": of_moment(found.moment),
        "model": found.model,
        "zoom": found.zoom,
        "calibration": found.calibration,
        "approximation": found.approximation or None,
        "provenance": found.provenance.summary,
        "familiarity": None if found.familiarity is None else found.familiarity.summary,
        "base_rate": None if rate is None else round(rate, _DIGITS),
        "attribution": found.attribution,
        "licence": found.licence,
        "not_covered": found.not_covered_share,
        "cells": int(np.isfinite(found.values()).sum()),
        "statistics": {band.name: _statistics(found, band.name) for band in found.bands},
        "places": list(places),
        "files": [str(path) for path in files],
    }


def of_recordings(
    rows: Iterable[Mapping[str, object]], moment: Moment, model: PSM, files: Iterable[Path]
) -> Document:
    """Recordings that were found for a place."""
    return {
        "moment": of_moment(moment),
        "model": model.config.name,
        "provenance": model.provenance.summary,
        "recordings": list(rows),
        "files": [str(path) for path in files],
    }


def of_captions(
    rows: Iterable[Mapping[str, object]],
    place: tuple[float, float],
    moment: Moment,
    model: PSM,
    files: Iterable[Path],
) -> Document:
    """Captions that were ranked for a place."""
    return {
        "lat": place[0],
        "lon": place[1],
        "moment": of_moment(moment),
        "model": model.config.name,
        "provenance": model.provenance.summary,
        "captions": list(rows),
        "files": [str(path) for path in files],
    }


def of_profile(found: Profile, files: Iterable[Path]) -> Document:
    """A place through day and year."""
    about = {name: value for name, value in found.to_json().items() if name != "sounds"}
    return {**about, "sounds": sounds_of(found), "files": [str(path) for path in files]}


def of_explanation(found: Explanation, files: Iterable[Path]) -> Document:
    """A heat map over a view: its numbers, what they stand on, and the files that were written."""
    about = {"query": found.found.query.tags, "moment": of_moment(found.found.moment)}
    return {**found.to_json(), **about, "files": [str(path) for path in files]}


def sounds_of(found: Profile) -> list[dict[str, Any]]:
    """The sounds of a place, likeliest first: how likely they are at best, and when that is."""
    return [
        {
            "probability": round(float(found.probability[row].max()), _DIGITS),
            "sound": found.texts[row],
            **dict(zip(("month", "hour"), found.peak(row), strict=True)),
        }
        for row in found.loudest()
    ]


def of_evaluation(model: PSM, files: Sequence[Path]) -> Document:
    """What was measured: the contents of the JSON files that were written, by their names."""
    tables = [path for path in files if path.suffix == ".json"]
    return {
        "model": model.config.name,
        "provenance": model.provenance.summary,
        "results": {path.stem: json.loads(path.read_text()) for path in tables},
        "files": [str(path) for path in files],
    }


def of_comparison(found: Comparison, files: Iterable[Path]) -> Document:
    """A map against what was measured: all numbers, and the files that were written."""
    return {**found.to_json(), "files": [str(path) for path in files]}


def of_moment(moment: Moment) -> dict[str, Any]:
    """A moment: what is not known is null."""
    return {"month": moment.month, "hour": moment.hour, "utc": moment.utc, "words": f"{moment}"}


def _statistics(found: SoundscapeMap, name: str) -> dict[str, float | None]:
    """Least, greatest and average value of a band, each cell counting by its area."""
    values = found.values(name)
    known = np.isfinite(values)
    if not known.any():
        return {"min": None, "mean": None, "max": None}
    area = np.broadcast_to(found.frame.row_km2[:, None], values.shape)[known]
    seen = values[known].astype(float)
    told = {"min": seen.min(), "mean": (seen * area).sum() / area.sum(), "max": seen.max()}
    return {name: round(float(value), _DIGITS) for name, value in told.items()}
