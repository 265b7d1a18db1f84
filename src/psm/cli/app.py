"""The command itself: its parts, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from psm import __version__
from psm.cli.calibration import calibrate
from psm.cli.collect import collect_app
from psm.cli.data import data_app
from psm.cli.earth import earth_app
from psm.cli.embedding import embed
from psm.cli.maps import draw_map, prepare
from psm.cli.models import import_, list_presets, train
from psm.cli.options import Overrides, Preset, Seed, settings
from psm.cli.places import profile, search
from psm.cli.questions import evaluate, tables
from psm.cli.serving import serve
from psm.errors import PSMError

app = typer.Typer(
    name="psm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "**PSM maps how the Earth sounds.** Ask for a phrase or a recording, a month and an hour; "
        "get a world map of where that would be heard, with how sure it is.\n\n"
        "Start with `psm demo`: it builds a simulated Earth whose truth is known, trains a model "
        "on it, measures the model and draws maps, in seven to fifteen minutes on two cores. Then "
        'ask your own: `psm map "church bells" --month 12 --hour 18`.'
    ),
)

_INTERRUPTED = 130  # what typer returns after Ctrl-C


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

    run_demo(out, preset=preset, seed=seed, overrides=settings(override))


app.command()(train)
app.command("import")(import_)
app.command()(evaluate)
app.command()(calibrate)
app.command()(tables)
app.command()(embed)
app.command("map")(draw_map)
app.command()(prepare)
app.command()(profile)
app.command()(search)
app.command()(serve)
app.command("presets")(list_presets)
app.add_typer(data_app, name="data")
app.add_typer(earth_app, name="earth")
app.add_typer(collect_app, name="collect")


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
    if code:
        sys.exit(code)
