"""From a source of recordings to our shards: in parallel, safe to interrupt, with a report.

A source is cut into parts that can be read on their own. Each part becomes one shard for each of
its splits, then a note of what was refused and why; a part whose note is there is not read again,
so that an import that was killed ends with the same bytes as one that was not.
"""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psm.data.shards import RawSample, open_shard
from psm.errors import ConfigError, CorruptRecording, CorruptShard, ForeignPickle
from psm.files import atomic_path
from psm.parallel import run_all
from psm.progress import console, track

FOLDER = "import"
"""Beside the shards: ``source.json``, ``report.json``, ``refused.csv``, and a note of each part."""

SHARD_SIZE = 128
"""Recordings of one shard, where the source leaves the choice."""

FORMAT_VERSION = 1
_REFUSED = (CorruptRecording, CorruptShard, ForeignPickle)


@dataclass(frozen=True)
class Part:
    """A piece of a source that is read on its own.

    Attributes:
        name: of its shards, after the split.
        place: where it is; only its source understands it.
    """

    name: str
    place: Any


class Source(ABC):
    """Recordings in a foreign format. It travels to every worker: small, and it pickles."""

    @abstractmethod
    def describe(self) -> str:
        """What this is and what is read of it, in a line.

        Raises:
            PSMError: it lacks what it needs.
        """

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """All that the shards depend on, as JSON: an import goes on only where it is the same."""

    @abstractmethod
    def parts(self, cache: Path) -> list[Part]:
        """The parts, always the same; ``cache`` is a folder for what is slow to find out."""

    @abstractmethod
    def rows(self, part: Part) -> Iterator[tuple[str, Any]]:
        """Name and raw content of each recording of ``part``.

        Raises:
            PSMError: the part cannot be read on: the import stops.
        """

    @abstractmethod
    def sample(self, part: Part, name: str, row: Any) -> RawSample:
        """One recording, converted.

        Raises:
            CorruptRecording, CorruptShard, ForeignPickle: it cannot be used. The message is alike
                for recordings that fail alike.
        """


@dataclass(frozen=True)
class Report:
    """What an import took over and what it refused.

    Attributes:
        imported: recordings of each split.
        licences: how many recordings under which licence.
        refused: how many, by reason.
    """

    imported: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, dict[str, int]]:
        """Counts by name, the largest first."""
        return {name: dict(counts.most_common()) for name, counts in vars(self).items()}


def convert(
    source: Source, out: Path, *, workers: int | None = None, retry: bool = False
) -> Report:
    """Write the recordings of ``source`` into ``out`` as shards; what is there already is kept.

    Args:
        source: what is imported.
        out: where the shards go, and the folder :data:`FOLDER` with the report.
        workers: processes; all cores by default.
        retry: read again the parts in which something was refused.

    Raises:
        ConfigError: ``out`` holds something else.
        PSMError: the source cannot be read.
    """
    claim = json.loads(json.dumps({"format_version": FORMAT_VERSION, **source.fingerprint()}))
    _require_same(out, claim)
    parts = source.parts(out / FOLDER)
    with atomic_path(out / FOLDER / "source.json") as path:
        path.write_text(json.dumps(claim, indent=2, ensure_ascii=False) + "\n")
    missing = [part for part in parts if not _is_done(_note(out, part), retry)]
    if len(missing) < len(parts):
        console().print(f"{out}: {len(parts) - len(missing)} of {len(parts)} parts are there")
    if missing:
        done = run_all(_convert_part, (source, out), missing, workers=workers)
        for _ in track(done, "importing", len(missing)):
            pass
    return _report(out, parts)


def _convert_part(shared: tuple[Source, Path], part: Part) -> None:
    source, out = shared
    report = Report()
    refused: list[tuple[str, str]] = []
    with ExitStack() as shards:
        write: dict[str, Callable[[RawSample], None]] = {}
        for name, row in source.rows(part):
            try:
                sample = source.sample(part, name, row)
            except _REFUSED as problem:
                refused.append((name, str(problem)))
                continue
            split = sample.recording.split
            if split not in write:
                path = out / f"{split}-{part.name}.tar"
                write[split] = shards.enter_context(open_shard(path))
            write[split](sample)
            report.imported[split] += 1
            report.licences[sample.recording.licence] += 1
    found = {"imported": report.imported, "licences": report.licences, "refused": refused}
    with atomic_path(_note(out, part)) as path:
        path.write_text(json.dumps(found))


def _report(out: Path, parts: list[Part]) -> Report:
    """Add up the notes, and write the sum where a user finds it."""
    report = Report()
    with (
        atomic_path(out / FOLDER / "refused.csv") as path,
        path.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.writer(stream)
        table.writerow(["recording", "reason"])
        for part in parts:
            found = json.loads(_note(out, part).read_text())
            report.imported.update(found["imported"])
            report.licences.update(found["licences"])
            report.refused.update(reason for _, reason in found["refused"])
            table.writerows(found["refused"])
    with atomic_path(out / FOLDER / "report.json") as path:
        path.write_text(json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n")
    return report


def _require_same(out: Path, claim: dict[str, Any]) -> None:
    """Check that what ``out`` holds, if anything, is this very import."""
    path = out / FOLDER / "source.json"
    if not path.is_file():
        if any(out.glob("*.tar")):
            raise ConfigError(f"{out}: holds shards of something else; choose another folder")
        return
    try:
        theirs = dict(json.loads(path.read_text()))
    except (ValueError, TypeError):
        theirs = {}
    changed = sorted(name for name in {*claim, *theirs} if claim.get(name) != theirs.get(name))
    if changed:
        was, now = (str(values.get(changed[0], "nothing")) for values in (theirs, claim))
        raise ConfigError(
            f"{out}: holds another import ({changed[0]} was {was:.80}, now {now:.80}); "
            "choose another folder, or delete this one"
        )
    for left_by_a_kill in out.glob(".*.partial.tar"):
        left_by_a_kill.unlink()


def _is_done(note: Path, retry: bool) -> bool:
    return note.is_file() and not (retry and json.loads(note.read_text())["refused"])


def _note(out: Path, part: Part) -> Path:
    return out / FOLDER / "parts" / f"{part.name}.json"
