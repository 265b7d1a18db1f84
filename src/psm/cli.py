"""The ``psm`` command: parses, calls, prints."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from psm import __version__
from psm.errors import PSMError
from psm.precision import Precision

app = typer.Typer(
    name="psm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "**PSM maps how the Earth sounds.** Ask for a phrase or a recording, a month and an hour; "
        "get a world map of where that would be heard, with how sure it is.\n\n"
        "Start with `psm demo`: it builds a simulated Earth whose truth is known, trains a model "
        "on it, measures the model and draws maps, in ten to fifteen minutes on two cores. Then "
        'ask your own: `psm map "church bells" --month 12 --hour 18`.'
    ),
)
data_app = typer.Typer(no_args_is_help=True, help="Other people's data sets: take them over.")
app.add_typer(data_app, name="data")
earth_app = typer.Typer(no_args_is_help=True, help="The simulated Earth: build it, listen to it.")
app.add_typer(earth_app, name="earth")

MODEL = Path("runs/demo/model")
EARTH = Path("runs/demo/earth")
_INTERRUPTED = 130  # what typer returns after Ctrl-C

Seed = Annotated[int, typer.Option(help="Every random choice follows from it.", min=0)]
Model = Annotated[str, typer.Option("--model", help="Model folder, or a hub id.")]
Data = Annotated[Path, typer.Option("--data", help="Folder of shards.")]
Preset = Annotated[str, typer.Option(help="A preset, or a YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting: training.epochs=2")
]
PrecisionOption = Annotated[
    Precision, typer.Option("--precision", help="auto: bfloat16 where the processor has it.")
]
Heads = Annotated[
    int | None, typer.Option(help="Attention heads; by default one for every 64 features.")
]


class Protocol(StrEnum):
    """Other people's protocols of evaluation."""

    PSM2024 = "psm2024"


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"psm {__version__}")
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("runs/demo"),
    preset: Preset = "earth-tiny",
    seed: Seed = 0,
    override: Overrides = None,
) -> None:
    """Build an Earth, train on it, evaluate, map six queries, write a report.

    Safe to interrupt: the same command goes on where it stopped. The result is `OUT/report.html`.
    """
    from psm.demo import run_demo

    run_demo(out, preset=preset, seed=seed, overrides=_overrides(override))


@earth_app.command("build")
def earth_build(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")] = Path("runs/earth"),
    recordings: Annotated[int, typer.Option(help="How many, all splits together.", min=1)] = 12000,
    seed: Seed = 0,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
) -> None:
    """Build the simulated Earth: recordings with tiles, captions and sound, in WebDataset shards.

    The same seed gives the same bytes. Safe to interrupt: shards that are there are kept.
    """
    from psm.earth.build import EarthPlan, build_earth

    counts = build_earth(EarthPlan(recordings=recordings, seed=seed), out, workers=workers)
    typer.echo(f"{out}: " + ", ".join(f"{count} {split}" for split, count in counts.items()))


@earth_app.command("listen")
def earth_listen(
    lat: Annotated[float, typer.Argument(help="Latitude, degrees north.")],
    lon: Annotated[float, typer.Argument(help="Longitude, degrees east.")],
    month: Annotated[int, typer.Option(help="1..12")] = 6,
    hour: Annotated[float, typer.Option(help="Local solar time in [0, 24).")] = 6.0,
    out: Annotated[Path, typer.Option(help="WAV file to write.")] = Path("listen.wav"),
    seconds: Annotated[float, typer.Option(help="How long to stay.")] = 20.0,
    seed: Seed = 0,
) -> None:
    """Render what a place sounds like at a month and an hour, and say what is likely there.

    South of the equator put `--` before the place: `psm earth listen --hour 6 -- -33.9 18.4`.
    """
    from psm.earth.listen import listen

    place = listen(lat=lat, lon=lon, month=month, hour=hour, duration_s=seconds, seed=seed)
    place.write(out)
    for sound, chance in list(place.probability.items())[:8]:
        typer.echo(f"{chance:5.0%}  {sound}")
    scenes = " | ".join(", ".join(sounds) for sounds in place.heard)
    typer.echo(f"{out}: {seconds:g} s of {scenes}")


