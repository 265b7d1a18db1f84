"""Somebody's table: its rows, and which of its columns is which."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from psm.errors import ConfigError
from psm.extras import install_line

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
    with _reading(path):
        if path.suffix.lower() == ".parquet":
            return list(_parquet().read_schema(path).names)
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return list(_reader(stream).fieldnames or [])


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV, TSV or Parquet file, by the names of its columns.

    Raises:
        ConfigError: it is not such a table.
    """
    with _reading(path):
        if path.suffix.lower() == ".parquet":
            rows: list[dict[str, Any]] = _parquet().read_table(path).to_pylist()
            return rows
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return list(_reader(stream))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8; save the table as UTF-8") from None
    except (OSError, ValueError, csv.Error) as problem:
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"{path}: not a readable table ({reason})") from None


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(f"reading Parquet needs more packages: {install_line('data')}") from None
    return parquet


def _reader(stream: TextIO) -> csv.DictReader[str]:
    header = stream.readline()
    stream.seek(0)
    return csv.DictReader(stream, delimiter=max(",;\t", key=header.count))


def match_columns(
    names: Sequence[str],
    chosen: Mapping[str, str],
    origin: str,
    *,
    needed: Sequence[str] = NEEDED,
) -> dict[str, tuple[str, ...]]:
    """The columns of a table by our names: one each, of captions all, the likelier first.

    Args:
        names: of the table's columns.
        chosen: columns by our names, where the user says so.
        origin: for the error.
        needed: which of ours have to be there.

    Raises:
        ConfigError: a needed column is missing, or a chosen one is not there.
    """
    for ours, theirs in chosen.items():
        if ours not in SYNONYMS:
            raise ConfigError(f"--column {ours}={theirs}: known are {', '.join(SYNONYMS)}")
        if theirs not in names:
            raise ConfigError(f"{origin}: no column {theirs!r}; there are {', '.join(names)}")
    by_plain_name = {_plain(name): name for name in reversed(names)}
    matched = {}
    for ours, others in SYNONYMS.items():
        found = [by_plain_name[_plain(n)] for n in (ours, *others) if _plain(n) in by_plain_name]
        if ours in chosen:
            found = [chosen[ours]]
        if found:
            matched[ours] = tuple(found if ours in _SEVERAL else found[:1])
    lacking = [ours for ours in needed if ours not in matched]
    if lacking:
        accepted = ", ".join((lacking[0], *SYNONYMS[lacking[0]]))
        raise ConfigError(
            f"{origin}: no column for {lacking[0]} among {', '.join(names)}; "
            f"call one of them {accepted}, or say --column {lacking[0]}=NAME"
        )
    return matched


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
