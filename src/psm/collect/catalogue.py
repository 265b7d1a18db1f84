"""Catalogue of a build: one row a candidate, in a DuckDB file that only the builder opens.

Everything that belongs together is one transaction: a page of a listing and the place where the
listing goes on, a batch of outcomes of a stage. A builder that is killed leaves what was committed.
Others read :data:`SNAPSHOT`, the same table as Parquet, since DuckDB keeps its file for itself.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from psm.collect.archives.archive import Page
from psm.collect.candidates import ListingProgress, refusal, rows_of
from psm.collect.columns import (
    COLUMNS,
    COMPARING,
    REFUSAL,
    SCHEMA_VERSION,
    STEPS,
    CandidateState,
    Fields,
    Stage,
    columns_from,
    passed,
    reached,
    waiting,
    words,
)
from psm.collect.database import Database
from psm.collect.refusal import Refused
from psm.errors import ConfigError

FILE, SNAPSHOT = "catalogue.duckdb", "catalogue.parquet"

Outcome = tuple[str, Mapping[str, Any] | Refused]
"""A key, and what a stage found for its columns or why it refuses the row."""

_LISTED = ("key", "source", "id", "state", *REFUSAL, "record")
_SNAPSHOT_EVERY_S = 30.0
_SNAPSHOT_SHARE = 0.05  # of the time, at most, goes into snapshots


class BuildCatalogue(AbstractContextManager["BuildCatalogue"]):
    """The catalogue of a build folder, open for one builder; made where there is none.

    Raises:
        ConfigError: another process is building in this folder, or the file is not a catalogue of
            this version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._db = Database(folder / FILE, COLUMNS)
        self._next_snapshot = 0.0
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def listing(self, archive: str) -> ListingProgress:
        """How far the listing of an archive has come."""
        found = self._db.execute(
            "SELECT cursor, is_complete, listed FROM listings WHERE source = ?", [archive]
        )
        return ListingProgress(*found[0]) if found else ListingProgress()

    def add_page(self, archive: str, page: Page, *, most: int | None = None) -> ListingProgress:
        """Take a page over, with the place where the listing goes on.

        An entry whose key is there already is skipped. After ``most`` rows the listing is complete.
        """
        before = self.listing(archive)
        if before.is_complete:
            return before
        with self._db.transaction():
            rows = self._unknown(rows_of(archive, page))
            if most is not None:
                rows = rows[: max(0, most - before.count)]
            with self._db.given(rows, _LISTED):
                self._db.execute("INSERT INTO rows BY NAME SELECT * FROM given")
            count = before.count + len(rows)
            is_complete = page.cursor is None or (most is not None and count >= most)
            after = ListingProgress(page.cursor, is_complete, count)
            self._db.execute("DELETE FROM listings WHERE source = ?", [archive])
            self._db.execute(
                "INSERT INTO listings VALUES (?, ?, ?, ?)",
                [archive, after.cursor, after.is_complete, after.count],
            )
        return after

    def ready(
        self, stage: Stage, columns: Sequence[str], *, archives: Collection[str] | None = None
    ) -> list[Fields]:
        """Rows that wait for a stage, by key, with their key and ``columns``.

        A stage that compares gets all rows that came as far, those it left out before included.
        """
        which = waiting(stage)
        if archives is not None:
            which += f" AND source IN ({', '.join('?' * len(archives)) or 'NULL'})"
        return self._select(which, columns, [*(archives or ())])

    def passed(self, stage: Stage, columns: Sequence[str]) -> list[Fields]:
        """Rows that passed a stage and all before it, and are not refused, by key."""
        return self._select(passed(stage), columns)

    def count(self, stage: Stage) -> int:
        """How many rows wait for a stage."""
        found: int = self._db.execute(f"SELECT count(*) FROM rows WHERE {waiting(stage)}")[0][0]
        return found

    def begun(self) -> frozenset[Stage]:
        """Stages that have done something, and all before them."""
        done = [Stage.LIST] if self._db.execute("SELECT 1 FROM listings LIMIT 1") else []
        for stage in Stage:
            mark = f"{STEPS[stage].mark} IS NOT NULL OR" if stage in STEPS else ""
            if self._db.execute(f"SELECT 1 FROM rows WHERE {mark} stage = ? LIMIT 1", [stage]):
                done.append(stage)
        last = max((stage.place for stage in done), default=-1)
        return frozenset(stage for stage in Stage if stage.place <= last)

    def counts(self) -> dict[tuple[str, str], int]:
        """Rows by archive and state."""
        found = self._db.execute(
            "SELECT source, state, count(*) FROM rows GROUP BY ALL ORDER BY ALL"
        )
        return {(archive, state): count for archive, state, count in found}

    def refusals(self) -> dict[tuple[str, str], int]:
        """Refused rows by stage and reason."""
        found = self._db.execute(
            "SELECT stage, reason, count(*) FROM rows WHERE state = ? GROUP BY ALL ORDER BY ALL",
            [CandidateState.REFUSED],
        )
        return {(stage, reason): count for stage, reason, count in found}

    def silent(self) -> dict[str, str]:
        """Archives that handed nothing over though they were asked, with a reason that may pass."""
        found = self._db.execute(
            "SELECT source, min(reason) FILTER (stage = ? AND may_pass) AS why FROM rows "
            "GROUP BY source HAVING why IS NOT NULL AND count(media_sha256) = 0",
            [Stage.FETCH],
        )
        return dict(found)

    def may_pass(self) -> int:
        """Refused rows that may do better another time."""
        which = f"state = '{CandidateState.REFUSED}' AND may_pass"
        found: int = self._db.execute(f"SELECT count(*) FROM rows WHERE {which}")[0][0]
        return found

    def apply(self, stage: Stage, outcomes: Iterable[Outcome]) -> None:
        """Write what a stage found, all or nothing."""
        passed: list[Fields] = []
        refused: list[Fields] = []
        for key, outcome in outcomes:
            if isinstance(outcome, Refused):
                refused.append({"key": key, **refusal(stage, outcome)})
            else:
                passed.append({"key": key, **outcome})
        with self._db.transaction():
            self._refuse(refused)
            self._fill(passed, tuple(STEPS[stage].columns))

    def decide(
        self,
        stage: Stage,
        left_out: Mapping[str, Refused],
        filled: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Write what a stage that compares decided; rows it left out before come back.

        Args:
            stage: the stage.
            left_out: rows that it refuses. Those that a later stage refused stay refused there: it
                shows what was wrong with them.
            filled: its columns of rows; what later stages filled in rows that change is emptied.
        """
        before = self._db.execute(
            "SELECT key FROM rows WHERE state = ? AND stage = ?", [CandidateState.REFUSED, stage]
        )
        back = [{"key": key} for (key,) in before if key not in left_out]
        refused = [{"key": key, **refusal(stage, why)} for key, why in left_out.items()]
        with self._db.transaction():
            self._restore(back)
            self._refuse(refused, unless=stage)
            if filled:
                self._fill(
                    [{"key": key, **values} for key, values in filled.items()],
                    tuple(STEPS[stage].columns),
                    emptied=tuple(set(columns_from(stage)) - set(STEPS[stage].columns)),
                )

    def reset(self, stage: Stage, keys: Iterable[str]) -> None:
        """Have a stage, and all after it, done again for these rows."""
        with self._db.transaction(), self._db.given([{"key": key} for key in keys], ("key",)):
            self._update(", ".join(f"{name} = NULL" for name in columns_from(stage)))
            self._settle()

    def redo(self, stage: Stage) -> None:
        """Have one stage done again for all rows that came as far.

        What later stages found stays, for stages that take nothing from this one.
        """
        emptied = ", ".join(f"{name} = NULL" for name in STEPS[stage].columns)
        # Rows that were left out by comparison afterwards may come back, and need it then.
        theirs = words((stage, *(s for s in COMPARING if s.place > stage.place)))
        which = f"state <> '{CandidateState.REFUSED}' OR stage IN ({theirs})"
        with self._db.transaction():
            self._db.execute(f"UPDATE rows SET {emptied}")
            keys = self._db.execute(f"SELECT key FROM rows WHERE {which}")
            self._restore([{"key": key} for (key,) in keys])

    def put_back(self, *, every: bool = False) -> int:
        """Give refused rows another chance: those whose reason may pass, or all; how many.

        Entries of a listing that are no recordings stay refused, and so do rows that are left out
        by comparison, which is decided anew anyway.
        """
        elsewhere = words((Stage.LIST, *COMPARING))
        which = f"state = '{CandidateState.REFUSED}' AND stage NOT IN ({elsewhere})"
        if not every:
            which += " AND may_pass"
        keys = self._db.execute(f"SELECT key FROM rows WHERE {which}")
        with self._db.transaction():
            self._restore([{"key": key} for (key,) in keys])
        return len(keys)

    def snapshot(self, *, now: bool = False) -> bool:
        """Write :data:`SNAPSHOT` if it is time to; whether it was."""
        start = time.monotonic()
        if not now and start < self._next_snapshot:
            return False
        self._db.copy("SELECT * FROM rows ORDER BY key", self._folder / SNAPSHOT)
        end = time.monotonic()
        self._next_snapshot = end + max(_SNAPSHOT_EVERY_S, (end - start) / _SNAPSHOT_SHARE)
        return True

    def _prepare(self) -> None:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        with self._db.transaction():
            self._db.execute("CREATE TABLE IF NOT EXISTS schema (version INTEGER)")
            found = self._db.execute("SELECT version FROM schema")
            if not found:
                self._db.execute("INSERT INTO schema VALUES (?)", [SCHEMA_VERSION])
            elif found != [(SCHEMA_VERSION,)]:
                raise ConfigError(
                    f"{self._folder}: a catalogue of version {found[0][0]}, not {SCHEMA_VERSION}; "
                    "go on with the version of psm that began it, or choose another folder"
                )
            # No primary key: DuckDB would not let lists be updated beside one. Keys are unique
            # all the same, for one builder inserts, and looks first.
            self._db.execute(f"CREATE TABLE IF NOT EXISTS rows ({columns})")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS listings "
                "(source TEXT, cursor TEXT, is_complete BOOLEAN, listed BIGINT)"
            )

    def _select(
        self, which: str, columns: Sequence[str], values: Sequence[str] = ()
    ) -> list[Fields]:
        names = tuple(dict.fromkeys(("key", *columns)))
        found = self._db.execute(
            f"SELECT {', '.join(names)} FROM rows WHERE {which} ORDER BY key", values
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def _unknown(self, rows: Sequence[Fields]) -> list[Fields]:
        with self._db.given(rows, ("key",)):
            found = self._db.execute("SELECT rows.key FROM rows JOIN given USING (key)")
        known = {key for (key,) in found}
        return [row for row in rows if row["key"] not in known]

    def _fill(
        self, rows: Sequence[Fields], names: Sequence[str], *, emptied: Sequence[str] = ()
    ) -> None:
        changes = [f"{name} = given.{name}" for name in names]
        changes += [f"{name} = NULL" for name in emptied]
        differs = " OR ".join(f"rows.{name} IS DISTINCT FROM given.{name}" for name in names)
        with self._db.given(rows, ("key", *names)):
            self._update(", ".join(changes), f"({differs})")
            self._settle()

    def _refuse(self, rows: Sequence[Fields], *, unless: Stage | None = None) -> None:
        changes = ", ".join(f"{name} = given.{name}" for name in REFUSAL)
        differs = "(rows.reason, rows.detail) IS DISTINCT FROM (given.reason, given.detail)"
        if unless is not None:
            later = words(s for s in Stage if s.place > unless.place)
            differs += f" AND (rows.stage IS NULL OR rows.stage NOT IN ({later}))"
        with self._db.given(rows, ("key", *REFUSAL)):
            self._update(f"state = '{CandidateState.REFUSED}', {changes}", differs)

    def _restore(self, rows: Sequence[Fields]) -> None:
        with self._db.given(rows, ("key",)):
            self._update(", ".join(f"{name} = NULL" for name in REFUSAL))
            self._settle()

    def _settle(self) -> None:
        """The state of the given rows, as it follows from their columns."""
        self._update(f"state = {reached()}", "rows.reason IS NULL")

    def _update(self, changes: str, which: str = "true") -> None:
        self._db.execute(
            f"UPDATE rows SET {changes} FROM given WHERE rows.key = given.key AND {which}"
        )
