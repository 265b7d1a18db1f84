"""A folder of one's own: recordings, and tables of where they were made and what is heard."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.archives.localclips import write_clip
from psm.collect.archives.pages import Lines, existing, pages
from psm.collect.refusal import Refused
from psm.data import delimited, filenames
from psm.data.dates import Clock
from psm.data.recorders import RecorderNote, note_of, times
from psm.data.recorders.names import prefixes_of
from psm.errors import ConfigError
from psm.files import atomic_path
from psm.importing.field.placing import FieldClip
from psm.importing.field.recordings import LEAST, SOUNDS, FieldFolder, FieldOptions
from psm.importing.tablereader import SYNONYMS, column_names, match_columns, recordings_of

TERMS = ArchiveTerms(
    title="a folder of your own",
    home="",
    terms_url="",
    attribution="",
    requests_per_s=1000.0,  # a disk
)

_PAGE_SIZE = 500
_TABLES = (".csv", ".tsv")
_KNOWN = SYNONYMS | {
    "author": ("recordist",),
    "recorder": ("site", "station", "folder", "location", "deployment", "device"),
}
"""A table without names of files may name folders or recorders."""


@dataclass(frozen=True)
class _Found:
    """A file, or a row of the table without one, with what the table says of it."""

    name: str
    row: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    detail: str = ""


class Local:
    """The recordings in a folder and the folders in it, by name.

    Places come from a table: of each file, or of each recorder, whose folder or prefix its files
    share. Places and times that no table says come from what recorders write into headers, names
    and summaries; see :mod:`psm.data.recorders`. With ``deployments`` or ``detections`` the folder
    is read as :mod:`psm.importing.field` reads it, and long recordings are cut into clips.

    Args:
        folder: of the recordings.
        table: CSV, TSV or Parquet file; by default the only CSV or TSV file in the folder.
        lat, lon: of all recordings of which neither a table nor the file says it.
        clock: what times of recorders are in that state no offset, ``local`` or ``utc``; by
            default as the maker of the recorder has it.
        author, licence: of all recordings of which the table does not say it.
        deployments: table that says at which site each recorder stood, from when to when.
        detections: table of what is heard, or a folder of such tables.
        least: confidence from which on a detection counts.
        least_score: the same for scores that are no confidences.
        cut: ``whole``, ``detections`` or seconds; by default at the detections, if there are.
    """

    name = "local"
    terms = TERMS

    def __init__(
        self,
        *,
        folder: Path,
        table: Path | None = None,
        lat: float | None = None,
        lon: float | None = None,
        clock: Clock | None = None,
        author: str = "",
        licence: str = "",
        deployments: Path | None = None,
        detections: Path | None = None,
        least: float = LEAST,
        least_score: float | None = None,
        cut: str | None = None,
    ) -> None:
        if (lat is None) != (lon is None):
            raise ConfigError("archive local: a place needs both lat and lon")
        self._folder = existing(folder, "local", "folder")
        self._lat, self._lon, self._clock = lat, lon, clock
        self._author, self._licence = author, licence
        self._field: FieldFolder | None = None
        if deployments is not None or detections is not None or cut is not None:
            if table is not None:
                raise ConfigError(
                    "archive local: a table of files and deployments, detections or cut: give one; "
                    "rows of recorders may stand in the deployments"
                )
            self._field = FieldFolder(
                self._folder,
                FieldOptions(
                    deployments=deployments,
                    detections=detections,
                    least=least,
                    least_score=least_score,
                    cut=cut,
                    place=None if lat is None or lon is None else (lat, lon),
                ),
            )
            return
        self._table = self._find_table() if table is None else existing(table, "local", "table")
        self._rows, self._unusable = ({}, []) if self._table is None else _rows(self._table)

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """Pages of 500 files, by name."""
        read = Lines(self._found, _PAGE_SIZE)
        return pages(wanted, cursor, read=read, record=self._record, name=_name)

    def fetch(self, record: ListedRecording, path: Path) -> None:
        """Copy the file to ``path``. No link: nobody's original may change with the copy."""
        if "end_s" in record.more:
            begin_s, end_s = (float(record.more[name]) for name in ("begin_s", "end_s"))
            write_clip(self._folder / record.more["file"], path, begin_s, end_s)
            return
        try:
            with atomic_path(path, verify=False) as aside:
                shutil.copyfile(self._folder / record.more["file"], aside)
        except FileNotFoundError:
            raise Refused("gone", detail=record.more["file"]) from None
        except PermissionError:
            raise Refused("not for everybody", detail=record.more["file"]) from None

    def _found(self) -> Iterator[_Found | FieldClip]:
        """All files but the table, and those of which only the table knows."""
        if self._field is not None:
            yield from self._field.clips()
            return
        names = sorted(
            path.relative_to(self._folder).as_posix()
            for path in self._folder.rglob("*")
            if path.is_file() and path != self._table and not _is_hidden(path, self._folder)
        )
        used: set[str] = set()
        for name in names:
            said = next((key for key in _keys(name) if key in self._rows), None)
            used.update(() if said is None else (said,))
            row = _Row() if said is None else self._rows[said]
            yield _Found(name, row.said, row.problem)
        there = {filenames.folded(name): name for name in names}
        for key in sorted(self._rows.keys() - used):
            if Path(key).suffix:
                alike = there.get(filenames.folded(key))
                reason = f"no such file{', but one that differs in case or blanks' * bool(alike)}"
                detail = f"{key}: there is {alike}" if alike else key
                yield _Found(key, self._rows[key].said, reason, detail)
        yield from self._unusable

    def _record(self, entry: object) -> ListedRecording:
        if isinstance(entry, FieldClip):
            return self._clip(entry)
        assert isinstance(entry, _Found)
        path, row = self._folder / entry.name, entry.row
        if entry.problem:
            raise Refused(entry.problem, detail=entry.detail or entry.name)
        if path.suffix.lower() not in SOUNDS:
            raise Refused("no recording by its name", detail=path.suffix)
        note = note_of(path)
        lat, lon = _degrees(row, "latitude"), _degrees(row, "longitude")
        if lat is None or lon is None:
            lat, lon = note.lat, note.lon
        if lat is None or lon is None:
            lat, lon = self._lat, self._lon
        if lat is None or lon is None:
            raise Refused("no place in the table", detail=entry.name)
        recorded, clock = self._time(row, note, path.stem)
        return ListedRecording(
            source=self.name,
            id=_name(entry),
            url=f"file:{entry.name}",
            lat=lat,
            lon=lon,
            recorded=recorded,
            clock=clock,
            description=row.get("caption") or ", ".join(note.species),
            species=note.species[0] if note.species else "",
            author=row.get("author") or self._author or times.author(note),
            licence=row.get("licence") or self._licence,
            suffix=path.suffix.lower(),
            size_bytes=path.stat().st_size,
            more={"file": entry.name},
        )

    def _clip(self, clip: FieldClip) -> ListedRecording:
        if clip.problem:
            raise Refused(clip.problem, detail=clip.detail or clip.file)
        path = self._folder / clip.file
        is_cut = clip.begin_s is not None
        span = {"begin_s": repr(clip.begin_s), "end_s": repr(clip.end_s)} if is_cut else {}
        return ListedRecording(
            source=self.name,
            id=_name(clip),
            url=f"file:{clip.name}",
            lat=clip.lat,
            lon=clip.lon,
            recorded=clip.recorded,
            clock=clip.clock if clip.clock is Clock.UTC else self._clock or clip.clock,
            description=clip.caption,
            species=clip.sounds[0] if clip.sounds else "",
            author=self._author,
            licence=self._licence,
            suffix=".wav" if is_cut else path.suffix.lower(),
            size_bytes=None if is_cut else path.stat().st_size,
            more={"file": clip.file, "sounds": "\n".join(clip.sounds), **span},
        )

    def _time(self, row: Mapping[str, str], note: RecorderNote, stem: str) -> tuple[str, Clock]:
        said = " ".join(filter(None, (row.get("date"), row.get("time"))))
        if said:
            return said, self._clock or Clock.LOCAL
        found = times.recorded(note, stem)
        if found is None:
            return "", Clock.LOCAL
        text, clock = found
        return text, clock if note.offset is not None else self._clock or clock

    def _find_table(self) -> Path | None:
        found = [p for p in sorted(self._folder.iterdir()) if p.suffix.lower() in _TABLES]
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise ConfigError(f"{self._folder}: which is the table: {names}? Say table=")
        return found[0] if found else None


