"""Evaluation of a model, with its files: retrieval, map truth, the paper's protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from psm.calibration import Calibration
from psm.earth.recaption import held_out_sounds
from psm.earth.worlds import World, world_of
from psm.evaluation.indicatortruth import evaluate_indicators, indicator_table
from psm.evaluation.knownfaults import known_faults
from psm.evaluation.mapreport import MapReport, map_table
from psm.evaluation.maptruth import evaluate_maps
from psm.evaluation.papertables import paper_tables
from psm.evaluation.plots import (
    plot_reliability,
    plot_retrieval,
    plot_risk_coverage,
    plot_sound_reliability,
    plot_sounds,
)
from psm.evaluation.probing.seeing import SeeingReport, look_and_listen, seeing_table
from psm.evaluation.protocols.writing import write_typeset
from psm.evaluation.psm2024 import RESULT_NAME, Psm2024Result, ResultsFile, evaluate_psm2024
from psm.evaluation.retrieval import evaluate_retrieval
from psm.evaluation.retrievalreport import ENOUGH, RetrievalReport, retrieval_table
from psm.evaluation.soundcalibration import (
    LAND,
    RECORDINGS,
    SoundCalibration,
    against_recordings,
    sounds_table,
)
from psm.evaluation.zeroshot import ZeroShotReport, name_recordings, zeroshot_table
from psm.features import seen_through
from psm.files import atomic_path
from psm.imagery import BlueMarble
from psm.inference.split import SplitFeatures, encode_split
from psm.mapping import Cells, EmbeddedCells, embed_cells
from psm.model import PSM
from psm.progress import console, wide_console


@dataclass(frozen=True)
class ModelEvaluation:
    """The reports of a model, and the embedded cells that its maps were drawn on.

    ``seeing`` is ``None`` where there were too few recordings for probes.
    """

    retrieval: RetrievalReport
    maps: MapReport
    cells: EmbeddedCells
    seeing: SeeingReport | None = None


def measure(
    model: PSM,
    earth: Path,
    out: Path,
    *,
    seed: int = 0,
    step_deg: float = 1.0,
    thin: int = 2,
    calibration: Calibration | None = None,
    indicators: bool = False,
) -> ModelEvaluation:
    """Measure a model, print the tables, write JSON and plots into ``out``.

    Args:
        model: in evaluation mode.
        earth: folder of shards; their test split is the gallery, and their world the truth. Sounds
            that its captions leave out (:mod:`psm.earth.recaption`) are also reported apart.
        out: receives ``retrieval.json``, ``seeing.json``, ``maps.json`` and the plots.
        seed: of the bootstrap.
        step_deg: grid of the maps.
        thin: maps meet the truth on every ``thin``-th row and column of that grid.
        calibration: of the model; its maps are judged beside those as learnt.
        indicators: whether indicators are held against their truth too (``indicators.json``),
            which takes a calibration.

    Returns:
        The reports, and the embedded cells.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
        CheckpointMismatch: the calibration is of other weights.
    """
    zoom = model.config.imagery.zooms[0]
    features = encode_split(model, earth, zooms=(zoom,))
    world = world_of(earth)
    retrieval, seeing = _measure_retrieval(model, features, zoom, out, seed=seed, world=world)
    seen = seen_through(model.config, BlueMarble(world.name))
    cells = embed_cells(model, seen, Cells.globe(step_deg), zoom)
    lat, lon = cells.cells.lat, cells.cells.lon
    row, column = np.floor(lat / step_deg), np.floor(lon / step_deg)
    kept = (row % thin == 0) & (column % thin == 0)
    if cells.not_covered is not None:
        console().print(
            f"{int(cells.not_covered.sum()):,} of {len(lat):,} cells are not covered by what the "
            "model learnt: maps leave them out, and so do the figures below"
        )
        kept &= ~cells.not_covered
    maps = evaluate_maps(
        model,
        cells.features[kept],
        lat=lat[kept],
        lon=lon[kept],
        calibration=calibration,
        apart=held_out_sounds(earth),
        world=world,
    )
    console().print(map_table(maps))
    for fault in known_faults(maps):
        console().print(f"Known to be wrong. {fault}")
    recorded = _against_recordings(model, features, zoom, maps, calibration, world)
    _write_json({**maps.to_json(), "recordings": recorded}, out / "maps.json")
    if indicators and calibration is not None:
        scores = evaluate_indicators(
            model, cells.features[kept], lat=lat[kept], lon=lon[kept], calibration=calibration,
            world=world,
        )  # fmt: skip
        console().print(indicator_table(scores))
        _write_json({score.name: score.to_json() for score in scores}, out / "indicators.json")
    figures = {"reliability": plot_reliability(maps), "sounds": plot_sounds(maps)}
    figures["sound-reliability"] = plot_sound_reliability(maps)
    if maps.risk:
        figures["risk-coverage"] = plot_risk_coverage(maps)
    for name, figure in figures.items():
        with atomic_path(out / f"{name}.png") as path:
            figure.savefig(path)
    return ModelEvaluation(retrieval, maps, cells, seeing)


def _against_recordings(
    model: PSM,
    features: SplitFeatures,
    zoom: int,
    maps: MapReport,
    calibration: Calibration | None,
    world: World,
) -> dict[str, Any]:
    """Judge each sound where recordings were made too, and print that beside the maps."""
    found: dict[tuple[str, str], SoundCalibration] = {}
    kinds = {"as learnt": None} | ({"calibrated": calibration} if calibration else {})
    for kind, report in (("as learnt", maps), ("calibrated", maps.calibrated)):
        if report is not None and report.by_sound is not None:
            found[LAND, kind] = report.by_sound
    for kind, one in kinds.items():
        judged = against_recordings(model, features, zoom=zoom, calibration=one, world=world)
        if judged is not None:
            found[RECORDINGS, kind] = judged
    console().print(sounds_table(found))
    return {kind: one.to_json() for (truth, kind), one in found.items() if truth == RECORDINGS}


def measure_retrieval(model: PSM, earth: Path, out: Path, *, seed: int = 0) -> RetrievalReport:
    """Measure retrieval alone: any shards will do, also those of the real Earth.

    On the simulated Earth the table of who sees and who hears follows.

    Args:
        model: in evaluation mode.
        earth: folder of shards; their test split is the gallery.
        out: receives ``retrieval.json``, ``retrieval.png`` and, on the simulated Earth,
            ``seeing.json``.
        seed: of the bootstrap.

    Returns:
        The report that was printed and written.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    zoom = model.config.imagery.zooms[0]
    features = encode_split(model, earth, zooms=(zoom,))
    return _measure_retrieval(model, features, zoom, out, seed=seed, world=world_of(earth))[0]


