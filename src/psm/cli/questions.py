"""What models are asked: ``psm evaluate``, ``psm tables``, ``psm map``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from psm.cli.options import EARTH, MODEL, Data, Model, PrecisionOption, Seed, file_name

Together = Literal["blend", "all", "any"]


class Protocol(StrEnum):
    """Other people's protocols of evaluation."""

    PSM2024 = "psm2024"


def evaluate(
    model: Model = str(MODEL),
    data: Data = EARTH,
    out: Annotated[Path, typer.Option(help="Folder for JSON and plots.")] = Path("runs/evaluation"),
    maps: Annotated[
        bool, typer.Option(help="Also hold the maps of every simulated sound against the truth.")
    ] = False,
    step: Annotated[float, typer.Option(help="Grid of the maps, degrees.")] = 1.0,
    protocol: Annotated[
        Protocol | None, typer.Option(help="psm2024: the tables of the PSM paper.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What those tables call the model; its own by default.")
    ] = None,
    seed: Seed = 0,
    precision: PrecisionOption = "auto",
) -> None:
    """Measure a model on the test split, beside chance and the oracles of the simulated Earth.

    R@10% and the other recalls in both directions, for the image alone, with context and composed
    with a caption; whole gallery and same source only; 95 % intervals by bootstrap over cells.

    `--protocol psm2024` asks what the PSM paper asks instead, at every zoom of the model's imagery
    and for each subset of the context, and writes `psm2024.json`, `.md` and `.tex`. Safe to
    interrupt: encoded shards are kept in `OUT/features`. `psm tables` joins several models.
    """
    import torch

    from psm import PSM
    from psm.calibration import Calibration
    from psm.errors import ConfigError
    from psm.measure import measure, measure_psm2024, measure_retrieval

    if protocol is not None and maps:
        raise ConfigError("--maps and --protocol: choose one")
    loaded = PSM.from_pretrained(model, precision=precision)
    if protocol is not None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        measure_psm2024(loaded.to(device), data, out, name=name, seed=seed)
        typer.echo(f"{out}: psm2024.json, psm2024.md, psm2024.tex")
        return
    if maps:
        calibration = Calibration.find(model)
        measure(loaded, data, out, seed=seed, step_deg=step, calibration=calibration)
    else:
        measure_retrieval(loaded, data, out, seed=seed)
    typer.echo(f"{out}: tables as JSON, plots as PNG")


def tables(
    results: Annotated[
        list[Path], typer.Argument(help="Folders or files of psm evaluate --protocol psm2024.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the joined tables.")] = Path("runs/tables"),
) -> None:
    """Join the results of several models, baselines and imageries into the paper's tables.

    Models that were asked the same of the same recordings share a table.
    """
    from psm.evaluation.psm2024 import read_results
    from psm.measure import write_tables

    write_tables(read_results(results), out)
    typer.echo(f"{out}: psm2024.json, psm2024.md, psm2024.tex")


def draw_map(
    text: Annotated[
        list[str] | None, typer.Argument(help="What to listen for: frogs, frogs*2, frogs|toads.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--not", help="What not to hear, written in the same way."),
    ] = None,
    audio: Annotated[
        list[str] | None, typer.Option(help="A recording to look for; may be given several times.")
    ] = None,
    match: Annotated[
        Together,
        typer.Option(help="Several terms: blend (something like both), all of them, or any."),
    ] = "blend",
    audio_source: Annotated[
        str | None, typer.Option(help="Archive that is meant: yfcc, inat, aporee, freesound.")
    ] = None,
    caption_source: Annotated[
        str | None, typer.Option(help="Captions that are meant: meta, qwen, pengi.")
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Ask every text in several wordings.")
    ] = False,
    month: Annotated[int | None, typer.Option(help="1..12; unknown by default.")] = None,
    hour: Annotated[
        float | None, typer.Option(help="Local solar time, the same in every cell.")
    ] = None,
    utc: Annotated[
        float | None, typer.Option(help="One instant: every cell has its own local hour.")
    ] = None,
    zoom: Annotated[
        list[int] | None, typer.Option(help="Zoom level of the imagery; several are mixed.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="The match probability as learnt, not calibrated.")
    ] = False,
    step: Annotated[float, typer.Option(help="Cell size in degrees.")] = 1.0,
    animate: Annotated[
        str | None, typer.Option(help="`hours` or `months`: a GIF beside the map.")
    ] = None,
    model: Model = str(MODEL),
    precision: PrecisionOption = "auto",
    out: Annotated[Path | None, typer.Option(help="GeoTIFF to write; the PNG lies beside.")] = None,
) -> None:
    """Draw where on Earth a sound would be heard: a cloud-optimised GeoTIFF and a picture.

    Several texts and recordings make one query, see `--match`; `*2` weighs a term, `|` stands
    between wordings of one thing, `--not` shuts a term out. Calibrated after `psm calibrate`.
    Examples:

    `psm map "church bells" --month 12 --hour 18`

    `psm map "songbirds*2" "a stream|a brook" --not traffic --month 5 --hour 6`

    `psm map "dawn chorus" --month 5 --utc 4 --animate hours`
    """
    from psm import PSM, mapping
    from psm.calibration import Calibration
    from psm.errors import ConfigError
    from psm.imagery import BlueMarble

    query = mapping.Query.parse(
        *(text or ()),
        without=without or (),
        audio=audio or (),
        together=match,
        templates=mapping.TEMPLATES if ensemble else (),
        audio_source=audio_source,
        caption_source=caption_source,
    )
    moment = mapping.Moment(month=month, hour=hour, utc=utc)
    if animate not in (None, "hours", "months"):
        raise ConfigError(f"--animate {animate!r}: choose hours or months")
    cells = mapping.Cells.globe(step)
    loaded = PSM.from_pretrained(model, precision=precision)
    calibration = None if raw else Calibration.find(model)
    levels = zoom or loaded.config.imagery.zooms[:1]
    parts = [mapping.embed_cells(loaded, BlueMarble(), cells, level) for level in levels]
    embedded = parts[0] if len(parts) == 1 else mapping.MixedZooms(tuple(parts))
    found = mapping.map_query(loaded, embedded, query, moment, calibration=calibration)
    path = out or Path("runs/maps") / f"{file_name([query.slug])}.tif"
    typer.echo(found.to_cog(path))
    typer.echo(found.to_png(path.with_suffix(".png")))
    if animate == "hours":
        frames = mapping.hours_of_day(month=month, utc=utc is not None)
    elif animate == "months":
        frames = mapping.months_of_year(hour=hour, utc=utc)
    else:
        return
    gif = path.with_suffix(".gif")
    typer.echo(mapping.animate(loaded, embedded, query, frames, gif, calibration=calibration))
