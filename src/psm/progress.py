"""Progress bars for long work: on standard error, redrawn on a terminal, sparse lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Item = TypeVar("Item")

_LINE_EVERY_S = 15.0
_WIDEST = 240
_console = Console(stderr=True, soft_wrap=True, highlight=False)


def console() -> Console:
    """Where everything that is not a result is printed."""
    return _console


def wide_console() -> Console:
    """The same for tables of many columns: a narrow terminal folds lines, nothing is cut off."""
    return Console(stderr=True, highlight=False, width=_WIDEST, quiet=_console.quiet)


def track(
    items: Iterable[Item],
    description: str,
    total: int | None = None,
    *,
    weight: Callable[[Item], int] | None = None,
    unit: str | None = None,
) -> Iterator[Item]:
    """Iterate over ``items`` under a progress bar named ``description``.

    Args:
        items: what to go through.
        description: the name.
        total: how many they are, or what they weigh together.
        weight: what an item counts; 1 by default.
        unit: what is counted, to print a speed as ``120 cells/s``.
    """
    size = total if total is not None else (len(items) if isinstance(items, Sized) else None)
    follow = _bar if _console.is_terminal else _lines
    yield from follow(items, description, size, weight or (lambda _: 1), unit)


class _Speed(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else _speed(speed, self._unit))


def _speed(per_s: float, unit: str) -> str:
    return f"{per_s:,.0f} {unit}/s" if per_s >= 10.0 else f"{per_s:.1f} {unit}/s"


def _bar(
    items: Iterable[Item],
    description: str,
    total: int | None,
    weight: Callable[[Item], int],
    unit: str | None,
) -> Iterator[Item]:
    columns: list[ProgressColumn] = [
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ]
    if unit:
        columns.append(_Speed(unit))
    with Progress(*columns, console=_console) as progress:
        task = progress.add_task(description, total=total)
        for item in items:
            yield item
            progress.advance(task, weight(item))


def _lines(
    items: Iterable[Item],
    description: str,
    total: int | None,
    weight: Callable[[Item], int],
    unit: str | None,
) -> Iterator[Item]:
    # A log file gets a line now and then and one at the end, never a redrawn bar.
    start = last = time.monotonic()
    count = 0
    for item in items:
        yield item
        count += weight(item)
        now = time.monotonic()
        if now - last > _LINE_EVERY_S:
            last = now
            _console.print(_line(description, count, total or "?", now - start, unit))
    _console.print(_line(description, count, total or count, time.monotonic() - start, unit))


def _line(description: str, count: int, total: int | str, seconds: float, unit: str | None) -> str:
    speed = f", {_speed(count / seconds, unit)}" if unit and seconds > 0.0 else ""
    return f"{description}: {count}/{total} ({seconds:.0f} s{speed})"
