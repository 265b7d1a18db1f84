"""The command itself: its parts, and how it ends."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from typing import Annotated

import typer

from psm import __version__
from psm.cli.adapt import adapt
from psm.cli.calibrate import calibrate
from psm.cli.collect import collect_app
from psm.cli.data import data_app
from psm.cli.demo import demo
from psm.cli.earth import earth_app
from psm.cli.embed import embed
from psm.cli.evaluate import evaluate
from psm.cli.explain import explain
from psm.cli.import_ import import_
from psm.cli.map import draw_map
from psm.cli.measure import measure_app
from psm.cli.plan import plan
from psm.cli.plugins import list_plugins
from psm.cli.prepare import prepare
from psm.cli.presets import list_presets
from psm.cli.profile import profile
from psm.cli.publish import publish
from psm.cli.running.command import adopt
from psm.cli.running.failures import hush_the_rest, is_unread, line_of
from psm.cli.search import search
from psm.cli.serve import serve
from psm.cli.tables import tables
from psm.cli.train import train
from psm.errors import PSMWarning

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

_FORMAT = warnings.formatwarning
_INTERRUPTED = 130  # what typer returns after Ctrl-C

_WITHOUT_DOCSTRINGS = (
    "python -OO (PYTHONOPTIMIZE=2) drops the docstrings that the transformers library reads; "
    "use -O (PYTHONOPTIMIZE=1), or neither"
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"psm {__version__}")
        raise typer.Exit


app.command()(demo)
app.command()(train)
app.command()(adapt)
app.command("import")(import_)
app.command()(evaluate)
app.command()(calibrate)
app.command()(tables)
app.command()(embed)
app.command("map")(draw_map)
app.command()(plan)
app.command()(prepare)
app.command()(profile)
app.command()(explain)
app.command()(search)
app.command()(serve)
app.command()(publish)
app.command("presets")(list_presets)
app.command("plugins")(list_plugins)
app.add_typer(measure_app, name="measure")
app.add_typer(data_app, name="data")
app.add_typer(earth_app, name="earth")
app.add_typer(collect_app, name="collect")


adopt(app)


def main() -> None:
    """Entry point: errors that a user can mend are one line and exit code 2."""
    _speak_utf8()
    if sys.flags.optimize > 1:
        typer.echo(f"error: {_WITHOUT_DOCSTRINGS}", err=True)
        sys.exit(2)
    warnings.formatwarning = _one_line_each
    # A home that cannot be written is said once, by us: matplotlib goes on without its own cache.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as problem:
        problem.show()  # type: ignore[attr-defined]  # every one that a command line raises has it
        sys.exit(problem.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except Exception as problem:
        # Those that nobody outside can mend keep their traceback.
        if isinstance(problem, BrokenPipeError) and is_unread():
            sys.exit(1)
        if (line := line_of(problem)) is None:
            raise
        hush_the_rest()
        typer.echo(f"error: {line}", err=True)
        sys.exit(2)
    if code == _INTERRUPTED:
        typer.echo("stopped; run the same command again to go on", err=True)
    if code:
        sys.exit(code)


def _one_line_each(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    line: str | None = None,
) -> str:  # fmt: skip
    """Warnings of ours are for users, who need no line of code with them."""
    if issubclass(category, PSMWarning):
        return f"warning: {message}\n"
    return _FORMAT(message, category, filename, lineno, line)


def _speak_utf8() -> None:
    """Start anew where file names may be ASCII only, and let no terminal's letters end the work."""
    if sys.getfilesystemencoding() in ("ascii", "us-ascii") and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
