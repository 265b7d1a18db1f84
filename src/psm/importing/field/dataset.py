"""Format of a folder of recordings as recorders left them, without a table of recordings."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from psm.data.dates import Clock, local_time
from psm.data.recorders import RecorderNote
from psm.errors import MissingData
from psm.extras import install_line
from psm.files import sha256_of
from psm.geodata.timezones import has_timezones, timezone_at
from psm.importing.contents import content_hashes
from psm.importing.dataset import Format, ImportOptions
from psm.importing.field.detections import SUFFIXES
from psm.importing.field.placing import FieldClip
from psm.importing.field.recordings import LEAST, SOUNDS, FieldFolder, FieldOptions
from psm.importing.recordingset import RecordingSet, tiles_of
from psm.importing.tablereader import TABLE_SUFFIXES, TableEntry

NO_CAPTION = "no caption: neither the file nor a table (--detections) says what is heard"


@dataclass(frozen=True, kw_only=True)
class FieldRecordings(RecordingSet):
    """The recordings of a folder, by what recorders, deployments and detections say.

    Attributes:
        path: the folder.
        options: tables, thresholds, cutting.
    """

    path: Path
    options: FieldOptions = field(default_factory=FieldOptions)

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self.path

    @cached_property
    def _found(self) -> FieldFolder:
        return FieldFolder(self.path, self.options)

    def describe(self) -> str:
        """What is read from where.

        Raises:
            PSMError: a table is none, or the imagery is missing.
        """
        self.require_tiles(self.path, are_named=False, are_sized=False)
        found, options = self._found, self.options
        said = [f"{len(found.names)} recordings of recorders", "time and place from their files"]
        if found.deployments is not None:
            said[-1] += f" and from {found.deployments.path.name}"
        if found.detections is not None:
            tables = found.detections.tables
            labels = [label for table in tables for label in table.labels]
            count = sum(label.counts(options.least, options.least_score) for label in labels)
            of = f"{len(tables)} tables" if len(tables) > 1 else tables[0].origin
            said.append(f"captions from {of}, of which {count} of {len(labels)} detections count")
        if found.cut.at != "whole":
            at = "every" if found.cut.at == "intervals" else "at detections, of"
            said.append(f"cut into clips {at} {found.cut.length_s:g} s")
        return "; ".join((*said, *self.made()))

    def notes(self) -> list[str]:
        """What was left out, and why nothing is held out."""
        notes = self._found.notes() + super().notes()
        if not has_timezones():
            notes.append(
                "times with an offset far from the sun's, as UTC, give no local hour without time "
                f"zones: {install_line('collect')}"
            )
        return notes

    def fingerprint(self) -> dict[str, Any]:
        """The files, the tables, and what is made of them."""
        options = self.options
        sizes = "".join(f"{n}:{(self.path / n).stat().st_size}\n" for n in self._found.names)
        return {
            "format": "recorders",
            "files": hashlib.sha256(sizes.encode("utf-8", "surrogateescape")).hexdigest()[:16],
            "deployments": options.deployments and sha256_of(options.deployments)[:16],
            "detections": options.detections and _hashes(options.detections),
            "columns": dict(options.columns),
            "least": options.least,
            "least_score": options.least_score,
            "cut": [self._found.cut.at, self._found.cut.length_s],
            "split": self.split,  # also where it is empty, as in imports of before
            "has_timezones": has_timezones(),
            **self.settings(),
        }

    def entries(self) -> list[TableEntry]:
        """A row for every clip, and one for whatever is of no recording."""
        clips = list(self._found.clips())
        keys = Counter(Path(clip.name).stem for clip in clips if not clip.problem)
        has_splits = any(clip.split for clip in clips)
        return [
            TableEntry(
                line=number,
                said=_said(clip, keys) | ({"split": clip.split} if has_splits else {}),
                problem=clip.problem or ("" if clip.caption else NO_CAPTION),
                detail=clip.detail,
            )
            for number, clip in enumerate(clips, start=1)
        ]


def _said(clip: FieldClip, keys: Counter[str]) -> dict[str, str]:
    """What is known of a clip, as the row of a table."""
    stem = Path(clip.name).stem
    # Recorders number their files alike: then the folders tell them apart.
    name = stem if keys[stem] == 1 else str(Path(clip.name).with_suffix(""))
    return {
        "audio": clip.file,
        "key": name,
        "latitude": "" if clip.lat is None else repr(clip.lat),
        "longitude": "" if clip.lon is None else repr(clip.lon),
        "date": local_text(clip),
        "caption": clip.caption,
        "sounds": "\n".join(clip.sounds),
        "begin_s": "" if clip.begin_s is None else repr(clip.begin_s),
        "end_s": "" if clip.end_s is None else repr(clip.end_s),
    }


def local_text(clip: FieldClip) -> str:
    """Local day and time of a clip, as far as they are known."""
    if clip.clock is Clock.NONE:  # of a bare name nobody knows the clock: its day alone counts
        return clip.recorded.partition("T")[0]
    if clip.clock is not Clock.UTC or clip.lat is None or clip.lon is None or not has_timezones():
        return clip.recorded
    there = local_time(clip.recorded, clip.clock, timezone_at(lat=clip.lat, lon=clip.lon))
    if there.year is None or there.month is None or there.day is None or there.time is None:
        return clip.recorded
    day = date(there.year, there.month, there.day)
    return RecorderNote(clock=datetime.combine(day, there.time)).text()


def _hashes(path: Path) -> dict[str, str]:
    if path.is_file():
        return {path.name: sha256_of(path)[:16]}
    files = (f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
    return content_hashes(files, path)


def _recognises(origin: str) -> bool:
    folder = Path(origin)
    if not folder.is_dir() or any(p.suffix.lower() in TABLE_SUFFIXES for p in folder.iterdir()):
        return False
    return any(path.suffix.lower() in SOUNDS for path in folder.rglob("*"))


def _open(origin: str, options: ImportOptions) -> FieldRecordings:
    if not Path(origin).is_dir():
        raise MissingData(f"{origin}: no folder of recordings")
    given = tiles_of(origin, options)
    return FieldRecordings(
        path=Path(origin),
        options=FieldOptions(
            deployments=options.deployments,
            detections=options.detections,
            least=LEAST if options.least is None else options.least,
            least_score=options.least_score,
            cut=options.cut,
            clip_s=given["framing"].audio.clip_s,
            columns=options.columns,
        ),
        **given,
    )


RECORDERS = Format(
    name="recorders",
    whose="of recorders",
    example=f"recordings of recorders ({', '.join(SOUNDS[:4])}, ...)",
    options=frozenset(
        {"columns", "gsd_m", "imagery_options", "splits", "deployments", "detections", "least",
         "least_score", "cut"}
    ),
    recognises=_recognises,
    open=_open,
)  # fmt: skip
"""Folders of recorders."""
