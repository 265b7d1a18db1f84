"""Incremental output files: written only where what they are made of has changed.

Beside the files, out of the sight of readers of data sets, lies a note of each with a digest of all
that went into it. A file whose note and size are right is not written again, and nothing needs to
be read to know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from psm.collect.outputs.recordings import BuiltRecording
from psm.errors import CorruptRecording
from psm.files import atomic_path, sha256_of
from psm.parallel import run_all
from psm.progress import track

NOTES = ".notes"
FORMAT_VERSION = 1
"""Raised when the same rows become other files, so that those of before are written again."""

Write = Callable[[Path, Sequence[BuiltRecording]], None]
"""Writes rows to a path, all or nothing; it travels to other processes."""


@dataclass(frozen=True)
class Chunk:
    """Recordings that share an output file.

    Attributes:
        name: of the file.
        rows: in their order in it.
        how: what else shapes it.
    """

    name: str
    rows: tuple[BuiltRecording, ...]
    how: str = ""

    @property
    def digest(self) -> str:
        """Changes with everything in the rows, but not with where their files lie."""
        content = [FORMAT_VERSION, self.how, *map(_identity, self.rows)]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Note:
    """Digest, size and checksum of a written file.

    Attributes:
        made_of: digest of its :class:`Chunk`.
        bytes, sha256: of the file.
        rows: how many it holds.
    """

    made_of: str
    bytes: int
    sha256: str
    rows: int


def write_all(
    out: Path, chunks: Sequence[Chunk], write: Write, *, what: str, workers: int | None
) -> None:
    """Bring a folder up to date: write what is missing or not right, remove what is left over.

    Args:
        out: the folder, which holds nothing else.
        chunks: the files that it shall hold.
        write: writes one of them.
        what: name of the work, for the progress bar.
        workers: processes; all cores by default.
    """
    missing = [chunk for chunk in chunks if not _is_written(out, chunk)]
    if missing:
        done = run_all(_write, (out, write), missing, workers=workers)
        for _ in track(done, what, len(missing)):
            pass
    wanted = {chunk.name for chunk in chunks}
    for path in (path for path in out.glob("*") if path.is_file() and path.name not in wanted):
        path.unlink()
    for path in out.glob(f"{NOTES}/*"):
        if path.name.removesuffix(".json") not in wanted:
            path.unlink()


def notes(out: Path) -> dict[str, Note]:
    """Notes of the files of a folder, by their names."""
    found = {}
    for path in sorted(out.glob(f"{NOTES}/*.json")):
        name = path.name.removesuffix(".json")
        note = _note(out, name)
        if note is not None and (out / name).is_file():
            found[name] = note
    return found


def content_of(path: Path, sha256: str) -> bytes:
    """The bytes of a file of a recording.

    Raises:
        CorruptRecording: it is missing, or another one than the one meant.
    """
    try:
        data = path.read_bytes()
    except OSError:
        raise CorruptRecording(f"{path}: missing; run the stage that makes it again") from None
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise CorruptRecording(
            f"{path}: has changed since it was made; delete it and run the stage that makes it"
        )
    return data


def write_if_other(path: Path, content: bytes) -> None:
    """Write a small file, but leave one alone that holds the same already."""
    if not path.is_file() or path.read_bytes() != content:
        with atomic_path(path) as aside:
            aside.write_bytes(content)


def in_order(rows: Sequence[BuiltRecording], split: str) -> list[BuiltRecording]:
    """The rows of a split as their keys shuffle them: always the same, archives well mixed."""
    inside = (row for row in rows if row.split == split)
    return sorted(inside, key=lambda row: (hashlib.blake2b(row.key.encode()).digest(), row.key))


def _write(job: tuple[Path, Write], chunk: Chunk) -> None:
    out, write = job
    path = out / chunk.name
    write(path, chunk.rows)
    note = Note(chunk.digest, path.stat().st_size, sha256_of(path), len(chunk.rows))
    with atomic_path(out / NOTES / f"{chunk.name}.json") as aside:
        aside.write_text(json.dumps(asdict(note), indent=1) + "\n")


def _is_written(out: Path, chunk: Chunk) -> bool:
    note, path = _note(out, chunk.name), out / chunk.name
    return (
        note is not None
        and path.is_file()
        and path.stat().st_size == note.bytes
        and note.made_of == chunk.digest
    )


def _note(out: Path, name: str) -> Note | None:
    try:
        return Note(**json.loads((out / NOTES / f"{name}.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


_FILES = ("clip", "mel", "tile")
_NAMES = [field.name for field in fields(BuiltRecording) if field.name not in _FILES]


def _identity(row: BuiltRecording) -> dict[str, object]:
    """All of a row but its files, which checksums stand for: the given ones, or their own."""
    values = {name: getattr(row, name) for name in _NAMES}
    for kind in _FILES:
        if not values[f"{kind}_sha256"]:
            content = content_of(getattr(row, kind), "")
            values[f"{kind}_sha256"] = hashlib.sha256(content).hexdigest()
    return values
