"""Recordings in WebDataset shards: plain tar files of JSON, JPEG and ``.npy``, never pickles.

A sample is three members that share its key: ``KEY.json`` (the :class:`Recording`),
``KEY.tile.jpg`` and ``KEY.mel.npy``, float16 log-mel windows in dB. A long recording may have
several windows, of which training draws one; windows for CLAP's fusion come in fours (the shrunk
whole, front, middle, back), of which training draws one four and evaluation takes the first.

Views that were cut from the tile already (:mod:`psm.data.storedviews`) lie beside it as
``KEY.zoomZ-PX.jpg``, for zoom Z at PX pixels a side: a large tile costs twenty times as long to
decode as the one view that a training step looks at. A shard appears under its name only when it is
complete.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import webdataset
from jaxtyping import Float16, UInt8
from webdataset import tariterators

from psm.data.recording import Recording
from psm.data.views import decode_image, encode_jpeg
from psm.errors import CorruptRecording, CorruptShard, MissingData
from psm.files import atomic_path

RECORDING, TILE, MEL = "json", "tile.jpg", "mel.npy"
"""Suffixes of the members that every sample has."""


def view_name(zoom: int, view_px: int) -> str:
    """The suffix of a view that is stored beside its tile."""
    return f"zoom{zoom}-{view_px}.jpg"


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording with its tile and its log-mel windows."""

    recording: Recording
    tile: UInt8[np.ndarray, "side side 3"]
    mel: Float16[np.ndarray, "windows frames bands"]

    @property
    def tile_jpeg(self) -> bytes:
        """The tile as it is stored."""
        return encode_jpeg(self.tile)


@dataclass(frozen=True, slots=True)
class RawSample:
    """One recording whose tile is a JPEG already."""

    recording: Recording
    tile_jpeg: bytes
    mel: Float16[np.ndarray, "windows frames bands"]


def write_shard(path: Path, samples: Iterable[Sample | RawSample]) -> None:
    """Write one shard; a kill at any moment leaves either no file or the whole of it."""
    with open_shard(path) as write:
        for sample in samples:
            write(sample)


@contextmanager
def open_shard(path: Path) -> Iterator[Callable[[Sample | RawSample], None]]:
    """Open a shard for writing: yields a function that adds a sample.

    The shard appears under its name when the block ends well.
    """
    with (
        atomic_path(path) as aside,
        aside.open("wb") as stream,
        closing(tar_writer(stream)) as writer,
    ):

        def write(sample: Sample | RawSample) -> None:
            writer.write(
                {
                    "__key__": sample.recording.key,
                    RECORDING: json.dumps(sample.recording.to_json(), sort_keys=True).encode(),
                    MEL: _npy_bytes(sample.mel),
                    TILE: sample.tile_jpeg,
                }
            )

        yield write


def tar_writer(stream: BinaryIO) -> webdataset.TarWriter:
    """Writer of a tar with fixed times and owners, so that the same samples give the same bytes."""
    return webdataset.TarWriter(stream, mtime=0, user="psm", group="psm", encoder=False)


def read_shard(path: Path) -> Iterator[Sample]:
    """The samples of one shard.

    Raises:
        CorruptShard: the tar is broken, or a member is missing or unreadable; the error names it.
    """
    empty = True
    for raw in raw_samples(path):
        empty = False
        yield _parse(raw, path)
    if empty:
        raise CorruptShard(f"{path}: holds no samples; delete it and build again")


def raw_samples(path: Path) -> Iterator[dict[str, Any]]:
    """The members of any WebDataset tar, sample by sample: bytes by suffix, and ``__key__``.

    Raises:
        CorruptShard: the tar is broken.
    """
    try:
        with path.open("rb") as stream:
            source = [{"url": path.name, "stream": stream}]
            yield from tariterators.group_by_keys(tariterators.tar_file_expander(source))
    except (tarfile.TarError, OSError, EOFError, ValueError) as problem:
        raise CorruptShard(f"{path}: not a readable tar ({_first_line(problem)})") from None


def shard_paths(folder: Path, split: str) -> list[Path]:
    """The shards of one split, in order.

    Raises:
        MissingData: there are none.
    """
    paths = sorted(folder.glob(f"{split}-*.tar"))
    if not paths:
        raise MissingData(
            f"{folder}: no {split} shards ({split}-*.tar); build some with `psm earth build` "
            "or `psm data import`"
        )
    return paths


def _parse(raw: dict[str, Any], path: Path) -> Sample:
    key = raw.get("__key__", "?")
    where = f"{path}: sample {key!r}"
    missing = [name for name in (RECORDING, TILE, MEL) if name not in raw]
    if missing:
        raise CorruptShard(f"{where} lacks {', '.join(missing)}")
    try:
        recording = Recording.from_json(json.loads(raw["json"]))
        tile = decode_image(raw["tile.jpg"], "tile.jpg")
        mel = np.load(io.BytesIO(raw["mel.npy"]), allow_pickle=False)
    except (CorruptRecording, ValueError, EOFError, OSError) as problem:
        raise CorruptShard(f"{where}: {_first_line(problem)}") from None
    if mel.ndim != 3 or mel.dtype != np.float16 or not np.isfinite(mel).all():
        raise CorruptShard(f"{where}: mel.npy is not finite float16 windows x frames x bands")
    return Sample(recording, tile, mel)


def _npy_bytes(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _first_line(problem: BaseException) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]
