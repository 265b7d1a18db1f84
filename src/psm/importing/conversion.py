"""Converts a foreign data set into shards: in parallel, safe to interrupt, with a report.

A data set is cut into parts that can be read on their own. Each part becomes one shard for each of
its splits, then a note of what was refused and why; a part whose note is there is not read again,
so that an import that was killed ends with the same bytes as one that was not.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psm.data.shards import RawSample, open_shard
from psm.data.views import image_size
from psm.errors import CorruptRecording, CorruptShard, ForeignPickle, SettingsChanged
from psm.files import atomic_path, sweep
from psm.importing.cutting import Tile
from psm.importing.dataset import DatasetPart, ForeignDataset
from psm.importing.overlapping import Place, as_rows, counted, overlapping
from psm.locking import alone_in
from psm.parallel import run_all
from psm.progress import console, track

FOLDER = "import"
"""Beside the shards: ``source.json``, ``report.json``, ``refused.csv``, and a note of each part."""

FORMAT_VERSION = 1
TILE_COLUMNS = ("recording", "tile_provider", "tile_date", "tile_licence", "tile_gsd_m")
_REFUSED = (CorruptRecording, CorruptShard, ForeignPickle)


@dataclass(frozen=True)
class ImportReport:
    """Counts of an import: recordings by split and licence, refusals by reason.

    Attributes:
        imported: recordings of each split.
        licences: how many recordings under which licence.
        refused: how many, by reason.
        unknown: how many were imported without something that their row names, by reason.
        overlaps: how many held-out recordings have a tile that shares ground with one of another
            split, by the two splits: ``{"test": {"train": 12}}``.
    """

    imported: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    overlaps: dict[str, dict[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write the counts as ``report.json`` has them.

        Returns:
            ``imported``, ``licences``, ``refused`` and, where there is any, ``unknown``, each a
            count by name, the largest first; where there are any, ``overlaps``.
        """
        counts: dict[str, Any] = {
            "imported": dict(self.imported.most_common()),
            "licences": dict(self.licences.most_common()),
            "refused": dict(self.refused.most_common()),
        }
        more = {"unknown": dict(self.unknown.most_common()), "overlaps": self.overlaps}
        return counts | {name: found for name, found in more.items() if found}


def convert(
    dataset: ForeignDataset, out: Path, *, workers: int | None = None, retry: bool = False
) -> ImportReport:
    """Write the recordings of a data set as shards; what is there already is kept.

    Args:
        dataset: what is imported, as :func:`psm.importing.open_dataset` gives it.
        out: where the shards go, and the folder :data:`FOLDER` with the report.
        workers: processes; all cores by default.
        retry: read again the parts in which something was refused.

    Returns:
        What was imported and refused, over all runs.

    Raises:
        SettingsChanged: ``out`` holds something else.
        ConfigError: another process imports into ``out``.
        PSMError: the data set cannot be read.

    Example:
        >>> dataset = open_dataset("my-recordings", ImportOptions(gsd_m=10.0))
        >>> report = convert(dataset, Path("runs/mine"))
        >>> report.imported
        Counter({'train': 780, 'test': 140, 'val': 80})
    """
    claim = json.loads(json.dumps({"format_version": FORMAT_VERSION, **dataset.fingerprint()}))
    _require_same(out, claim)
    for note in dataset.notes():
        console().print(note, markup=False, highlight=False)
    parts = dataset.parts(out / FOLDER)
    with alone_in(out, "importing", notes=out / FOLDER):
        sweep(out)
        _write_json(out / FOLDER / "source.json", claim)
        _convert(dataset, out, parts, workers=workers, retry=retry)
        return _report(out, parts, dataset.tile_credit())


def _convert(
    dataset: ForeignDataset,
    out: Path,
    parts: list[DatasetPart],
    *,
    workers: int | None,
    retry: bool,
) -> None:
    missing = [part for part in parts if not _is_done(_note(out, part), retry)]
    if len(missing) < len(parts):
        console().print(f"{out}: {len(parts) - len(missing)} of {len(parts)} parts are there")
    if missing:
        done = run_all(_convert_part, (dataset, out), missing, workers=workers)
        for _ in track(done, "importing", len(missing)):
            pass


