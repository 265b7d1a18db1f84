"""Retrieval tasks in MTEB's form: queries, corpus and what answers what, on the hub or in a folder.

A task is three tables: ``queries`` and ``corpus`` with an ``id`` and an ``image`` or an ``audio``,
and ``qrels`` (or ``default``) with ``query-id``, ``corpus-id`` and ``score``. In a folder they lie
as the hub keeps them (Parquet, with or without a README that names them) or as ``save_to_disk`` of
the ``datasets`` library writes them. Media stay encoded, and are read some at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from psm.errors import ConfigError, CorruptShard, MissingData
from psm.extras import require
from psm.http import hub

SOUNDING_EARTH: Mapping[str, str] = {
    "dukesun99/SoundingEarth-A2I": "e97546c9ce77b71da1c8a97b6bb6c034f4378bee",
    "dukesun99/SoundingEarth-I2A": "137f91ccf6a3ce892697bd6022560b22ac3342f8",
    "mteb/SoundingEarth-A2I": "ddb411cf51e80dc66bd9e40c936ec0965dd87427",
    "mteb/SoundingEarth-I2A": "33d657c0c307ceeeb2ec47f143970f7456981988",
}
"""MTEB's tasks of SoundingEarth on the hub, at the commits that MTEB names. Those of ``mteb/`` are
its version 2, without duplicates."""

DEFAULT_TASKS = tuple(SOUNDING_EARTH)[:2]

MODALITIES = ("image", "audio")
_NAMES = {"queries": ("queries", "query"), "corpus": ("corpus",), "qrels": ("qrels", "default")}


@dataclass(frozen=True)
class Table:
    """A table in files of Parquet, or a folder of ``save_to_disk``.

    Attributes:
        paths: the files, or that folder alone.
    """

    paths: tuple[Path, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        if self._saved is not None:
            return tuple(self._saved.column_names)
        parquet = require("pyarrow.parquet", "data")
        with _readable(self.paths[0]):
            return tuple(parquet.read_schema(self.paths[0]).names)

    def rows(self, columns: tuple[str, ...], size: int) -> Iterator[list[dict[str, Any]]]:
        """Rows, at most ``size`` at a time, with media undecoded.

        Raises:
            CorruptShard: a file cannot be read.
        """
        if self._saved is not None:
            kept = self._saved.select_columns(list(columns))
            for start in range(0, len(kept), size):
                part = kept.select(range(start, min(start + size, len(kept))))
                yield [*part]
            return
        parquet = require("pyarrow.parquet", "data")
        waiting: list[dict[str, Any]] = []
        for path in self.paths:
            with _readable(path):
                for batch in parquet.ParquetFile(path).iter_batches(size, columns=list(columns)):
                    waiting += batch.to_pylist()
                    while len(waiting) >= size:
                        yield waiting[:size]
                        waiting = waiting[size:]
        if waiting:
            yield waiting

    @cached_property
    def _saved(self) -> Any:
        """The data set of ``save_to_disk``, media undecoded; ``None`` for Parquet."""
        if self.paths[0].suffix == ".parquet":
            return None
        datasets = require("datasets", "data")
        try:
            found = datasets.load_from_disk(str(self.paths[0]))
        except Exception as problem:  # pyarrow, fsspec and datasets each have their own
            raise CorruptShard(
                f"{self.paths[0]}: not readable ({hub.first_line(problem)})"
            ) from None
        if isinstance(found, dict):
            found = found.get("test") or next(iter(found.values()))
        kinds = {"Image": datasets.Image(decode=False), "Audio": datasets.Audio(decode=False)}
        for name, kind in found.features.items():
            if type(kind).__name__ in kinds:
                found = found.cast_column(name, kinds[type(kind).__name__])
        return found


@dataclass(frozen=True)
class Media:
    """The queries or the documents of a task: images, or recordings.

    Attributes:
        table: that they are in.
        modality: ``image`` or ``audio``.
        ids: their names, in order.
    """

    table: Table
    modality: str
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def parts(self, size: int) -> Iterator[list[tuple[str, bytes]]]:
        """Names and encoded bytes, some at a time, in order.

        Raises:
            CorruptShard: a file cannot be read, or a row holds no media.
        """
        name = _id_column(self.table)
        for rows in self.table.rows((name, self.modality), size):
            yield [
                (str(row[name]), self._bytes(row[self.modality], str(row[name]))) for row in rows
            ]

    def _bytes(self, value: Any, name: str) -> bytes:
        stored = value.get("bytes") if isinstance(value, Mapping) else value
        if stored is None and isinstance(value, Mapping) and value.get("path"):
            path = Path(value["path"])
            if path.is_file():
                return path.read_bytes()
        if not isinstance(stored, bytes):
            raise CorruptShard(f"{self.table.paths[0]}: {name} holds no {self.modality}")
        return stored


@dataclass(frozen=True)
class Task:
    """A retrieval task.

    Attributes:
        name: of the folder or the repository.
        revision: of the repository; ``None`` for a folder.
        queries: that are asked.
        corpus: the documents.
        relevant: by query, the grade of each document that is judged, one above 0 at least.
    """

    name: str
    revision: str | None
    queries: Media
    corpus: Media
    relevant: Mapping[str, Mapping[str, int]]


def find_tasks(origin: str) -> list[tuple[str, Path, str | None]]:
    """The tasks of a folder, or of folders in it, or of a repository of the hub.

    Args:
        origin: folder, or hub id.

    Returns:
        Name, folder and revision of each.

    Raises:
        MissingData: there is none, or the hub does not answer.
    """
    folder = Path(origin)
    if folder.is_dir():
        among = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
        found = [path for path in among if _tables(path, "corpus")]
        if not found:
            raise MissingData(
                f"{origin}: no task of MTEB in it: needs tables corpus, queries and qrels"
            )
        return [(path.resolve().name, path, None) for path in found]
    if origin.count("/") != 1 or origin.startswith((".", "/")):
        raise MissingData(f"{origin}: no such folder, and no name of a data set on the hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    revision = SOUNDING_EARTH.get(origin)
    try:
        with hub.asked_once(origin):
            path = snapshot_download(origin, repo_type="dataset", revision=revision)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as problem:
        raise MissingData(
            f"{origin}: no such folder, and the hub did not answer ({hub.reason(problem)}); "
            "download it elsewhere and give the folder as --data"
        ) from None
    return [(origin, Path(path), revision or Path(path).name)]


def read_task(name: str, folder: Path, revision: str | None = None) -> Task:
    """Read a task but for its media; queries that nothing answers are left out, as MTEB does.

    Args:
        name: what to call it.
        folder: that holds it.
        revision: of the repository that it was taken from.

    Raises:
        MissingData: a table is not there.
        ConfigError: a table lacks what it should have.
    """
    relevant = _relevant(_table(folder, "qrels"))
    queries, corpus = (_media(_table(folder, part), folder) for part in ("queries", "corpus"))
    unknown = {one for answers in relevant.values() for one in answers} - set(corpus.ids)
    if unknown:
        raise ConfigError(f"{folder}: qrels name {min(unknown)!r}, which the corpus lacks")
    answered = {query for query, grades in relevant.items() if any(g > 0 for g in grades.values())}
    if not answered & set(queries.ids):
        raise ConfigError(f"{folder}: no query that the qrels answer")
    kept = {query: relevant[query] for query in queries.ids if query in answered}
    return Task(name, revision, queries, corpus, kept)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in one line that a file of Parquet is none."""
    arrow = require("pyarrow", "data")
    try:
        yield
    except (arrow.ArrowException, OSError) as problem:
        raise CorruptShard(f"{path}: not readable ({hub.first_line(problem)})") from None


