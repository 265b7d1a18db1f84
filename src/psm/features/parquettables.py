"""Parquet files with a vector a row: read by columns, several files as one table."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from psm.errors import ConfigError, MissingData
from psm.extras import require


def files_of(text: str, suffixes: Sequence[str]) -> list[Path]:
    """Files that a path, a folder or a pattern names, in order.

    Args:
        text: what was given.
        suffixes: of the files that are taken from a folder.

    Raises:
        MissingData: there are none.
    """
    path = Path(text)
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() in suffixes)
    elif path.exists():
        found = [path]
    else:
        found = sorted(map(Path, glob.glob(text, recursive=True)))
    if not found:
        raise MissingData(f"{text}: no such file" if not path.is_dir() else f"{text}: has none of "
                          f"{', '.join(suffixes)}")  # fmt: skip
    return found


def read_tables(paths: Sequence[Path]) -> Any:
    """The rows of Parquet files, as one table of pyarrow.

    Args:
        paths: of the same columns.

    Raises:
        MissingExtra: pyarrow is not installed.
        ConfigError: one is no Parquet file, or has other columns than the first.
    """
    arrow, parquet = require("pyarrow", "data"), require("pyarrow.parquet", "data")
    tables = []
    for path in paths:
        try:
            tables.append(parquet.read_table(path))
        except (arrow.ArrowException, OSError) as problem:
            reason = str(problem).splitlines()[0]
            raise ConfigError(f"{path}: not a readable Parquet file ({reason})") from None
    try:
        return arrow.concat_tables(tables)
    except arrow.ArrowException:
        raise ConfigError(f"{paths[0]} and others beside it have different columns") from None


def column(table: Any, names: Sequence[str], origin: str) -> Any:
    """The first of some columns that a table has, as an array of numpy; of lists, a row each.

    Args:
        table: of pyarrow.
        names: what it may be called.
        origin: for the error.

    Raises:
        ConfigError: it has none of them, or vectors of different lengths.
    """
    name = next((one for one in names if one in table.column_names), None)
    if name is None:
        raise ConfigError(f"{origin}: has no column {' or '.join(names)}")
    values = table.column(name).to_pylist()
    if values and isinstance(values[0], list):
        rows = [np.asarray(one, np.float32).ravel() for one in values]
        if len({len(one) for one in rows}) > 1:
            raise ConfigError(f"{origin}: {name} has vectors of different lengths")
        return np.stack(rows)
    return np.asarray(values)
