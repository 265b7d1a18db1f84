"""Random access to WebDataset tars: pieces of whole samples, or single members.

A tar holds its members uncompressed, one after the other: who knows where they begin reads a view
or a few windows of sound and nothing else. That makes a shuffle over all shards cost no buffer.
Everything that reads our own shards finds their samples by :func:`find_samples`.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from webdataset.tariterators import base_plus_ext

from psm.data.members import NEEDED, RECORDING, is_hidden, split_names
from psm.data.recording import Recording
from psm.errors import CorruptRecording, CorruptShard
from psm.progress import track

_NOTHING = (-1, -1)
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK": "zip",
}
_THREADS = 4  # headers are read one by one: it is the disk that is waited for


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes [start, end) of a tar that hold whole samples."""

    start: int
    end: int


def spans(path: Path, size: int) -> list[Span]:
    """Pieces of a tar with ``size`` samples each, the last with fewer; only headers are read.

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


@dataclass(frozen=True)
class MemberIndex:
    """Index of the members of some shards: where each recording's files begin and end.

    Attributes:
        paths: the shards.
        keys: of the recordings, shard by shard, in their order.
        shard: index in ``paths`` of each recording.
        spans: by suffix, the first byte and the number of bytes of each recording's member; -1
            where it has none.
    """

    paths: tuple[Path, ...]
    keys: tuple[str, ...]
    shard: NDArray[np.int64]
    spans: dict[str, NDArray[np.int64]]

    @classmethod
    def find(
        cls, paths: Sequence[Path], description: str | None = None
    ) -> tuple[MemberIndex, tuple[Recording, ...]]:
        """Index the members of ``paths``; only headers and recordings are read.

        Raises:
            CorruptShard: a tar is broken or holds no samples, or a recording is unreadable.
        """
        with ThreadPoolExecutor(_THREADS) as pool:
            scanned = pool.map(_scan, paths)
            parts = list(track(scanned, description, len(paths)) if description else scanned)
        rows = [spans for part in parts for _, spans in part]
        suffixes = sorted({suffix for spans in rows for suffix in spans})
        members = cls(
            paths=tuple(paths),
            keys=tuple(recording.key for part in parts for recording, _ in part),
            shard=np.repeat(np.arange(len(paths)), [len(part) for part in parts]),
            spans={
                suffix: np.array([spans.get(suffix, _NOTHING) for spans in rows], np.int64)
                for suffix in suffixes
            },
        )
        return members, tuple(recording for part in parts for recording, _ in part)

    def __len__(self) -> int:
        return len(self.keys)

    def part(self, rows: NDArray[np.int64]) -> MemberIndex:
        """Some of the recordings, by number."""
        return MemberIndex(
            paths=self.paths,
            keys=tuple(self.keys[row] for row in rows),
            shard=self.shard[rows],
            spans={suffix: spans[rows] for suffix, spans in self.spans.items()},
        )

    def has(self, suffix: str, row: int) -> bool:
        """Whether a recording has such a member."""
        return suffix in self.spans and bool(self.spans[suffix][row, 0] >= 0)

    def where(self, row: int) -> str:
        """Shard and key of a recording, for errors."""
        return f"{self.paths[self.shard[row]]}: sample {self.keys[row]!r}"

    def sizes(self, suffix: str) -> NDArray[np.int64]:
        """Bytes of the member of every recording.

        Raises:
            CorruptShard: a recording has none.
        """
        sizes = self.spans[suffix][:, 1] if suffix in self.spans else np.full(len(self), -1)
        if (sizes < 0).any():
            raise CorruptShard(f"{self.where(int((sizes < 0).argmax()))} lacks {suffix}")
        return sizes

    def read(self, row: int, suffix: str, *spans: tuple[int, int]) -> list[bytes]:
        """Parts of a member, each from one byte up to another; without ``spans`` all of it.

        Raises:
            CorruptShard: the recording has no such member, or its shard is gone or cut short.
        """
        if not self.has(suffix, row):
            raise CorruptShard(f"{self.where(row)} lacks {suffix}")
        start, size = self.spans[suffix][row].tolist()
        parts = []
        try:
            with self.paths[self.shard[row]].open("rb", buffering=0) as stream:
                for first, last in spans or ((0, size),):
                    stream.seek(start + first)
                    parts.append(stream.read(last - first))
                    if len(parts[-1]) < last - first:
                        raise EOFError("cut short")
        except (OSError, EOFError) as problem:
            raise CorruptShard(f"{self.where(row)}: {problem}") from None
        return parts


def find_samples(path: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Where the members of each sample of one of our shards are; only headers are read.

    Returns:
        By key, in the order of their first members, and by suffix: the first byte and the number
        of bytes. Every sample has the three members that it needs.

    Raises:
        CorruptShard: the tar is broken, compressed or empty, or a member is missing, there twice or
            not stored as a file.
    """
    places: dict[str, tarfile.TarInfo] = {}
    with _archive(path, 0) as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # nobody asks for them again
            if info.isdir() or is_hidden(info.name):
                continue
            if not info.isreg() or info.issparse():
                raise CorruptShard(
                    f"{path}: {info.name} is a link or has holes; pack it as a file "
                    "(tar --hard-dereference --dereference)"
                )
            if info.name in places:
                raise CorruptShard(f"{path}: {info.name} is there twice")
            places[info.name] = info
        _require_end(archive, path)
        _require_nothing_after(archive, path)
    samples: dict[str, dict[str, tuple[int, int]]] = {}
    for name, (key, suffix) in split_names(places).items():
        members = samples.setdefault(key, {})
        if suffix in members:
            raise CorruptShard(f"{path}: {name} is there twice")
        members[suffix] = (places[name].offset_data, places[name].size)
    if not samples:
        raise CorruptShard(f"{path}: holds no samples; delete it and build again")
    for key, members in samples.items():
        lacking = [suffix for suffix in NEEDED if suffix not in members]
        if lacking:
            raise CorruptShard(f"{path}: sample {key!r} lacks {', '.join(lacking)}")
    return samples