def _media(table: Table, folder: Path) -> Media:
    known = [name for name in MODALITIES if name in table.columns]
    if len(known) != 1:
        raise ConfigError(
            f"{folder}: a table needs one column of {' or '.join(MODALITIES)}, not "
            f"{', '.join(table.columns)}"
        )
    column = _id_column(table)
    ids = tuple(str(row[column]) for rows in table.rows((column,), 4096) for row in rows)
    if len(set(ids)) != len(ids):
        raise ConfigError(f"{folder}: two rows of {table.paths[0].name} have one id")
    return Media(table, known[0], ids)


def _relevant(table: Table) -> dict[str, dict[str, int]]:
    columns = ("query-id", "corpus-id", "score")
    if not set(columns) <= set(table.columns):
        raise ConfigError(f"{table.paths[0]}: needs columns {', '.join(columns)}")
    found: dict[str, dict[str, int]] = {}
    for rows in table.rows(columns, 4096):
        for row in rows:
            answers = found.setdefault(str(row["query-id"]), {})
            answers[str(row["corpus-id"])] = int(row["score"])
    return found


def _id_column(table: Table) -> str:
    for name in ("id", "_id"):
        if name in table.columns:
            return name
    raise ConfigError(f"{table.paths[0]}: no column id among {', '.join(table.columns)}")


def _table(folder: Path, part: str) -> Table:
    paths = _tables(folder, part)
    if not paths:
        raise MissingData(f"{folder}: no table {' or '.join(_NAMES[part])} of an MTEB task")
    return Table(paths)


def _tables(folder: Path, part: str) -> tuple[Path, ...]:
    """Files of a table: those that the card names, else those of the folder of its name."""
    named = _card(folder)
    for name in _NAMES[part]:
        for pattern in named.get(name, ()):
            if found := tuple(sorted(folder.glob(pattern))):
                return found
        inside = folder / name
        if found := tuple(sorted(inside.rglob("*.parquet"))):
            test = tuple(path for path in found if path.name.startswith("test"))
            return test or found
        if (inside / "dataset_dict.json").is_file() or (inside / "state.json").is_file():
            return (inside,)
    return ()


def _card(folder: Path) -> dict[str, list[str]]:
    """Patterns of the files of each table, the split test first, by the head of the README."""
    try:
        _, head, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
        about = yaml.safe_load(head)
        return {
            str(one["config_name"]): [
                str(files["path"])
                for files in sorted(one["data_files"], key=lambda f: f.get("split") != "test")
            ]
            for one in about["configs"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return {}
