"""Data sets of the hub or of its form on this machine, streamed by the ``datasets`` library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from psm.errors import ConfigError, CorruptShard, MissingData, PSMError
from psm.extras import install_line
from psm.http.hub import first_line
from psm.importing.published.columns import UNKNOWN

_CACHED = 8


@lru_cache(maxsize=_CACHED)
def schema(origin: str, revision: str | None, stamp: str) -> dict[str, str]:  # noqa: ARG001
    """Types of all columns by their names.

    Args:
        origin: hub id, folder or Parquet file.
        revision: on the hub.
        stamp: tells states of files on this machine apart, see :func:`stamp_of`.

    Raises:
        PSMError: it cannot be read.
    """
    rows = next(iter(_load(origin, revision).values()))
    if not rows.features:
        raise ConfigError(f"{origin}: its columns are not declared; convert it to Parquet first")
    return {name: str(getattr(kind, "dtype", kind)) for name, kind in rows.features.items()}


@lru_cache(maxsize=_CACHED)
def pieces(
    origin: str,
    revision: str | None,
    columns: tuple[str, ...],
    stamp: str,  # noqa: ARG001
) -> dict[str, Any]:
    """Splits with those columns, undecoded, in pieces that are read on their own."""
    found = _load(origin, revision)
    is_parquet = next(iter(found.values())).info.builder_name == "parquet"
    if is_parquet:  # of which some columns can be read alone
        found = _load(origin, revision, columns=list(columns))
    undecoded = {
        name: rows.select_columns(list(columns)).decode(False) for name, rows in found.items()
    }
    if not Path(origin).exists():
        return undecoded
    # Row groups are found by opening every file: cheap here, not on the hub.
    return {name: rows.reshard() for name, rows in undecoded.items()}


def rows_of(origin: str, rows: Any, number: int) -> Iterator[dict[str, Any]]:
    """The rows of one piece, columns by name.

    Raises:
        PSMError: it cannot be read on.
    """
    stream = iter(rows.shard(rows.num_shards, number))
    while True:
        try:
            row = next(stream)
        except StopIteration:
            return
        except Exception as problem:  # pyarrow, fsspec and datasets each have their own
            raise _unreadable(origin, problem) from None
        yield row


def files_of(origin: str) -> list[Path]:
    """The Parquet files of a data set on this machine."""
    path = Path(origin)
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() == ".parquet")


def files_of_no_split(origin: str) -> list[str]:
    """Names of files in a folder that the names of its splits leave out."""
    folder = Path(origin)
    if not folder.is_dir():
        return []
    import datasets

    named = datasets.load_dataset_builder(origin).config.data_files or {}
    read = {Path(str(path)).resolve() for paths in named.values() for path in paths}
    return [
        path.relative_to(folder).as_posix()
        for path in files_of(origin)
        if path.resolve() not in read
    ]


def commit_and_licence(origin: str, revision: str | None) -> tuple[str, str]:
    """The commit that a revision of a repository names now, and the licence on its card.

    Raises:
        MissingData: the hub does not know it, or cannot be reached.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(origin, revision=revision)
    except Exception as problem:
        # The hub's client raises its own errors, those of HTTP and those of the network.
        raise MissingData(
            f"{origin}: not found on the hub, or the hub cannot be reached ({first_line(problem)})"
        ) from None
    card = getattr(info, "card_data", None)
    return str(info.sha), _licence_named(card.get("license") if card is not None else None)


def licence_on_card(origin: Path) -> str:
    """The licence that the card of a data set names: the YAML at the head of its README."""
    card = (origin if origin.is_dir() else origin.parent) / "README.md"
    try:
        _, head, _ = card.read_text(encoding="utf-8").split("---\n", 2)
        about = yaml.safe_load(head)
    except (OSError, ValueError, yaml.YAMLError):  # none, of another encoding, or without a head
        return UNKNOWN
    return _licence_named(about.get("license") if isinstance(about, dict) else None)


def _licence_named(said: object) -> str:
    names = said if isinstance(said, list) else [said]
    return ", ".join(str(name) for name in names if name) or UNKNOWN


def stamp_of(origin: str) -> str:
    """Tells states of the files on this machine apart; empty for the hub."""
    if not Path(origin).exists():
        return ""
    about = [(path, path.stat()) for path in files_of(origin)]
    states = [(str(path), found.st_size, found.st_mtime_ns) for path, found in about]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _load(origin: str, revision: str | None, **options: Any) -> dict[str, Any]:
    try:
        import datasets
    except ImportError:
        raise ConfigError(
            f"{origin}: reading it needs more packages: {install_line('data')}"
        ) from None
    try:
        if Path(origin).is_file():
            path = str(Path(origin).resolve())
            return dict(
                datasets.load_dataset("parquet", data_files=path, streaming=True, **options)
            )
        return dict(datasets.load_dataset(origin, revision=revision, streaming=True, **options))
    except Exception as problem:  # pyarrow, fsspec and datasets each have their own
        raise _unreadable(origin, problem) from None


def _unreadable(origin: str, problem: Exception) -> PSMError:
    """Our error for whatever the libraries below raise on a data set that cannot be read."""
    if isinstance(problem, OSError):
        return MissingData(f"{origin}: {first_line(problem)}; run the same command again to go on")
    return CorruptShard(f"{origin}: not a readable data set ({first_line(problem)})")
