"""Progress bars for long work: on standard error, redrawn on a terminal, sparse lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")

_LINE_EVERY_S = 15.0
_WIDEST = 240
_console = Console(stderr=True, soft_wrap=True, highlight=False)


def console() -> Console:
    """Where everything that is not a result is printed."""
    return _console


def wide_console() -> Console:
    """The same for tables of many columns: a narrow terminal folds lines, nothing is cut off."""
    return Console(stderr=True, highlight=False, width=_WIDEST)


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over ``items`` under a progress bar named ``description``."""
    size = total if total is not None else (len(items) if isinstance(items, Sized) else None)
    follow = _bar if _console.is_terminal else _lines
    yield from follow(items, description, size)


def _bar(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console) as progress:
        task = progress.add_task(description, total=total)
        for item in items:
            yield item
            progress.advance(task)


def _lines(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    # A log file gets a line now and then and one at the end, never a redrawn bar.
    start = last = time.monotonic()
    count = 0
    for item in items:
        yield item
        count += 1
        now = time.monotonic()
        if now - last > _LINE_EVERY_S:
            last = now
            _console.print(f"{description}: {count}/{total or '?'} ({now - start:.0f} s)")
    _console.print(f"{description}: {count}/{total or count} ({time.monotonic() - start:.0f} s)")
