"""``psm collect``: building a data set from the archives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from psm.cli.options import (
    CutOption,
    DeploymentsOption,
    DetectionsOption,
    ImagerySet,
    LeastOption,
    LeastScoreOption,
    assigned,
    settings,
)

collect_app = typer.Typer(
    no_args_is_help=True,
    help="A data set of your own, from the archives: `psm collect build OUT --archive aporee`.",
)

Out = Annotated[Path, typer.Argument(help="Folder of the build.")]


@collect_app.command("build")
def collect_build(
    out: Out,
    config: Annotated[
        Path | None, typer.Option(help="YAML with the settings; the options below overrule it.")
    ] = None,
    archive: Annotated[
        list[str] | None,
        typer.Option(
            "--archive",
            "--source",
            help="An archive; may be given several times. See `psm collect archives`.",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            help="A place (`Vienna, 20km`), `lat,lon,radius`, a bbox `west,south,east,north`, or a "
            "vector file; by default the globe."
        ),
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(help="A licence that is allowed, as CC-BY-4.0 or CC-BY; several times."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Most recordings that are fetched.", min=1)
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="What will train on it; by default psm-sentinel.")
    ] = None,
    imagery: Annotated[
        str | None, typer.Option(help="blue-marble, a raster file or pattern, xyz:…, stac:…")
    ] = None,
    imagery_set: ImagerySet = None,
    folder: Annotated[
        Path | None, typer.Option(help="Your own recordings (archive local).")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="CSV, TSV or Parquet that says where they were made; by default the only one in "
            "the folder (archive local)."
        ),
    ] = None,
    lat: Annotated[
        float | None,
        typer.Option(help="Of all recordings that say no place (archive local).", min=-90, max=90),
    ] = None,
    lon: Annotated[
        float | None,
        typer.Option(
            help="Of all recordings that say no place (archive local).", min=-180, max=180
        ),
    ] = None,
    deployments: DeploymentsOption = None,
    detections: DetectionsOption = None,
    least: LeastOption = None,
    least_score: LeastScoreOption = None,
    cut: CutOption = None,
    archive_set: Annotated[
        list[str] | None,
        typer.Option(
            "--archive-set",
            help="An option of an archive, as yfcc.metadata=FOLDER; several times. See "
            "docs/archives.md.",
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try again what was refused for a passing reason.")
    ] = False,
    retry_all: Annotated[
        bool, typer.Option("--retry-all", help="Try again everything that a stage refused.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes; all cores by default.", min=1)
    ] = None,
) -> None:
    """Build a data set: list, clean, choose, fetch, decode, caption, add imagery, split, pack.

    Safe to interrupt or kill at any moment: `psm collect build OUT` goes on where it stopped, with
    the settings that OUT was begun with. `psm collect status OUT` shows how it stands, also from
    another terminal. An archive that is down stops no other; run the same command again later.

    Try it small: `psm collect build out --archive aporee --region "Vienna, 300km" --limit 500`.
    Your own: `psm collect build out --archive local --folder recordings --table places.csv`.
    As recorders leave them: `... --folder card --deployments sites.csv --detections birdnet/`.
    """
    from psm.extras import require_installed

    require_installed("collect", "duckdb", "pyarrow", "timezonefinder", "py3langid")
    from psm.collect.builder import Retry, build
    from psm.collect.buildsettings import read_settings

    own = {
        "folder": folder, "table": table, "lat": lat, "lon": lon, "deployments": deployments,
        "detections": detections, "least": least, "least_score": least_score, "cut": cut,
    }  # fmt: skip
    options = {
        "archive": archive, "region": region, "licence": licence, "limit": limit, "preset": preset,
        "imagery": imagery, "imagery_options": settings(imagery_set) or None,
        "archive_options": _archive_options(archive_set, own),
    }  # fmt: skip
    again = Retry.ALL if retry_all else Retry.PASSING if retry else None
    report = build(out, read_settings(out, config, options), retry=again, workers=workers)
    for line in report.lines():
        typer.echo(line)
    report.check()


def _archive_options(
    given: list[str] | None, own: Mapping[str, Path | float | str | None]
) -> dict[str, dict[str, Any]]:
    """Options by archive: ``yfcc.metadata=FOLDER``, and the flags of a folder of one's own."""
    from psm.errors import ConfigError

    example = "yfcc.metadata=FOLDER"
    found: dict[str, dict[str, Any]] = {}
    for key, value in assigned(given, "--archive-set", example).items():
        archive, dot, option = key.partition(".")
        if not dot or not option:
            raise ConfigError(f"--archive-set {key}={value}: write it as {example}")
        found.setdefault(archive, {})[option] = value
    flags = {n: str(v) if isinstance(v, Path) else v for n, v in own.items() if v is not None}
    if flags:
        found["local"] = found.get("local", {}) | flags
    return found


@collect_app.command("status")
def collect_status(
    out: Out,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it; ends by Ctrl-C.")] = (
        False
    ),
) -> None:
    """Show how a build stands: recordings by archive and state, speed, time left, refusals.

    Works at any time, also while the build is going on.
    """
    from rich.console import Console

    from psm.collect.status import follow, read_status, tables

    if watch:
        follow(out, Console())
    else:
        Console().print(tables(read_status(out)))


@collect_app.command("archives")
@collect_app.command("sources", hidden=True)  # its name until 0.1
def collect_archives() -> None:
    """List the archives, what they ask for, and whether their credentials are set."""
    from rich.console import Console

    from psm.collect.archives.registry import table

    Console().print(table())
