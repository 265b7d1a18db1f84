"""Reads what programs and people found in recordings: one table, or all in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psm.errors import ConfigError, MissingData
from psm.importing.field.labels import DetectionTable
from psm.importing.field.labeltables import read_label_table
from psm.importing.field.labeltracks import is_label_track, read_label_track
from psm.importing.tablereader import TABLE_SUFFIXES

SUFFIXES = (*TABLE_SUFFIXES, ".txt")


@dataclass(frozen=True)
class Detections:
    """The tables of detections at a place.

    Attributes:
        path: of the table, or of the folder with them.
        tables: those that were read, by name.
        left_out: files in the folder that are none, each with the reason.
    """

    path: Path
    tables: Sequence[DetectionTable]
    left_out: Sequence[tuple[Path, str]] = ()

    @property
    def has_scores_alone(self) -> str:
        """Name of the first table in which scores stand for confidences; empty where none has."""
        return next(
            (
                table.origin
                for table in self.tables
                for label in table.labels
                if label.counts(0.0, float("-inf")) and not label.counts(0.0, None)
            ),
            "",
        )


def read_detections(path: Path) -> Detections:
    """Read a table of detections, or all tables in a folder and the folders in it.

    Args:
        path: a table in any of the forms of :mod:`psm.importing.field.labelcolumns` or
            :mod:`psm.importing.field.labeltracks`, known by its columns; or a folder.

    Raises:
        MissingData: nothing is there.
        ConfigError: it is no table of detections; of a folder, none in it is.
    """
    if not path.exists():
        raise MissingData(f"{path}: no such table or folder of detections")
    if path.is_file():
        return Detections(path, [read_table_of_detections(path)])
    tables, left_out = [], []
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if hidden or file.suffix.lower() not in SUFFIXES or not file.is_file():
            continue
        try:
            tables.append(read_table_of_detections(file, below=path))
        except ConfigError as problem:
            left_out.append((file, str(problem)))
    if not tables:
        why = left_out[0][1] if left_out else f"it holds no {', '.join(SUFFIXES)}"
        raise ConfigError(f"{path}: no table of detections in this folder ({why})")
    return Detections(path, tables, left_out)


def read_table_of_detections(path: Path, *, below: Path | None = None) -> DetectionTable:
    """Read one table, by its header, or as a label track where it has none.

    Args:
        path: of the table.
        below: folder by which it is called; by default it is called by its name alone.

    Raises:
        ConfigError: it is no table of detections.
    """
    try:
        is_track = path.suffix.lower() != ".parquet" and is_label_track(path)
        table = read_label_track(path) if is_track else read_label_table(path)
    except (OSError, EOFError) as problem:
        raise ConfigError(f"{path}: not a readable table ({problem})") from None
    origin = path.name if below is None else path.relative_to(below).as_posix()
    return DetectionTable(
        origin=origin, labels=table.labels, looked_at=table.looked_at, problems=table.problems
    )
