"""Reader of tables (CSV, TSV, Parquet), and which of their columns is which."""

from __future__ import annotations

import bz2
import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from psm.errors import ConfigError
from psm.extras import install_line
from psm.importing.values import plain

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")

SYNONYMS: dict[str, tuple[str, ...]] = {
    "audio": ("audio_file", "audio_path", "file", "filename", "file_name", "filepath", "path",
              "recording", "wav", "sound", "sound_file"),
    "key": ("id", "sample_id", "recording_id", "sound_id", "asset_id"),
    "latitude": ("lat", "decimal_latitude", "y"),
    "longitude": ("lon", "lng", "long", "decimal_longitude", "x"),
    "date": ("datetime", "date_time", "timestamp", "date_recorded", "recorded_at", "recorded",
             "recorded_on", "recording_date", "event_date", "observed_on"),
    "time": ("time_recorded", "recording_time", "event_time", "local_time"),
    "month": (),
    "hour": (),
    "caption": ("text", "audio_caption", "description", "title", "tags", "common_name"),
    "caption_source": ("audio_caption_source",),
    "audio_source": ("source", "archive"),
    "licence": ("license", "license_url", "licenseurl", "rights"),
    "split": ("subset", "partition", "fold"),
    "tile": ("image", "image_path", "image_file", "tile_path", "satellite", "satellite_image"),
    "gsd_m": ("gsd", "resolution_m", "metres_per_pixel", "meters_per_pixel"),
}  # fmt: skip
"""Other names by ours, the likelier first. Case, blanks and underscores do not matter."""

NEEDED = ("audio", "latitude", "longitude", "caption")
_SEVERAL = ("caption",)


def column_names(path: Path) -> list[str]:
    """Names of the columns of a CSV, TSV or Parquet file.

    Raises:
        ConfigError: it is not such a table.
    """
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            return list(_parquet().read_schema(path).names)
        with _lines(path, "strict") as lines:
            return list(_reader(lines).fieldnames or [])


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV, TSV or Parquet file, by the names of its columns.

    Raises:
        ConfigError: it is not such a table.
    """
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            rows: list[dict[str, Any]] = _parquet().read_table(path).to_pylist()
            return rows
        return list(stream_rows(path))


def stream_rows(
    path: Path, *, needed: Sequence[str] = (), undecodable: str = "strict"
) -> Iterator[dict[str, Any]]:
    """The rows of a CSV or TSV file of any size, plain or compressed, one after the other.

    Args:
        path: of the table; ``.gz`` and ``.bz2`` are unpacked on the way.
        needed: columns that have to be there.
        undecodable: what becomes of bytes that are not UTF-8, as in :meth:`bytes.decode`.

    Raises:
        ConfigError: a column is missing that is needed.
        ValueError, OSError, EOFError, csv.Error: it is not such a table, or breaks off.
    """
    with _lines(path, undecodable) as lines:
        rows = _reader(lines)
        names = rows.fieldnames or ()
        if missing := [name for name in needed if name not in names]:
            raise ConfigError(
                f"{path}: no column {missing[0]} among {', '.join(names)[:200] or 'none'}"
            )
        yield from rows


def recordings_of(path: Path, columns: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """What a table says of each recording: texts by our names, empty where it says nothing.

    Args:
        path: of the table.
        columns: of :func:`match_columns`.

    Raises:
        ConfigError: it is not a table.
    """
    for row in read_table(path):
        yield {
            ours: next(filter(None, (plain(row[name]) for name in names)), "")
            for ours, names in columns.items()
        }


def unpacked(path: Path) -> bz2.BZ2File | gzip.GzipFile | BufferedReader:
    """An open file, unpacked on the way if its name says that it is compressed."""
    if path.suffix == ".bz2":
        return bz2.open(path, "rb")
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def match_columns(
    names: Sequence[str],
    chosen: Mapping[str, str],
    origin: str,
    *,
    needed: Sequence[str] = NEEDED,
    known: Mapping[str, Sequence[str]] = SYNONYMS,
) -> dict[str, tuple[str, ...]]:
    """The columns of a table by our names: one each, of captions all, the likelier first.

    Args:
        names: of the table's columns.
        chosen: columns by our names, where the user says so.
        origin: for the error.
        needed: which of ours have to be there.
        known: our names, with what else people call them.

    Raises:
        ConfigError: a needed column is missing, or a chosen one is not there.
    """
    for ours, theirs in chosen.items():
        if ours not in known:
            raise ConfigError(f"--column {ours}={theirs}: known are {', '.join(known)}")
        if theirs not in names:
            raise ConfigError(f"{origin}: no column {theirs!r}; there are {', '.join(names)}")
    by_plain_name = {_plain(name): name for name in reversed(names)}
    matched = {}
    for ours, others in known.items():
        found = [by_plain_name[_plain(n)] for n in (ours, *others) if _plain(n) in by_plain_name]
        if ours in chosen:
            found = [chosen[ours]]
        if found:
            matched[ours] = tuple(found if ours in _SEVERAL else found[:1])
    lacking = [ours for ours in needed if ours not in matched]
    if lacking:
        accepted = ", ".join((lacking[0], *known[lacking[0]]))
        raise ConfigError(
            f"{origin}: no column for {lacking[0]} among {', '.join(names)}; "
            f"call one of them {accepted}, or say --column {lacking[0]}=NAME"
        )
    return matched


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8; save the table as UTF-8") from None
    except (OSError, ValueError, csv.Error) as problem:
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"{path}: not a readable table ({reason})") from None


@contextmanager
def _lines(path: Path, undecodable: str) -> Iterator[TextIO]:
    with (
        unpacked(path) as stream,
        TextIOWrapper(stream, "utf-8-sig", undecodable, newline="") as lines,
    ):
        yield lines


def _reader(lines: TextIO) -> csv.DictReader[str]:
    header = lines.readline()
    delimiter = max(",;\t", key=header.count)
    return csv.DictReader(chain([header] if header else (), lines), delimiter=delimiter)


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(f"reading Parquet needs more packages: {install_line('data')}") from None
    return parquet


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