def _measure_retrieval(
    model: PSM, features: SplitFeatures, zoom: int, out: Path, *, seed: int, world: World
) -> tuple[RetrievalReport, SeeingReport | None]:
    report = evaluate_retrieval(model, features, zoom=zoom, seed=seed, world=world)
    console().print(retrieval_table((*report.rows, *report.reference)))
    _say_too_few(len(features))
    _write_json(report.to_json(), out / "retrieval.json")
    with atomic_path(out / "retrieval.png") as path:
        plot_retrieval([report]).savefig(path)
    seeing = look_and_listen(model, features, zoom=zoom, seed=seed, world=world)
    if seeing is not None:
        console().print(seeing_table(seeing))
        _write_json(seeing.to_json(), out / "seeing.json")
    return report, seeing


def measure_recordings(
    model: PSM, folder: Path, out: Path, *, manifest: Path | None = None, name: str | None = None
) -> ZeroShotReport:
    """Measure how often real recordings are called by their name among the 28 phrases.

    Args:
        model: in evaluation mode.
        folder: of sound files, with a table of what each is.
        out: receives ``recordings.json``.
        manifest: that table, with ``file`` and ``sound``; ``manifest.csv`` in the folder by
            default.
        name: the model's name in the report; its configured one by default.

    Returns:
        The report that was printed and written.

    Raises:
        MissingData, ConfigError: the table is absent or wrong.
    """
    report = name_recordings(model, folder, manifest, name=name)
    wide_console().print(zeroshot_table(report))
    _write_json(report.to_json(), out / "recordings.json")
    return report


def measure_psm2024(
    model: PSM, data: Path, out: Path, *, name: str | None = None, seed: int = 0
) -> Psm2024Result:
    """Measure retrieval by the paper's protocol, at every zoom of the model.

    Args:
        model: in evaluation mode; it works where it is, on the GPU or not.
        data: folder of shards of the imagery that the model is for.
        out: receives the tables, see :func:`write_tables`, and the features of finished shards.
        name: what the tables call the model; its configured name by default.
        seed: of the bootstrap.

    Returns:
        The result that was printed and written.

    Raises:
        MissingData, CorruptShard, CorruptRecording: the shards are absent or broken.
    """
    zooms = model.config.imagery.zooms
    features = encode_split(model, data, zooms=zooms, keep=out / "features")
    result = evaluate_psm2024(model, features, name=name, seed=seed, world=world_of(data))
    write_tables([result], out)
    _say_too_few(len(features))
    return result


def write_tables(results: Sequence[Psm2024Result], out: Path) -> None:
    """Print the paper's tables and write them as JSON, Markdown and LaTeX.

    Args:
        results: of several models, as :func:`measure_psm2024` returns them or
            :func:`psm.evaluation.psm2024.read_results` reads them.
        out: receives ``psm2024.json``, ``psm2024.md`` and ``psm2024.tex``.

    Raises:
        ConfigError: two models in one table have one name.
    """
    document = ResultsFile(results=tuple(results)).model_dump(mode="json")
    write_typeset(paper_tables(results), document, out / RESULT_NAME)


def _say_too_few(recordings: int) -> None:
    if recordings < ENOUGH:
        console().print(
            f"Recalls: {recordings} test recordings are too few to tell; evaluate on {ENOUGH} at "
            "least, better on some hundreds"
        )


def _write_json(values: object, path: Path) -> None:
    with atomic_path(path) as aside:
        aside.write_text(json.dumps(values, indent=1) + "\n")
