"""Files of tables of indices: CSV, or Parquet with all settings in its metadata."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psm.data import delimited
from psm.extras import require
from psm.files import atomic_path
from psm.indices.sources import Cell

SUFFIXES = (".csv", ".parquet")

Row = dict[str, Cell]

_METADATA = b"psm_indices"
_PLACE_AND_TIME = ("lat", "lon", "begin_s", "end_s", "month", "hour")


def write_table(
    out: Path,
    rows: Sequence[Row],
    names: Sequence[str],
    *,
    numbers: Sequence[str],
    about: Mapping[str, Any],
) -> None:
    """Write a table; complete or absent.

    Args:
        out: ``.csv`` or ``.parquet``.
        rows: by the names of columns.
        names: of the columns, in their order.
        numbers: which of them hold numbers, beside place and time.
        about: settings, which Parquet has room for.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    with atomic_path(out) as aside:
        if out.suffix.lower() == ".parquet":
            _write_parquet(aside, rows, names, {*numbers, *_PLACE_AND_TIME}, about)
            return
        with aside.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows({name: _text(cell) for name, cell in row.items()} for row in rows)


def _text(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else f"{value}"


def _write_parquet(
    path: Path,
    rows: Sequence[Row],
    names: Sequence[str],
    is_number: set[str],
    about: Mapping[str, Any],
) -> None:
    arrow, parquet = require("pyarrow", "data"), require("pyarrow.parquet", "data")
    arrays = {}
    for name in names:
        cells = [row[name] for row in rows]
        if name in is_number:
            arrays[name] = arrow.array([_numeric(cell) for cell in cells], type=arrow.float64())
        else:
            texts = [None if cell is None else f"{cell}" for cell in cells]
            arrays[name] = arrow.array(texts, type=arrow.string())
    found = arrow.table(arrays)
    found = found.replace_schema_metadata({_METADATA: json.dumps(about).encode()})
    parquet.write_table(found, path)


def _numeric(value: Cell) -> float | None:
    """The number in a cell; a text that is none is not kept, since the column is of numbers."""
    return delimited.degrees(value) if isinstance(value, str) else value
