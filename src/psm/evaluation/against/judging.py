"""``psm evaluate --against``: reads both sides, compares them, writes numbers, pictures, a page."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table

from psm import __version__
from psm.evaluation.against.comparing import Comparison
from psm.evaluation.against.layers import is_raster, read_layer
from psm.evaluation.against.pictures import draw_residuals, draw_scatter, draw_variogram
from psm.evaluation.against.prediction import Prediction, on_one_grid, points_of, sampled
from psm.evaluation.against.scores import Estimate, Scores, is_binary
from psm.evaluation.against.truth import Truth, read_table
from psm.evaluation.against.variogram import in_km
from psm.files import atomic_path
from psm.htmlpage import picture, render

NUMBERS_NAME, PAGE_NAME, ERRORS_NAME = "against.json", "against.html", "against-errors.csv"

MOST_ASKED = 5_000
"""Of more points, a model is asked about so many: each place has to be looked at."""

COLUMNS = {
    "spearman": "Spearman", "auc": "AUC", "r2": "R²", "bias": "bias", "rmse": "RMSE", "ece": "ECE",
    "coverage": "within 90 %", "width": "width",
}  # fmt: skip
"""Scores by what tables call them."""


def truth_of(
    path: Path, *, value: str | None = None, columns: Mapping[str, str] | None = None
) -> Truth:
    """What was measured, of a table of points or a raster.

    Args:
        path: CSV, TSV, Parquet; or GeoTIFF, NetCDF, Zarr.
        value: the column or band that was measured.
        columns: names of a table's other columns, by ours.

    Returns:
        The points.

    Raises:
        MissingData, ConfigError: it cannot be read as either.
    """
    if is_raster(path):
        return points_of(read_layer(path, band=value, option="--value"))
    return read_table(path, value=value, columns=columns)


def of_map(
    path: Path,
    map_path: Path,
    *,
    value: str | None = None,
    columns: Mapping[str, str] | None = None,
    band: str | None = None,
    any_time: bool = False,
) -> tuple[Truth, Prediction]:
    """What was measured, and what a map file says there.

    Args:
        path: of the truth, see :func:`truth_of`.
        map_path: GeoTIFF, NetCDF or Zarr, as ``psm map`` writes them or anybody else.
        value, columns: of the truth.
        band: of the map.
        any_time: compare whatever month and hour both are of.

    Returns:
        Both at the same points.

    Raises:
        MissingData, ConfigError: one of them cannot be read, or they have no time in common.
    """
    layer = read_layer(map_path, band=band)
    if not is_raster(path):
        truth = truth_of(path, value=value, columns=columns)
    else:
        measured, layer = on_one_grid(read_layer(path, band=value, option="--value"), layer)
        truth = points_of(measured)
    return truth, sampled(layer, truth.points, any_time=any_time)


def write_comparison(found: Comparison, out: Path) -> list[Path]:
    """Write all of a comparison into a folder: numbers, errors, pictures and a page of them.

    Args:
        found: the comparison.
        out: the folder; it is made.

    Returns:
        The files.
    """
    out.mkdir(parents=True, exist_ok=True)
    numbers, page = out / NUMBERS_NAME, out / PAGE_NAME
    with atomic_path(numbers) as aside:
        told = {"version": __version__, **found.to_json()}
        aside.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n")
    drawn = {
        "scatter": draw_scatter(found),
        "residuals": draw_residuals(found),
        "variogram": draw_variogram(found),
    }
    pictures = {name: out / f"against-{name}.png" for name in drawn}
    for name, figure in drawn.items():
        with atomic_path(pictures[name]) as aside:
            figure.savefig(aside, format="png")
    alts = _alts(found)
    text = render(
        "psm.evaluation.against",
        found=found,
        columns=columns_of(found),
        rows=[("the map", found.scores), *found.baselines.items()],
        is_binary=is_binary(found.truth.value),
        sentence=sentence(found),
        show=show,
        in_km=in_km,
        version=__version__,
        **{name: picture(path, alts[name]) for name, path in pictures.items()},
    )
    with atomic_path(page) as aside:
        aside.write_text(text, encoding="utf-8")
    return [numbers, page, _write_errors(found, out / ERRORS_NAME), *pictures.values()]


def comparison_table(found: Comparison) -> Table:
    """The scores of the map and of the baselines, each with its interval.

    Args:
        found: the comparison.

    Returns:
        A table for the terminal.
    """
    columns = columns_of(found)
    table = Table(
        title=f"{found.prediction.name} against {found.truth.name}: {len(found.truth):,} points "
        f"in {found.scores.blocks} blocks",
        title_justify="left", box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1),
        caption="\n".join([sentence(found), found.variogram.words, *found.remarks]),
        caption_justify="left",
    )  # fmt: skip
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(COLUMNS[name], justify="right", no_wrap=True)
    rows: list[tuple[str, Scores]] = [("the map", found.scores), *found.baselines.items()]
    for number, (name, scores) in enumerate(rows):
        cells = [show(scores.of.get(column)) for column in columns]
        table.add_row(name, *cells, style="bold" if number == 0 else "")
    return table


def columns_of(found: Comparison) -> list[str]:
    """Names of the scores that the map has.

    Args:
        found: the comparison.

    Returns:
        The names, in the order of tables.
    """
    return [name for name in COLUMNS if name in found.scores.of]


def sentence(found: Comparison) -> str:
    """Whether the map tells more than the best that the column alone tells.

    Args:
        found: the comparison.

    Returns:
        One sentence; empty without baselines.
    """
    if not found.gains:
        return ""
    name = min(found.gains, key=lambda other: found.gains[other].value)
    least, score = found.gains[name], COLUMNS[found.gained]
    told = f"{score} {least.value:+.2f} against {name}, the best of the column alone"
    if least.interval is None:
        said = f"The map: {told}."
    else:
        low, high = least.interval
        beats = "tells more than its rivals" if low > 0.0 else "is on a par with its best rival"
        beats = "tells less than a rival" if high < 0.0 else beats
        said = f"The map {beats}: {told} (95 % interval {low:+.2f} to {high:+.2f})."
    return said.replace("-", "\u2212")


def show(estimate: Estimate | None) -> str:
    """A score and its interval for people.

    Args:
        estimate: the score; ``None`` where there is none.

    Returns:
        As ``0.81 (0.77–0.85)``; a dash where nothing is known.
    """
    if estimate is None or not np.isfinite(estimate.value):
        return "–"
    digits = 3 if abs(estimate.value) < 0.1 else 2
    value = f"{estimate.value:.{digits}f}"
    if estimate.interval is None:
        return value
    low, high = (f"{end:.{digits}f}" for end in estimate.interval)
    between = " to " if estimate.interval[0] < 0.0 else "–"
    return f"{value} ({low}{between}{high})".replace("-", "\u2212")


def _write_errors(found: Comparison, path: Path) -> Path:
    """Every point with what was measured and what is predicted, as a table."""
    points, ends = found.truth.points, found.prediction.interval
    columns = {
        "lat": points.lat, "lon": points.lon, "month": points.month, "hour": points.hour,
        "measured": found.truth.value, "predicted": found.prediction.value,
        **({} if ends is None else {"lower": ends[0], "upper": ends[1]}),
        "error": found.error, "block": found.block,
    }  # fmt: skip
    with atomic_path(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow("" if np.isnan(value) else f"{value:.7g}" for value in row)
    return path


def _alts(found: Comparison) -> dict[str, str]:
    value = found.scores.of["spearman"].value
    return {
        "scatter": f"Predicted against measured at {len(found.truth):,} points; rank correlation "
        f"{value:.2f}.",
        "residuals": "Map of the errors: orange where the map says too much, purple where too "
        "little.",
        "variogram": f"Semivariogram of the errors: {found.variogram.words}.",
    }
