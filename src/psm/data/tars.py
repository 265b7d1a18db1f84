"""Any WebDataset tar, read in pieces: where the pieces are, and the samples of one of them.

Members that nobody wants are skipped, not read.
"""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from webdataset.tariterators import base_plus_ext

from psm.errors import CorruptShard


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes [start, end) of a tar that hold whole samples."""

    start: int
    end: int


def spans(path: Path, size: int) -> list[Span]:
    """The pieces of a tar that hold ``size`` samples each, the last one fewer; reads headers only.

    Raises:
        CorruptShard: the tar is broken somewhere.
    """
    starts: list[int] = []
    current, count, end = None, 0, path.stat().st_size
    with _archive(path, 0) as archive:
        for info, key, _ in _members(archive, end):
            if key != current:
                if count % size == 0:
                    starts.append(info.offset)
                current, count = key, count + 1
        _require_end(archive, path)
    return [Span(*pair) for pair in pairwise([*starts, end])]


def samples_of(path: Path, span: Span, suffixes: Collection[str]) -> Iterator[dict[str, Any]]:
    """The samples of one piece: ``__key__``, and bytes by those of ``suffixes`` that are there.

    Raises:
        CorruptShard: the tar is broken, or has a member twice.
    """
    sample: dict[str, Any] = {}
    with _archive(path, span.start) as archive:
        for info, key, suffix in _members(archive, span.end):
            if key != sample.get("__key__"):
                if sample:
                    yield sample
                sample = {"__key__": key}
            if suffix in sample:
                raise CorruptShard(f"{path}: {info.name} is there twice")
            if suffix in suffixes:
                member = archive.extractfile(info)
                sample[suffix] = member.read() if member is not None else b""
    if sample:
        yield sample


@contextmanager
def _archive(path: Path, start: int) -> Iterator[tarfile.TarFile]:
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                yield archive
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise CorruptShard(f"{path}: not a readable tar ({problem})") from None


def _members(archive: tarfile.TarFile, end: int) -> Iterator[tuple[tarfile.TarInfo, str, str]]:
    """The files that begin before ``end``, with their keys and suffixes."""
    while (info := archive.next()) is not None and info.offset < end:
        archive.members = []  # type: ignore[attr-defined]  # all of them would fill the memory
        key, suffix = base_plus_ext(info.name)
        if info.isreg() and key is not None and not info.name.startswith("__"):
            yield info, key, suffix.lower()


def _require_end(archive: tarfile.TarFile, path: Path) -> None:
    # A damaged header in the middle reads like the end: tell it by what stands there.
    stream = archive.fileobj
    assert stream is not None
    stream.seek(archive.offset)
    if any(stream.read(tarfile.BLOCKSIZE)):
        raise CorruptShard(f"{path}: not a readable tar (damaged at byte {archive.offset})")