def _convert_part(shared: tuple[ForeignDataset, Path], part: DatasetPart) -> None:
    dataset, out = shared
    report = ImportReport()
    refused: list[tuple[str, ...]] = []
    tiles: list[tuple[object, ...]] = []
    places: Counter[Place] = Counter()
    with ExitStack() as shards:
        write: dict[str, Callable[[RawSample], None]] = {}
        for name, row in dataset.rows(part):
            try:
                sample = dataset.sample(part, name, row)
            except _REFUSED as problem:
                reason, *details = problem.args or (type(problem).__name__,)
                refused.append((name, str(reason), *map(str, details)))
                continue
            split = sample.recording.split
            if split not in write:
                path = out / f"{split}-{part.name}.tar"
                write[split] = shards.enter_context(open_shard(path))
            write[split](sample)
            report.imported[split] += 1
            report.licences[sample.recording.licence] += 1
            report.unknown.update(dataset.doubts_of(row))
            places[_place(sample)] += 1
            if (tile := dataset.tile_of(row)) is not None:
                tiles.append(_credit(name, tile))
    found = {
        "imported": report.imported,
        "licences": report.licences,
        "refused": refused,
        "unknown": report.unknown,
        "places": as_rows(places),
    }
    with atomic_path(_note(out, part)) as path:
        path.write_text(json.dumps(found | ({"tiles": tiles} if tiles else {})))


def _place(sample: RawSample) -> Place:
    recording = sample.recording
    side_km = max(image_size(sample.tile_jpeg, "tile")) * recording.gsd_m / 1000.0
    return recording.split, recording.lat, recording.lon, side_km


def _credit(name: str, tile: Tile) -> tuple[object, ...]:
    return name, tile.provider, tile.date, tile.licence, tile.gsd_m


def _report(out: Path, parts: list[DatasetPart], imagery: dict[str, str]) -> ImportReport:
    """Add up the notes of all parts, and write the sums beside the shards."""
    notes = [json.loads(_note(out, part).read_text()) for part in parts]
    # A part that an earlier version imported does not say where its recordings are.
    places = counted(row for found in notes for row in found.get("places", ()))
    report = ImportReport(overlaps=overlapping(places))
    for found in notes:
        report.imported.update(found["imported"])
        report.licences.update(found["licences"])
        report.refused.update(reason for _, reason, *_ in found["refused"])
        report.unknown.update(found.get("unknown", {}))
    _write_table(out / FOLDER / "refused.csv", ("recording", "reason"), notes, "refused")
    if imagery:
        _write_table(out / FOLDER / "tiles.csv", TILE_COLUMNS, notes, "tiles")
    _write_json(
        out / FOLDER / "report.json", report.to_json() | ({"imagery": imagery} if imagery else {})
    )
    return report


def _write_table(
    path: Path, header: Iterable[str], notes: Iterable[dict[str, Any]], name: str
) -> None:
    with atomic_path(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(header)
        for note in notes:
            # What is particular about a refused recording stands behind its reason.
            table.writerows(
                (*row[:1], "; ".join(row[1:])) if name == "refused" else row
                for row in note.get(name, ())
            )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_path(path) as aside:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _require_same(out: Path, claim: dict[str, Any]) -> None:
    """Refuse a folder that holds another import."""
    path = out / FOLDER / "source.json"
    if not path.is_file():
        if any(out.glob("*.tar")):
            raise SettingsChanged(f"{out}: holds shards of something else; choose another folder")
        return
    try:
        theirs = dict(json.loads(path.read_text()))
    except (ValueError, TypeError):
        theirs = {}
    changed = sorted(name for name in {*claim, *theirs} if claim.get(name) != theirs.get(name))
    if changed:
        raise SettingsChanged(
            f"{out}: holds another import ({_change(changed[0], theirs, claim)}); "
            "choose another folder, or delete this one"
        )


def _change(name: str, theirs: dict[str, Any], claim: dict[str, Any]) -> str:
    """What differs in one part of a claim, by the name of the first file where they are files."""
    was, now = theirs.get(name, "nothing"), claim.get(name, "nothing")
    if isinstance(was, dict) and isinstance(now, dict):
        name = next(key for key in sorted({*was, *now}) if was.get(key) != now.get(key))
        was, now = was.get(name, "nothing"), now.get(name, "nothing")
    return f"{name} was {was!s:.80}, now {now!s:.80}"


def _is_done(note: Path, retry: bool) -> bool:
    return note.is_file() and not (retry and json.loads(note.read_text())["refused"])


def _note(out: Path, part: DatasetPart) -> Path:
    return out / FOLDER / "parts" / f"{part.name}.json"