def read_samples(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of one of our shards: bytes by suffix, and ``__key__``.

    Raises:
        CorruptShard: as :func:`find_samples`.
    """
    samples = find_samples(path)
    try:
        with path.open("rb") as stream:
            for key, members in samples.items():
                sample: dict[str, Any] = {"__key__": key}
                for suffix, (start, size) in members.items():
                    stream.seek(start)
                    sample[suffix] = stream.read(size)
                yield sample
    except OSError as problem:
        raise CorruptShard(f"{path}: not a readable tar ({problem})") from None


def _scan(path: Path) -> list[tuple[Recording, dict[str, tuple[int, int]]]]:
    """Recordings and where their members are, in the order of the shard."""
    samples = find_samples(path)
    found = []
    with path.open("rb") as stream:
        for key, members in samples.items():
            start, size = members[RECORDING]
            stream.seek(start)
            found.append((_recording(stream.read(size), f"{path}: sample {key!r}"), members))
    return found


@contextmanager
def _archive(path: Path, start: int) -> Iterator[tarfile.TarFile]:
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                yield archive
    except (tarfile.TarError, OSError, EOFError, ValueError) as problem:
        reason = _compression(path) or (str(problem) or type(problem).__name__).splitlines()[0]
        raise CorruptShard(f"{path}: not a readable tar ({reason})") from None


def _compression(path: Path) -> str | None:
    """Why a compressed tar is not read, where it is one: nothing in it can be found at random."""
    try:
        with path.open("rb") as stream:
            head = stream.read(6)
    except OSError:
        return None
    found = [name for magic, name in _COMPRESSED.items() if head.startswith(magic)]
    return f"compressed by {found[0]}: unpack it first" if found else None


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


def _require_nothing_after(archive: tarfile.TarFile, path: Path) -> None:
    """Refuse tars that were written one after the other, of which only the first would be read."""
    stream = archive.fileobj
    assert stream is not None
    stream.seek(archive.offset)
    end = stream.read(tarfile.BLOCKSIZE)
    if not end:
        raise CorruptShard(f"{path}: not a readable tar (cut short: its end is missing)")
    while block := stream.read(1 << 20):
        if block.count(0) != len(block):
            raise CorruptShard(
                f"{path}: goes on after its end; if tars were joined, pack their files as one tar"
            )


def _recording(data: bytes, where: str) -> Recording:
    try:
        return Recording.from_json(json.loads(data))
    except (CorruptRecording, ValueError) as problem:
        reason = str(problem).splitlines()[0]
        raise CorruptShard(f"{where}: {reason}") from None
