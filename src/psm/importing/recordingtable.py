"""Format of a table about audio files, with tiles in files or cut from any provider's imagery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psm.errors import ConfigError, MissingData
from psm.files import sha256_of
from psm.importing.dataset import Format, ImportOptions
from psm.importing.recordingset import RecordingSet, tiles_of
from psm.importing.tablereader import (
    TABLE_SUFFIXES,
    TableEntry,
    column_names,
    match_columns,
    recordings_of,
)

_OF_TILES = ("tile", "gsd_m")


@dataclass(frozen=True, kw_only=True)
class RecordingTable(RecordingSet):
    """A table whose rows are recordings; files that it names lie beside it or in ``audio/``.

    Attributes:
        path: the table.
        chosen: columns by our names, where theirs do not tell.
    """

    path: Path
    chosen: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Beside the table."""
        return self.path.parent

    def fingerprint(self) -> dict[str, Any]:
        """The table, and what is made of it."""
        return {
            "format": "table",
            "table": sha256_of(self.path)[:16],
            "columns": dict(self.chosen),
            **self.settings(),
        }

    def describe(self) -> str:
        """Which columns are read as what, and which are not."""
        columns = self.columns()
        names = column_names(self.path)
        read = "; ".join(f"{ours} from {', '.join(found)}" for ours, found in columns.items())
        left = [name for name in names if all(name not in found for found in columns.values())]
        unused = f"; not used: {', '.join(left)}" if left else ""
        splits = "" if "split" in columns else f"; split by place, {self.buffer_km:.3g} km apart"
        splits = f"; all {self.split}" if self.split else splits
        made = "".join(f"; {said}" for said in self.made())
        return f"a table of recordings, {self.path.name}: {read}{unused}{splits}{made}"

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Columns of the table by our names.

        Raises:
            ConfigError: the table cannot be read, or what it needs is not there.
            MissingData: there is no imagery.
        """
        names = column_names(self.path)
        columns = match_columns(names, self.chosen, str(self.path))
        if self.cutter is not None:
            columns = {name: found for name, found in columns.items() if name not in _OF_TILES}
        self.require_tiles(self.path, are_named="tile" in columns, are_sized="gsd_m" in columns)
        return columns

    def entries(self) -> list[TableEntry]:
        """The rows of the table."""
        said = list(recordings_of(self.path, self.columns()))
        if not said:
            raise MissingData(f"{self.path}: the table has no rows")
        return said


def only_table(folder: Path) -> Path | None:
    """The table in a folder, if there is one.

    Raises:
        ConfigError: there are several.
    """
    tables = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in TABLE_SUFFIXES]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise ConfigError(f"{folder}: which table? give one of {names} itself")
    return tables[0] if tables else None


def _recognises(origin: str) -> bool:
    path = Path(origin)
    if path.is_dir():
        return only_table(path) is not None
    return path.suffix.lower() in TABLE_SUFFIXES and path.is_file()


def _open(origin: str, options: ImportOptions) -> RecordingTable:
    path: Path | None = Path(origin)
    if Path(origin).is_dir() and (path := only_table(Path(origin))) is None:
        raise MissingData(f"{origin}: found no {TABLE.example}")
    assert path is not None
    return RecordingTable(path=path, chosen=options.columns, **tiles_of(origin, options))


TABLE = Format(
    name="table",
    whose="of a table",
    example=f"table of recordings ({', '.join(TABLE_SUFFIXES)})",
    options=frozenset({"columns", "gsd_m", "imagery_options", "splits"}),
    recognises=_recognises,
    open=_open,
)
"""Anybody's own recordings."""