@data_app.command("import")
def data_import(
    source: Annotated[
        str, typer.Argument(help="Hub id, folder of published shards, or folder with a table.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder for our shards.")],
    format: Annotated[
        str | None, typer.Option(help="hub, shards or table, where it is taken for another.")
    ] = None,
    imagery: Annotated[
        str | None,
        typer.Option(
            help="What the tiles are: sentinel (default), bingmap or googleEarth; "
            "blue-marble gives a table tiles of its own."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="What will train on it: frames the sound, says how large a tile must be. "
            "By default the published preset of the imagery."
        ),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="Folder with the published captions and their scores.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Name a table's column: audio=wav_file")
    ] = None,
    gsd: Annotated[
        float | None, typer.Option(help="Metres per pixel of a table's tiles.", min=0.001)
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    shrunk_last: Annotated[
        bool, typer.Option("--shrunk-last", help="Order CLAP's windows as published mels do.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what was refused.")] = False,
) -> None:
    """Turn other people's recordings into our shards.

    SOURCE is recognised: `MVRL/GeoSound` or `MVRL/SoundingEarth` on the hub (or Parquet files of
    that schema), a folder of their published WebDataset shards, or your own recordings, a folder
    with audio files and a CSV or Parquet table.

    Safe to interrupt: the same command goes on where it stopped. What cannot be used is refused,
    counted by reason in OUT/import/report.json and listed in OUT/import/refused.csv.
    """
    from psm.data.importing.conversion import convert
    from psm.errors import MissingData
    from psm.recognise import Format, Wishes, open_source

    wishes = Wishes(
        imagery=imagery,
        preset=preset,
        captions=captions,
        columns=_assignments(column, "--column", "audio=wav_file"),
        gsd_m=gsd,
        revision=revision,
        shrunk_first=not shrunk_last,
    )
    opened = open_source(source, wishes, format=Format.named(format) if format else None)
    typer.echo(f"{source}: {opened.describe()}")
    report = convert(opened, out, workers=workers, retry=retry)
    for reason, count in report.refused.most_common():
        typer.echo(f"refused {count:6d}  {reason}")
    if not report.imported:
        raise MissingData(f"{out}: nothing could be used; import/refused.csv says why")
    counts = ", ".join(f"{count} {split}" for split, count in report.imported.items())
    typer.echo(f"{out}: {counts}")


@data_app.command("views")
def data_views(
    folder: Annotated[Path, typer.Argument(help="Folder of our shards.")],
    preset: Preset = "psm-sentinel",
) -> None:
    """Cut the views that a preset trains on and store them beside the tiles of the shards.

    Worth it for large tiles, which otherwise are decoded at every step. Safe to interrupt: the same
    command goes on where it stopped.
    """
    from psm.config import load_experiment
    from psm.data.views import add_views

    imagery = load_experiment(preset).model.imagery
    written = add_views(folder, zooms=imagery.zooms, view_px=imagery.view_px)
    typer.echo(f"{folder}: {written} shards written anew, all have the views of {preset}")


@app.command()
def train(
    preset: Preset = "earth-tiny",
    data: Data = EARTH,
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("runs/model"),
    seed: Seed = 0,
    override: Overrides = None,
    resume: Annotated[bool, typer.Option(help="Go on after a kill.")] = True,
    devices: Annotated[
        str, typer.Option(help="How many, a process on each; auto: all GPUs, or one process.")
    ] = "auto",
    accelerator: Annotated[str, typer.Option(help="auto, gpu or cpu.")] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count, run a step of each phase, write nothing.")
    ] = False,
) -> None:
    """Train a model on shards; run it again after a kill and the curve goes on.

    Writes `config.yaml`, `model.safetensors`, `log.jsonl` and TensorBoard events into OUT.

    A model of published size on a small GPU: `--set training.micro_batch=16` embeds so many rows
    at once, with the whole batch as negatives all the same; `--set
    training.checkpoint_activations=true` computes layers again rather than keep them. `--dry-run`
    says what it takes, on made-up recordings where DATA has none. Without the hub, `--set
    model.audio_tower.source=null --set model.text_tower.source=null` starts CLAP from random
    weights.
    """
    from psm.config import load_experiment
    from psm.progress import console
    from psm.training import dry_run as try_out
    from psm.training import train as run

    experiment = load_experiment(preset, _overrides(override))
    machine = {"accelerator": accelerator, "devices": devices}
    if dry_run:
        for line in try_out(experiment, data, seed=seed, **machine):
            typer.echo(line)
        return
    run(experiment, data, out, seed=seed, resume=resume, **machine)
    if not console().quiet:  # as it is in all processes but the first
        typer.echo(f"{out}: trained; measure it with: psm evaluate --model {out} --data {data}")


@app.command("import")
def import_(
    checkpoint: Annotated[Path, typer.Argument(help="A published Lightning checkpoint (.ckpt).")],
    out: Annotated[Path, typer.Argument(help="Folder for the model.")],
    tokenizer: Annotated[
        str, typer.Option(help="Hub id or folder of the text tower's tokenizer.")
    ] = "laion/clap-htsat-fused",
    imagery: Annotated[
        str | None,
        typer.Option(help="sentinel, bingmap or googleEarth, where the file does not say."),
    ] = None,
    satellite_heads: Heads = None,
    text_heads: Heads = None,
) -> None:
    """Turn a published checkpoint into a model folder: safetensors and YAML.

    Nothing in the file is run, every tensor is accounted for, and the model answers as the
    published one does. Use it as any other: `psm map "frogs" --model OUT`.
    """
    from psm.published.checkpoint import import_checkpoint

    found = import_checkpoint(
        checkpoint,
        out,
        imagery=imagery,
        tokenizer=tokenizer,
        satellite_heads=satellite_heads,
        text_heads=text_heads,
    )
    for what, answer in found.describe().items():
        typer.echo(f"{what:10s} {answer}")
    typer.echo(f"{out}: ready for PSM.from_pretrained")


