"""What a command says: its answer, remarks beside it, and how much of either is wanted.

``--quiet``, ``--verbose`` and ``--json`` are options of all commands that answer a question, here
once for all of them. An answer goes to the standard output, everything else to the error stream.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from psm.errors import ConfigError

Document = dict[str, Any]
"""An answer ready for JSON."""

Answer = Callable[[], Document]
"""What a command returns: asked for its document only where ``--json`` is given."""

_OPTIONS = {
    "quiet": "No progress and no remarks; warnings and errors stay.",
    "verbose": "Say what is loaded from where, and how long each step takes.",
    "json": "Print the answer as one JSON document, and nothing else on the standard output.",
}
_log = logging.getLogger("psm")
_START = time.perf_counter()
_is_json = False


def answering(verb: Callable[..., Answer]) -> Callable[..., Answer]:
    """Give a command that answers a question the options; :func:`speaking` takes them from it."""

    @wraps(verb)
    def with_options(**given: Any) -> Answer:
        return verb(**{name: value for name, value in given.items() if name not in _OPTIONS})

    of_verb = signature(verb, eval_str=True)
    own = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(f"--{name}", help=about)],
        )
        for name, about in _OPTIONS.items()
    ]
    every = [*of_verb.parameters.values(), *own]
    # Typer reads the signature; functions have no declared attribute for it.
    with_options.__signature__ = of_verb.replace(parameters=every)  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in every}
    return with_options


def answer_line(line: object) -> None:
    """Print a line of the answer, unless the whole of it is to be JSON."""
    if not _is_json:
        typer.echo(line)


def written(path: Path) -> Path:
    """Say that a file, or a folder, is a part of the answer; the path itself."""
    _log.info("written to %s", path)
    answer_line(path)
    return path


def print_document(verb: str, answer: Answer) -> None:
    """Print the whole answer as JSON, where that is asked for."""
    from psm import __version__

    if _is_json:
        document = {"command": verb, "version": __version__, **answer()}
        typer.echo(json.dumps(_finite(document), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    """Numbers that JSON has no word for become null."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def speaking(given: dict[str, Any]) -> Iterator[None]:
    """A block in which a command speaks as its options say; they are taken out of ``given``.

    Raises:
        ConfigError: it is to be quiet and verbose.
    """
    global _is_json
    wanted = {name for name in _OPTIONS if given.pop(name, False)}
    if {"quiet", "verbose"} <= wanted:
        raise ConfigError("--quiet and --verbose: choose one")
    steps, level, was_quiet = _Steps(), _log.level, False
    _is_json = "json" in wanted
    if "verbose" in wanted:
        _log.setLevel(logging.INFO)
        _log.addHandler(steps)
    if "quiet" in wanted:
        from psm.progress import console

        was_quiet, console().quiet = console().quiet, True
    try:
        yield
        _log.info("in all %.2f s", time.perf_counter() - _START)
    finally:
        _is_json = False
        _log.setLevel(level)
        _log.removeHandler(steps)
        if "quiet" in wanted:
            console().quiet = was_quiet


class _Steps(logging.Handler):
    """Prints what has been done, and the seconds since whatever was done before it."""

    def __init__(self) -> None:
        super().__init__()
        self._before = _START

    def emit(self, record: logging.LogRecord) -> None:
        from psm.progress import console

        now = time.perf_counter()
        console().print(f"{now - self._before:7.2f} s  {record.getMessage()}", style="dim")
        self._before = now
