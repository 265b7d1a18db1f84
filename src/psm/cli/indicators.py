"""``psm profile --indicator``: numbers of a whole soundscape at one place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from psm.cli import query_options
from psm.cli.asking import classed, require_calibrated
from psm.cli.options import Features, open_seen
from psm.cli.running.speaking import Answer, answer_line, written

ALL = "all"
"""Stands for every indicator."""


def profile_of_indicators(
    names: Sequence[str],
    model: str,
    precision: Literal["auto", "float32", "bfloat16"],
    imagery: str | None,
    imagery_set: list[str] | None,
    features: Features,
    *,
    lat: float,
    lon: float,
    zoom: int | None,
    vocabulary: Path | None,
    out: Path | None,
) -> Answer:
    """Ask a place, and write a picture and a table of it, or the table alone.

    Raises:
        ConfigError: there is no such indicator, or the model has no calibration.
    """
    from psm.cli.running.columns import aligned
    from psm.cli.running.models import load_model
    from psm.indicators import INDICATORS, indicator_named, profile_indicators

    wanted = [*INDICATORS] if ALL in names else list(dict.fromkeys(names))
    indicators = [indicator_named(name) for name in wanted]
    sounds = classed(vocabulary)
    loaded = load_model(model, precision=precision)
    calibration = query_options.calibration_of(model, raw=False)
    require_calibrated(calibration, model)
    found = profile_indicators(
        loaded,
        open_seen(imagery, imagery_set, loaded, features=features),
        indicators,
        lat=lat,
        lon=lon,
        zoom=zoom,
        calibration=calibration,
        vocabulary=sounds,
    )
    rows = [found.highest(indicator) for indicator in indicators]
    for line in aligned(rows):
        answer_line(line)
    path = out or Path("runs/profiles") / f"{lat:.2f}_{lon:.2f}.indicators.png"
    files = [written(found.write_csv(path.with_suffix(".csv")))]
    if path.suffix.lower() != ".csv":
        files.insert(0, written(found.write_picture(path)))
    return lambda: {
        "lat": lat,
        "lon": lon,
        "model": found.model,
        "provenance": found.provenance.summary,
        "calibration": found.calibration,
        "indicators": rows,
        "files": [f"{file}" for file in files],
    }
