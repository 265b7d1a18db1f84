"""A folder of one's own: recordings, and a table that says where they were made."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psm.collect.archives import fields, recorders
from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.archives.pages import Lines, existing, pages
from psm.collect.refusal import Refused
from psm.data.dates import Clock
from psm.errors import ConfigError
from psm.files import atomic_path
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
_SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff",
           ".wma", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".3gp")  # fmt: skip
_KNOWN = SYNONYMS | {
    "author": ("recordist",),
    "recorder": ("site", "station", "folder", "location", "deployment", "device"),
}
"""A table without names of files may name folders or recorders."""


@dataclass(frozen=True)
class _Found:
    """A file, or the name of one that should be there, with what the table says of it."""

    name: str
    row: dict[str, str]
    is_there: bool


class Local:
    """The recordings in a folder and the folders in it, by name.

    Places come from a table: of each file, or of each recorder, whose folder or prefix its files
    share. Times come from the table, else from the headers of WAV files, else from their names.

    Args:
        folder: of the recordings.
        table: CSV, TSV or Parquet file; by default the only CSV or TSV file in the folder.
        lat, lon: of all recordings of which no table says it.
        clock: what times in names of files are in, ``local`` or ``utc``; by default as the maker
            of the recorder has it.
        author, licence: of all recordings of which the table does not say it.
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
    ) -> None:
        if (lat is None) != (lon is None):
            raise ConfigError("archive local: a place needs both lat and lon")
        self._folder = existing(folder, "local", "folder")
        self._lat, self._lon, self._clock = lat, lon, clock
        self._author, self._licence = author, licence
        self._table = self._find_table() if table is None else existing(table, "local", "table")
        self._rows = {} if self._table is None else _rows(self._table)

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """Pages of 500 files, by name."""
        read = Lines(self._found, _PAGE_SIZE)
        return pages(wanted, cursor, read=read, record=self._record, name=_name)

    def fetch(self, record: ListedRecording, path: Path) -> None:
        """Copy the file to ``path``. No link: nobody's original may change with the copy."""
        try:
            with atomic_path(path, verify=False) as aside:
                shutil.copyfile(self._folder / record.more["file"], aside)
        except FileNotFoundError:
            raise Refused("gone", detail=record.more["file"]) from None
        except PermissionError:
            raise Refused("not for everybody", detail=record.more["file"]) from None

    def _found(self) -> Iterator[_Found]:
        """All files but the table, and those of which only the table knows."""
        names = sorted(
            path.relative_to(self._folder).as_posix()
            for path in self._folder.rglob("*")
            if path.is_file() and path != self._table and not _is_hidden(path, self._folder)
        )
        used: set[str] = set()
        for name in names:
            said = next((key for key in _keys(name) if key in self._rows), None)
            used.update(() if said is None else (said,))
            yield _Found(name, self._rows.get(said or "", {}), is_there=True)
        for key in sorted(self._rows.keys() - used):
            if Path(key).suffix:
                yield _Found(key, self._rows[key], is_there=False)

    def _record(self, entry: object) -> ListedRecording:
        assert isinstance(entry, _Found)
        path, row = self._folder / entry.name, entry.row
        if not entry.is_there:
            raise Refused("no such file", detail=entry.name)
        if path.suffix.lower() not in _SOUNDS:
            raise Refused("no recording by its name", detail=path.suffix)
        lat, lon = fields.number(row, "latitude"), fields.number(row, "longitude")
        if lat is None or lon is None:
            lat, lon = self._lat, self._lon
        if lat is None or lon is None:
            raise Refused("no place in the table", detail=entry.name)
        comment = recorders.wav_comment(path) if path.suffix.lower() == ".wav" else ""
        recorded, clock = self._time(row, comment, path.stem)
        return ListedRecording(
            source=self.name,
            id=_name(entry),
            url=f"file:{entry.name}",
            lat=lat,
            lon=lon,
            recorded=recorded,
            clock=clock,
            description=row.get("caption", ""),
            author=row.get("author") or self._author or recorders.maker(comment),
            licence=row.get("licence") or self._licence,
            suffix=path.suffix.lower(),
            size_bytes=path.stat().st_size,
            more={"file": entry.name},
        )

    def _time(self, row: dict[str, str], comment: str, stem: str) -> tuple[str, Clock]:
        said = " ".join(filter(None, (row.get("date"), row.get("time"))))
        if said:
            return said, self._clock or Clock.LOCAL
        if (found := recorders.by_comment(comment)) is not None:
            return found
        if (found := recorders.by_name(stem)) is not None:
            return found[0], self._clock or found[1]
        return "", Clock.LOCAL

    def _find_table(self) -> Path | None:
        found = [p for p in sorted(self._folder.iterdir()) if p.suffix.lower() in _TABLES]
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise ConfigError(f"{self._folder}: which is the table: {names}? Say table=")
        return found[0] if found else None


def _rows(path: Path) -> dict[str, dict[str, str]]:
    """What the table says, by file or by recorder."""
    names = column_names(path)
    columns = match_columns(names, {}, str(path), needed=(), known=_KNOWN)
    key = next((name for name in ("audio", "recorder") if name in columns), None)
    if key is None:
        raise ConfigError(
            f"{path}: no column that names files (file, filename, ...) or recorders "
            f"(recorder, {', '.join(_KNOWN['recorder'])}) among {', '.join(names)[:200]}"
        )
    found = {row[key].replace("\\", "/").strip("/"): row for row in recordings_of(path, columns)}
    found.pop("", None)
    return found


def _keys(name: str) -> Iterator[str]:
    """How a table may name a file: path, name, recorder's folder, or prefix of its name."""
    path = Path(name)
    yield name
    yield path.name
    yield path.stem
    for folder in path.parents:
        yield folder.as_posix()
        yield folder.name
    if "_" in path.stem:
        yield path.stem.partition("_")[0]


def _name(entry: object) -> str:
    """An id from the path; with a digest where characters had to go."""
    assert isinstance(entry, _Found)
    stem = entry.name.removesuffix(Path(entry.name).suffix)
    digest = hashlib.blake2b(entry.name.encode("utf-8", "surrogateescape"), digest_size=4)
    return f"{re.sub('[^A-Za-z0-9_-]+', '-', stem)[-60:].strip('-')}-{digest.hexdigest()}"


def _is_hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)
