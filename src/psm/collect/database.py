"""DuckDB connection of the catalogue: transactions, rows in and out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from psm.errors import ConfigError, NoRoom
from psm.extras import require
from psm.files import atomic_path
from psm.locking import command_of
from psm.oserrors import no_room

GIVEN = "given"
"""The table that :meth:`Database.given` makes of rows, while its block runs."""

_HOLDER = re.compile(r"\(PID (\d+)\)")
_ARROW = {
    "TEXT": "string",
    "DOUBLE": "float64",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "BOOLEAN": "bool_",
    "BLOB": "binary",
}


class Database:
    """The one connection to a DuckDB file.

    Args:
        path: of the file, made where there is none.
        types: SQL types of all columns that rows are given with.

    Raises:
        ConfigError: another process has it open, or it is no DuckDB file.
    """

    def __init__(self, path: Path, types: Mapping[str, str]) -> None:
        duckdb, self._arrow = require("duckdb", "collect"), require("pyarrow", "collect")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = duckdb.connect(str(path))
        except duckdb.Error as problem:
            raise ConfigError(_why_not(path, str(problem))) from None
        self._types, self._path = types, path
        self._error: type[Exception] = duckdb.Error
        self._full: NoRoom | None = None

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement gives, if any."""
        with self._room():
            answer = self._connection.execute(statement, list(values))
            return list(answer.fetchall()) if answer.description else []

    def copy(self, query: str, path: Path) -> None:
        """Write what a query gives to a Parquet file, whole or not at all."""
        with atomic_path(path) as aside:
            name = str(aside).replace("'", "''")
            self.execute(f"COPY ({query}) TO '{name}' (FORMAT parquet)")

    def close(self) -> None:
        """Let others open the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that the block writes, or nothing of it."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            with suppress(OSError):  # a full disk has rolled it back already
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def given(self, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[None]:
        """These rows as the table :data:`GIVEN`; what a row lacks is null."""
        schema = self._arrow.schema([(name, self._type(self._types[name])) for name in names])
        self._connection.register(GIVEN, self._arrow.Table.from_pylist(list(rows), schema=schema))
        yield
        # After an error there is no need to: the transaction is over, the next rows replace these.
        self._connection.unregister(GIVEN)

    @contextmanager
    def _room(self) -> Iterator[None]:
        """A full disk as the system has it; after that DuckDB answers no more."""
        try:
            yield
        except self._error as problem:
            self._full = self._full or no_room(problem, self._path)
            if self._full is None:
                raise
            raise self._full from None

    def _type(self, kind: str) -> Any:
        if kind.endswith("[]"):
            return self._arrow.list_(self._type(kind.removesuffix("[]")))
        return getattr(self._arrow, _ARROW[kind.removesuffix(" NOT NULL")])()


def _why_not(path: Path, problem: str) -> str:
    if "lock" not in problem.lower():
        return f"{path}: not a catalogue that can be opened ({problem.splitlines()[0]:.200})"
    found = _HOLDER.search(problem)
    who = f"process {found[1]}{command_of(found[1])}" if found else "another process"
    return f"{path.parent}: {who} is building here; wait for it, or stop it first"
