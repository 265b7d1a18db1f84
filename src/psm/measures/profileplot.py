"""Figure and numbers of a measure at one place: the day across and the year down."""

from __future__ import annotations

import calendar
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import psm
from psm.cartography.style import COLOURS, DIM, PAPER, colour_bar, figure_style
from psm.files import atomic_path
from psm.imagery import Provider
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.profileplot import place_name
from psm.mapping.profile import HOURS, MONTHS
from psm.measures.drawing import query_of
from psm.measures.measure import Measure
from psm.provenance import TAG

_SIZE_IN, _DPI = (7.2, 4.0), 130


def to_json(
    measure: Measure, found: Float[np.ndarray, "3 12 24"], *, lat: float, lon: float
) -> dict[str, Any]:
    """All numbers, by month and local hour.

    Args:
        measure: what was asked.
        found: of :func:`psm.measures.profile_measure`.
        lat, lon: the place, degrees.
    """
    about = measure.about
    month, hour = np.unravel_index(int(found[0].argmax()), (MONTHS, HOURS))
    return {
        "lat": lat,
        "lon": lon,
        "measure": about.name,
        "unit": about.unit,
        "model": about.model,
        "provenance": about.provenance.summary,
        "highest": {"value": float(found[0].max()), "month": int(month) + 1, "hour": int(hour)},
        **{
            name: part.round(5).tolist()
            for name, part in zip(("value", "lower", "upper"), found, strict=True)
        },
        "software": f"psm {psm.__version__}",
    }


def write_measure_profile(
    measure: Measure,
    provider: Provider,
    found: Float[np.ndarray, "3 12 24"],
    path: Path,
    *,
    lat: float,
    lon: float,
) -> list[Path]:
    """Draw a measure through day and year, and write its numbers as JSON beside the picture.

    Args:
        measure, found, lat, lon: as of :func:`to_json`.
        provider: of the imagery.
        path: PNG or SVG; complete or absent.

    Returns:
        The picture and the table.
    """
    numbers = to_json(measure, found, lat=lat, lon=lon)
    about, (value,) = measure.about, measure.bands[:1]
    with figure_style():
        figure = Figure(figsize=_SIZE_IN, dpi=_DPI, facecolor=PAPER)
        FigureCanvasAgg(figure)
        figure.text(0.03, 0.95, place_name(lat=lat, lon=lon), va="top", fontsize=15, weight="bold")
        when = numbers["highest"]
        width = float((found[2] - found[1]).mean())
        words = [
            f"highest in {calendar.month_name[when['month']]} at {when['hour']:02d} h",
            f"intervals of 90 % are {width:.3g} wide on average", about.provenance.badge,
        ]  # fmt: skip
        figure.text(0.03, 0.86, " · ".join(filter(None, words)), va="top", fontsize=9, color=DIM)
        axes = figure.add_axes((0.08, 0.27, 0.88, 0.5))
        image = axes.imshow(
            found[0], cmap=COLOURS[value.colours], aspect="auto", interpolation="nearest",
            extent=(-0.5, HOURS - 0.5, MONTHS - 0.5, -0.5),
        )  # fmt: skip
        axes.set_xticks(range(0, HOURS, 3))
        axes.set_yticks(range(0, MONTHS, 2), [calendar.month_abbr[m + 1] for m in range(0, 12, 2)])
        axes.tick_params(labelsize=7, colors=DIM, length=2, width=0.5)
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = figure.add_axes((0.08, 0.14, 0.4, 0.03))
        colour_bar(bar, image, value.label, small=True)
        credit = f"{about.provenance.statement} · {about.model} · psm {psm.__version__}"
        figure.text(0.985, 0.02, f"{credit} · {provider.attribution}", ha="right", va="bottom",
                    color=DIM, fontsize=5)  # fmt: skip
        tags = {
            "lat": f"{lat:g}", "lon": f"{lon:g}", **query_of(measure).tags,
            TAG: about.provenance.tag, "software": f"psm {psm.__version__}",
        }  # fmt: skip
        drawn = save_figure(
            figure, path, title=f"{value.label}, {place_name(lat=lat, lon=lon)}",
            rights=f"{provider.attribution}; licence: {provider.licence}", tags=tags,
            kind="svg" if path.suffix.lower() == ".svg" else "png",
        )  # fmt: skip
    table = path.with_suffix(".json")
    with atomic_path(table) as aside:
        aside.write_text(json.dumps(numbers) + "\n")
    return [drawn, table]