@dataclass(frozen=True)
class _Row:
    """What the table says of a file or a recorder, or why nobody knows."""

    said: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def _rows(path: Path) -> tuple[dict[str, _Row], list[_Found]]:
    """What the table says by file or by recorder, and the rows that say it of none."""
    names = column_names(path)
    columns = match_columns(names, {}, str(path), needed=(), known=_KNOWN)
    key = next((name for name in ("audio", "recorder") if name in columns), None)
    if key is None:
        raise ConfigError(
            f"{path}: no column that names files (file, filename, ...) or recorders "
            f"(recorder, {', '.join(_KNOWN['recorder'])}) among {', '.join(names)[:200]}"
        )
    found: dict[str, _Row] = {}
    unusable = []
    for entry in recordings_of(path, columns):
        name = filenames.canonical(entry.said[key]).strip("/")
        if entry.problem or not name:
            where = f"{path.name}: line {entry.line}"
            unusable.append(_Found(where, problem=entry.problem or f"no {key}", detail=where))
        elif name in found and found[name].said != entry.said:
            found[name] = _Row(problem="named twice in the table")
        else:
            found[name] = _Row(entry.said)
    return found, unusable


def _degrees(row: Mapping[str, str], name: str) -> float | None:
    said = row.get(name, "")
    value = delimited.degrees(said) if said else None
    if said and value is None:
        raise Refused(f"{name} is not a number", detail=said[:40])
    return value


def _keys(name: str) -> Iterator[str]:
    """How a table may name a file: path, name, recorder's folder, or prefix of its name."""
    name = filenames.canonical(name)
    path = Path(name)
    yield name
    yield path.name
    yield path.stem
    for folder in path.parents:
        yield folder.as_posix()
        yield folder.name
    # A prefix ends where the time begins: an underscore within it parts nothing.
    yield from prefixes_of(path.stem) or filter(None, (path.stem.rpartition("_")[0],))


def _name(entry: object) -> str:
    """An id from the path; with a digest where characters had to go."""
    assert isinstance(entry, _Found | FieldClip)
    stem = entry.name.removesuffix(Path(entry.name).suffix)
    digest = hashlib.blake2b(entry.name.encode("utf-8", "surrogateescape"), digest_size=4)
    return f"{re.sub('[^A-Za-z0-9_-]+', '-', stem)[-60:].strip('-')}-{digest.hexdigest()}"


def _is_hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)
