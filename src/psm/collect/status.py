"""Status of a build, read from its snapshot, also while it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from psm.collect.catalogue import SNAPSHOT
from psm.collect.columns import CandidateState
from psm.collect.heartbeat import Pulse, read_pulse
from psm.errors import MissingData
from psm.extras import require

_LOOK_EVERY_S = 2.0


@dataclass(frozen=True)
class BuildStatus:
    """Candidates of a build by state, refusals by reason, and its progress.

    Attributes:
        counts: rows by archive and state.
        refusals: rows by stage, reason, and whether that may pass.
        age_s: of these numbers.
        pulse: of the build, if one is going on.
    """

    counts: Counter[tuple[str, str]]
    refusals: Counter[tuple[str, str, bool]]
    age_s: float
    pulse: Pulse | None


def read_status(folder: Path) -> BuildStatus:
    """Read the status of the build in a folder, whether it is going on or not.

    Args:
        folder: of the build.

    Returns:
        Candidates by archive and state, refusals by stage and reason, and the progress of the
        stage where a build is going on.

    Raises:
        MissingData: there is no build.
        MissingExtra: pyarrow is not installed.
    """
    parquet = require("pyarrow.parquet", "collect")
    path = folder / SNAPSHOT
    try:
        age_s = time.time() - path.stat().st_mtime
        rows = parquet.read_table(path, columns=["source", "state", "stage", "reason", "may_pass"])
    except FileNotFoundError:
        raise MissingData(f"{folder}: no build here; begin one with psm collect build") from None
    names = ("source", "state", "stage", "reason", "may_pass")
    values = [rows.column(name).to_pylist() for name in names]
    counts: Counter[tuple[str, str]] = Counter()
    refusals: Counter[tuple[str, str, bool]] = Counter()
    for archive, state, stage, reason, may_pass in zip(*values, strict=True):
        counts[archive, state] += 1
        if state == CandidateState.REFUSED:
            refusals[stage, reason, bool(may_pass)] += 1
    return BuildStatus(counts, refusals, max(0.0, age_s), read_pulse(folder))


def follow(folder: Path, console: Console) -> None:
    """Show the status of a build until somebody ends it."""
    shown = tables(read_status(folder))
    with suppress(KeyboardInterrupt), Live(shown, console=console, auto_refresh=False) as live:
        while True:
            live.refresh()
            time.sleep(_LOOK_EVERY_S)
            live.update(tables(read_status(folder)))


def tables(status: BuildStatus) -> RenderableType:
    """Tables for people: candidates by archive and state, refusals, progress."""
    return Group(*_parts(status))


def _parts(status: BuildStatus) -> Iterator[RenderableType]:
    yield _states(status)
    if status.refusals:
        yield _refusals(status)
    yield Text(_now(status))


def _states(status: BuildStatus) -> Table:
    table = Table(title="recordings", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("archive", no_wrap=True)
    # All states there are would not fit on a narrow terminal.
    states = [s for s in CandidateState if any(state == s for _, state in status.counts)]
    for state in (*states, "all"):
        table.add_column(state, justify="right", no_wrap=True)
    archives = sorted({archive for archive, _ in status.counts})
    for archive in archives:
        table.add_row(archive, *_numbers({s: status.counts[archive, s] for s in states}))
    if len(archives) != 1:
        sums = {s: sum(status.counts[archive, s] for archive in archives) for s in states}
        table.add_section()
        table.add_row("all", *_numbers(sums))
    return table


def _numbers(counts: dict[CandidateState, int]) -> list[str]:
    return [f"{count:,}" if count else "" for count in (*counts.values(), sum(counts.values()))]


def _refusals(status: BuildStatus) -> Table:
    table = Table(
        "refused at", "why", "may pass", title="refusals", title_justify="left", box=SIMPLE_HEAD
    )
    table.add_column("recordings", justify="right")
    for (stage, reason, may_pass), count in status.refusals.most_common():
        table.add_row(stage, reason, "yes" if may_pass else "", f"{count:,}")
    return table


def _now(status: BuildStatus) -> str:
    pulse, age = status.pulse, f"{_duration(status.age_s)} ago"
    if pulse is None:
        return f"No build is going on; this is from {age}."
    words = [f"{pulse.stage}: {pulse.done:,}"]
    if pulse.total is not None:
        words.append(f"of {pulse.total:,}")
    if pulse.per_s:
        words.append(f"at {pulse.per_s:,.1f}/s")
    if pulse.left_s is not None:
        words.append(f"for another {_duration(pulse.left_s)}")
    return f"Process {pulse.pid} is at {' '.join(words)}; the tables are from {age}."


def _duration(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
