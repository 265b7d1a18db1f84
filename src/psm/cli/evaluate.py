"""``psm evaluate``: retrieval and maps of a model, measured; a map against anybody's numbers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from psm.cli import against_options
from psm.cli.against_options import Against
from psm.cli.options import (
    EARTH,
    MODEL,
    PRETRAINED,
    AsLearnt,
    Data,
    FeaturesOption,
    FeaturesSet,
    ImageryOption,
    ImagerySet,
    PrecisionOption,
    Seed,
)
from psm.cli.running.speaking import Answer, answer_line, answering


class Protocol(StrEnum):
    """Other people's protocols of evaluation."""

    PSM2024 = "psm2024"
    SAT2SOUND = "sat2sound"
    MTEB = "mteb"


@answering
def evaluate(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Model folder, or a hub id; that of the demo, of --query the one included.",
        ),
    ] = None,
    data: Data = EARTH,
    out: Annotated[Path, typer.Option(help="Folder for JSON and plots.")] = Path("runs/evaluation"),
    maps: Annotated[
        bool, typer.Option(help="Also hold the maps of every simulated sound against the truth.")
    ] = False,
    step: Annotated[float, typer.Option(help="Grid of the maps, degrees.")] = 1.0,
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            help="psm2024, sat2sound: the tables of the papers. mteb: MTEB's SoundingEarth, from "
            "the hub, or --data (folder or hub id)."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What those tables call the model; its own by default.")
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(help="Name the real recordings in this folder instead, by the 28 phrases."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(help="CSV with their file and sound; manifest.csv in the folder by default."),
    ] = None,
    against: against_options.AgainstOption = None,
    query: against_options.QueryOption = None,
    map_file: against_options.MapOption = None,
    value: against_options.ValueOption = None,
    column: against_options.ColumnOption = None,
    band: against_options.BandOption = None,
    month: against_options.MonthOption = None,
    hour: against_options.HourOption = None,
    any_time: against_options.AnyTimeOption = False,
    imagery: ImageryOption = None,
    imagery_set: ImagerySet = None,
    features: FeaturesOption = None,
    features_set: FeaturesSet = None,
    zoom: Annotated[int | None, typer.Option(help="Of --query: zoom level of the imagery.")] = None,
    raw: AsLearnt = False,
    baselines: against_options.BaselinesOption = True,
    seed: Seed = 0,
    precision: PrecisionOption = "auto",
) -> Answer:
    """Measure a model on the test split, beside chance and the oracles of the simulated Earth.

    R@10% and the other recalls in both directions, for the image alone, with context and composed
    with a caption; whole gallery and same source only; 95 % intervals by bootstrap over cells.

    `--protocol psm2024` asks what the PSM paper asks instead, at every zoom of the model's imagery
    and for each subset of the context, and writes `psm2024.json`, `.md` and `.tex`; `--protocol
    sat2sound` what Sat2Sound asks, captions of places too; `--protocol mteb` MTEB's retrieval of
    images by recordings and back on SoundingEarth. Safe to interrupt: what is encoded is kept in
    `OUT/features`. `psm tables` joins several models.

    On the simulated Earth a table follows of who sees and who hears: what is lost by the location
    side, what by the audio side, and which of the hidden layers the image features know.

    `--against` holds a map against numbers that somebody measured: Spearman, AUC, R², bias,
    calibration, all with intervals over spatial blocks, beside what the column alone tells; a
    variogram and a map of the errors. Examples:

    `psm evaluate --against points.csv --value heard --query frogs`

    `psm evaluate --against levels.tif --map mine.tif`
    """
    import torch

    from psm.calibration import Calibration
    from psm.cli.running import documents
    from psm.cli.running.models import load_model
    from psm.errors import ConfigError
    from psm.evaluation.protocols.joining import PROTOCOLS
    from psm.evaluation.protocols.measuring import measure_mteb, measure_sat2sound
    from psm.evaluation.protocols.mtebdata import DEFAULT_TASKS
    from psm.evaluation.suite import (
        measure,
        measure_psm2024,
        measure_recordings,
        measure_retrieval,
    )

    if (protocol is not None) + maps + (recordings is not None) + (against is not None) > 1:
        raise ConfigError("--maps, --protocol, --recordings and --against: choose one")
    if against is not None:
        asked = Against(
            against, query, map_file, value, column, band, month, hour, any_time, imagery,
            imagery_set, zoom, raw, baselines, seed, (features, features_set),
        )  # fmt: skip
        return asked.run(model or PRETRAINED, precision, out)
    model = model or str(MODEL)
    loaded = load_model(model, precision=precision)
    before = _files(out)
    told = f"{out}: tables as JSON, plots as PNG"
    if recordings is not None:
        measure_recordings(loaded, recordings, out, manifest=manifest, name=name)
        told = f"{out}: recordings.json"
    elif protocol is not None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if protocol is Protocol.MTEB:
            origins = DEFAULT_TASKS if data == EARTH else (str(data),)
            measure_mteb(loaded.to(device), origins, out, name=name)
        else:
            measure_by = {Protocol.PSM2024: measure_psm2024, Protocol.SAT2SOUND: measure_sat2sound}
            measure_by[protocol](loaded.to(device), data, out, name=name, seed=seed)
        told = f"{out}: {PROTOCOLS[protocol].names}"
    elif maps:
        calibration = Calibration.find(model)
        measure(
            loaded, data, out, seed=seed, step_deg=step, calibration=calibration, indicators=True
        )
    else:
        measure_retrieval(loaded, data, out, seed=seed)
    answer_line(told)
    new = [path for path, written in _files(out).items() if before.get(path) != written]
    return lambda: documents.of_evaluation(loaded, new)


def _files(folder: Path) -> dict[Path, int]:
    """Files of a folder, and when they were written."""
    every = sorted(folder.iterdir()) if folder.is_dir() else []
    return {path: path.stat().st_mtime_ns for path in every if path.is_file()}