@app.command()
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
        measure(loaded, data, out, seed=seed, step_deg=step)
    else:
        measure_retrieval(loaded, data, out, seed=seed)
    typer.echo(f"{out}: tables as JSON, plots as PNG")


@app.command()
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


@app.command("map")
def draw_map(
    text: Annotated[list[str] | None, typer.Argument(help="What to listen for.")] = None,
    audio: Annotated[
        list[Path] | None, typer.Option(help="A recording to look for; may be given several times.")
    ] = None,
    month: Annotated[int | None, typer.Option(help="1..12; unknown by default.")] = None,
    hour: Annotated[
        float | None, typer.Option(help="Local solar time, the same in every cell.")
    ] = None,
    utc: Annotated[
        float | None, typer.Option(help="One instant: every cell has its own local hour.")
    ] = None,
    zoom: Annotated[int | None, typer.Option(help="Zoom level of the imagery.")] = None,
    step: Annotated[float, typer.Option(help="Cell size in degrees.")] = 1.0,
    animate: Annotated[
        str | None, typer.Option(help="`hours` or `months`: a GIF beside the map.")
    ] = None,
    model: Model = str(MODEL),
    precision: PrecisionOption = "auto",
    out: Annotated[Path | None, typer.Option(help="GeoTIFF to write; the PNG lies beside.")] = None,
) -> None:
    """Draw where on Earth a sound would be heard: a cloud-optimised GeoTIFF and a picture.

    Several texts and recordings make one combined query. Examples:

    `psm map "church bells" --month 12 --hour 18`

    `psm map "dawn chorus" --month 5 --utc 4 --animate hours`
    """
    from psm import PSM, mapping
    from psm.earth.tiles import Imagery
    from psm.errors import ConfigError

    query = mapping.Query(texts=tuple(text or ()), audio=tuple(audio or ()))
    moment = mapping.Moment(month=month, hour=hour, utc=utc)
    if animate not in (None, "hours", "months"):
        raise ConfigError(f"--animate {animate!r}: choose hours or months")
    cells = mapping.Cells.globe(step)
    loaded = PSM.from_pretrained(model, precision=precision)
    level = loaded.config.imagery.zooms[0] if zoom is None else zoom
    embedded = mapping.embed_cells(loaded, Imagery.load(), cells, level)
    found = mapping.map_query(loaded, embedded, query, moment)
    path = out or Path("runs/maps") / f"{_slug([*query.texts, *(p.stem for p in query.audio)])}.tif"
    typer.echo(found.to_cog(path))
    typer.echo(found.to_png(path.with_suffix(".png")))
    if animate == "hours":
        frames = mapping.hours_of_day(month=month, utc=utc is not None)
    elif animate == "months":
        frames = mapping.months_of_year(hour=hour, utc=utc)
    else:
        return
    typer.echo(mapping.animate(loaded, embedded, query, frames, path.with_suffix(".gif")))


@app.command("presets")
def list_presets() -> None:
    """List the presets that come with the package."""
    from psm.config import load_experiment, presets

    for name in presets():
        typer.echo(f"{name:24} {load_experiment(name).summary}")


def _overrides(assignments: list[str] | None) -> dict[str, Any]:
    import yaml

    texts = _assignments(assignments, "--set", "training.epochs=2")
    return {key: yaml.safe_load(value) for key, value in texts.items()}


def _assignments(given: list[str] | None, option: str, example: str) -> dict[str, str]:
    from psm.errors import ConfigError

    values = {}
    for assignment in given or []:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise ConfigError(f"{option} {assignment!r}: write it as {example}")
        values[key] = value
    return values


def _slug(words: list[str]) -> str:
    kept = "".join(c if c.isalnum() else " " for c in " ".join(words).lower())
    return "-".join(kept.split())[:80] or "map"


def main() -> None:
    """Entry point: errors that a user can mend are one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as problem:
        problem.show()  # type: ignore[attr-defined]  # every one that a command line raises has it
        sys.exit(problem.exit_code)
    except PSMError as problem:
        typer.echo(f"error: {problem}", err=True)
        sys.exit(2)
    if code == _INTERRUPTED:
        typer.echo("stopped; run the same command again to go on", err=True)
        sys.exit(code)


if __name__ == "__main__":
    main()
