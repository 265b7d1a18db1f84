"""Plans as files: a table, waypoints for a navigator, points, and a picture for the field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

import psm
from psm.cartography import marginalia
from psm.cartography.mapdrawing import draw_map
from psm.cartography.style import (
    COLOURS,
    DIM,
    INK,
    PAPER,
    colour_bar,
    colour_range,
    figure_style,
    fit_text,
    new_figure,
)  # fmt: skip
from psm.cartography.towns import draw_towns
from psm.cartography.window import Window
from psm.errors import ConfigError
from psm.files import atomic_path
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.points import write_places
from psm.planning.plan import Plan

_WIDTH_IN, _HEAD_IN, _FOOT_IN = 9.0, 0.85, 1.1
_HIGHEST_IN = 7.5
_GPX = "http://www.topografix.com/GPX/1/1"


def write_plan(plan: Plan, path: Path) -> Path:
    """Write a plan as what the suffix of the path says; complete or absent.

    Args:
        plan: of sites.
        path: ``.csv``, ``.geojson``, ``.gpx`` (GPX 1.1, waypoints) or ``.png``.

    Returns:
        The path.

    Raises:
        ConfigError: another suffix, or a picture of a globe.
    """
    check_suffix(path)
    return WRITERS[path.suffix.lower()](plan, path)


def check_suffix(path: Path) -> None:
    """Refuse a file of which there is no writer.

    Raises:
        ConfigError: another suffix.
    """
    if path.suffix.lower() not in WRITERS:
        raise ConfigError(f"{path}: no format for {path.suffix!r}; choose {', '.join(WRITERS)}")


def _write_points(plan: Plan, path: Path) -> Path:
    return write_places(plan.rows, path, told=plan.about)


def _write_gpx(plan: Plan, path: Path) -> Path:
    root = Element("gpx", version="1.1", creator=f"psm {psm.__version__}", xmlns=_GPX)
    SubElement(SubElement(root, "metadata"), "desc").text = "; ".join(
        f"{name}: {value}" for name, value in plan.about.items()
    )
    for row in plan.rows:
        point = SubElement(root, "wpt", lat=f"{row['lat']}", lon=f"{row['lon']}")
        SubElement(point, "name").text = f"{row['site']}"
        SubElement(
            point, "desc"
        ).text = (
            f"{row['place']}; months {row['months']}; hours {row['hours']}; adds {row['adds']:.1%}"
        )
        SubElement(point, "sym").text = "Flag, Blue"
    ElementTree.indent(root)
    with atomic_path(path) as aside:
        text = ElementTree.tostring(root, encoding="unicode")
        aside.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', encoding="utf-8")
    return path


def _write_png(plan: Plan, path: Path, *, width_px: int = 1350) -> Path:
    """What is left of the error in every cell, with the sites and their numbers."""
    cells = plan.places.cells
    frame = cells.frame
    if frame.is_globe:
        raise ConfigError(f"{path}: a picture is of a region; say --region, or write .csv or .gpx")
    window = Window.of(frame)
    map_in = min(_HIGHEST_IN, window.shape * 0.96 * _WIDTH_IN)
    height = _HEAD_IN + map_in + _FOOT_IN
    left = cells.raster(plan.error)
    with figure_style():
        figure = new_figure(_WIDTH_IN, height, width_px)
        title = figure.text(
            0.02, 1.0 - 0.12 / height, _title(plan),
            va="top", fontsize=17, weight="bold",
        )  # fmt: skip
        fit_text(title, room=0.95, smallest_pt=10.0)
        figure.text(
            0.02, 1.0 - 0.5 / height,
            f"with all of them {plan.sites[-1].left:.0%} of today's expected squared error is left"
            f" · {plan.recorders} recorders, {len(plan.months)} months",
            va="top", fontsize=10, color=DIM,
        )  # fmt: skip
        axes = figure.add_axes((0.02, _FOOT_IN / height, 0.96, map_in / height))
        drawing = draw_map(
            axes, frame, COLOURS["slate"], colour_range(None, left, frame=frame),
            has_data=np.isfinite(left), width_px=width_px,
        )  # fmt: skip
        drawing.show(left)
        top = max(layer.get_zorder() for layer in axes.get_children())
        draw_towns(axes, window, size_pt=6.5, zorder=top + 1.0)
        chosen = [site.cell for site in plan.sites]
        x, y = window.project(cells.lon[chosen], cells.lat[chosen])
        axes.scatter(x, y, s=95, color="#c2410c", edgecolors=PAPER, linewidths=1.0, zorder=top + 3)
        for number, (east, north) in enumerate(zip(x, y, strict=True), start=1):
            axes.text(
                east, north, f"{number}", ha="center", va="center", fontsize=6, color=PAPER,
                weight="bold", zorder=top + 4,
            )  # fmt: skip
        if len(plan.existing):
            x, y = window.project(plan.existing[:, 1], plan.existing[:, 0])
            axes.scatter(x, y, s=40, marker="^", color=INK, edgecolors=PAPER, zorder=top + 2)
        bar = figure.add_axes((0.03, 0.78 / height, 0.34, 0.1 / height))
        words = "expected error left, share of that of an empty map"
        colour_bar(bar, drawing.image, words, small=True)
        if window.is_all_earth:
            marginalia.scale_bar(
                figure, window, inches_per_unit=0.96 * _WIDTH_IN / window.width,
                left_in=0.45 * _WIDTH_IN, bottom_in=0.78, longest_in=2.0,
            )  # fmt: skip
        marked = "numbers: sites, the first adds most"
        marked += "; triangles: recorders that are there" if len(plan.existing) else ""
        figure.text(0.985, 0.78 / height, marked, ha="right", fontsize=7.5, color=DIM)
        credit = " · ".join(
            [plan.about.get("statement", ""), plan.about.get("model", ""), f"psm {psm.__version__}",
             plan.places.attribution]
        ).strip(" ·")  # fmt: skip
        text = figure.text(0.985, 0.08 / height, credit, ha="right", color=DIM, fontsize=5.5)
        fit_text(text, room=0.96, smallest_pt=4.0)
        return save_figure(
            figure, path, title=f"{len(plan.sites)} sites to record at",
            rights=f"{plan.places.attribution}; licence: {plan.places.licence}",
            tags={"software": f"psm {psm.__version__}", **plan.about},
        )  # fmt: skip


def _title(plan: Plan) -> str:
    about = plan.about.get("for")
    wish = f" for {about}" if about else ""
    return f"Where to listen next{wish}: {len(plan.sites)} sites"


WRITERS: dict[str, Callable[[Plan, Path], Path]] = {
    ".csv": _write_points,
    ".geojson": _write_points,
    ".gpx": _write_gpx,
    ".png": _write_png,
}
"""What writes a file of each suffix."""
