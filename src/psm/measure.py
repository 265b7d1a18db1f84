"""The whole measure of a model on the simulated Earth: retrieval, and maps against the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psm.data.corpus import Corpus
from psm.earth.tiles import Imagery
from psm.evaluation.mapreport import MapReport, map_table
from psm.evaluation.maps import evaluate_maps
from psm.evaluation.plots import (
    plot_reliability,
    plot_retrieval,
    plot_risk_coverage,
    plot_sounds,
)
from psm.evaluation.protocol import evaluate_retrieval
from psm.evaluation.report import RetrievalReport, retrieval_table
from psm.files import atomic_path
from psm.mapping import Cells, EmbeddedCells, embed_cells
from psm.model import PSM
from psm.progress import console


@dataclass(frozen=True)
class Measured:
    """What :func:`measure` found, and the embedded cells it was found on."""

    retrieval: RetrievalReport
    maps: MapReport
    cells: EmbeddedCells


def measure(
    model: PSM, earth: Path, out: Path, *, seed: int = 0, step_deg: float = 1.0, thin: int = 2
) -> Measured:
    """Measure a model, print the tables, write JSON and plots into ``out``.

    Args:
        model: in evaluation mode.
        earth: folder of shards; their test split is the gallery.
        out: receives ``retrieval.json``, ``maps.json`` and the plots.
        seed: of the bootstrap.
        step_deg: grid of the maps.
        thin: maps meet the truth on every ``thin``-th row and column of that grid.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    retrieval = measure_retrieval(model, earth, out, seed=seed)
    zoom = model.config.imagery.zooms[0]
    cells = embed_cells(model, Imagery.load(), Cells.globe(step_deg), zoom)
    lat, lon = cells.cells.lat, cells.cells.lon
    row, column = np.floor(lat / step_deg), np.floor(lon / step_deg)
    kept = (row % thin == 0) & (column % thin == 0)
    maps = evaluate_maps(model, cells.features[kept], lat=lat[kept], lon=lon[kept])
    console().print(map_table(maps))
    _write_json(maps.to_json(), out / "maps.json")
    figures = {"reliability": plot_reliability(maps), "sounds": plot_sounds(maps)}
    if maps.risk:
        figures["risk-coverage"] = plot_risk_coverage(maps)
    for name, figure in figures.items():
        with atomic_path(out / f"{name}.png") as path:
            figure.savefig(path, dpi=110)
    return Measured(retrieval, maps, cells)


def measure_retrieval(model: PSM, earth: Path, out: Path, *, seed: int = 0) -> RetrievalReport:
    """Retrieval alone: any shards will do, also those of the real Earth.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    imagery = model.config.imagery
    zoom = imagery.zooms[0]
    corpus = Corpus.load(earth, "test", zooms=(zoom,), view_px=imagery.view_px)
    report = evaluate_retrieval(model, corpus, zoom=zoom, seed=seed)
    console().print(retrieval_table((*report.rows, *report.reference)))
    _write_json(report.to_json(), out / "retrieval.json")
    with atomic_path(out / "retrieval.png") as path:
        plot_retrieval([report]).savefig(path, dpi=110)
    return report


def _write_json(values: object, path: Path) -> None:
    with atomic_path(path) as aside:
        aside.write_text(json.dumps(values, indent=1) + "\n")
