"""Reader of tables (CSV, TSV, Parquet), and which of their columns is which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psm.data import delimited
from psm.data.delimited import NUL, DelimitedRow
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


@dataclass(frozen=True)
class TableEntry:
    """What a table says of one recording.

    Attributes:
        line: of the table, from 1; of Parquet the number of the row.
        said: texts by our names of columns, empty where the table says nothing.
        problem: why the row cannot be used; empty where it can.
        detail: what is particular about that.
    """

    line: int
    said: Mapping[str, str]
    problem: str = ""
    detail: str = ""


def column_names(path: Path) -> list[str]:
    """Names of the columns of a CSV, TSV or Parquet file.

    Raises:
        ConfigError: it is not such a table.
    """
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            names = list(_parquet().read_schema(path).names)
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ConfigError(f"{path}: two columns are named {twice[0]!r}; rename one")
            return names
        if not (names := delimited.header_of(path)):
            raise ConfigError(f"{path}: the table is empty")
        return names


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV, TSV or Parquet file, by the names of its columns.

    Raises:
        ConfigError: it is not such a table.
    """
    return [row.cells for row in table_rows(path)]


def recordings_of(path: Path, columns: Mapping[str, Sequence[str]]) -> Iterator[TableEntry]:
    """What a table says of each recording, by our names.

    Args:
        path: of the table.
        columns: of :func:`match_columns`.

    Raises:
        ConfigError: it is not a table.
    """
    for row in table_rows(path):
        cells: Mapping[str, Any] = row.cells
        said = {
            ours: next(filter(None, (plain(cells.get(name)) for name in names)), "")
            for ours, names in columns.items()
        }
        problem = row.problem or (NUL if any("\0" in text for text in said.values()) else "")
        yield TableEntry(row.line, said, problem)


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
    by_plain_name: dict[str, str] = {}
    alike: dict[str, str] = {}
    for name in names:
        if _plain(name) in by_plain_name:
            alike[by_plain_name[_plain(name)]] = name
        by_plain_name.setdefault(_plain(name), name)
    matched = {}
    for ours, others in known.items():
        found = [by_plain_name[_plain(n)] for n in (ours, *others) if _plain(n) in by_plain_name]
        if ours in chosen:
            found = [chosen[ours]]
        elif twins := [name for name in found if name in alike]:
            raise ConfigError(
                f"{origin}: which is {ours}, column {twins[0]!r} or {alike[twins[0]]!r}? "
                f"rename one, or say --column {ours}=NAME"
            )
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


def table_rows(path: Path) -> list[DelimitedRow]:
    """The rows of a CSV, TSV or Parquet file, each with its line and with what is wrong with it.

    Raises:
        ConfigError: it is not such a table.
    """
    with _readable(path):
        if path.suffix.lower() != ".parquet":
            return list(delimited.rows_of(path))
        rows = _parquet().read_table(path).to_pylist()
        return [DelimitedRow(number, row) for number, row in enumerate(rows, start=1)]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise ConfigError(f"{path}: not a readable table ({reason})") from None


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(f"reading Parquet needs more packages: {install_line('data')}") from None
    return parquet


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
