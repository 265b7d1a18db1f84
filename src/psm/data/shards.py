"""Recordings in WebDataset shards: plain tar files of JSON, JPEG and ``.npy``, never pickles.

A sample is three members that share its key: ``KEY.json`` (the :class:`Recording`),
``KEY.tile.jpg`` and ``KEY.mel.npy``, float16 log-mel windows in dB. A long recording may have
several windows, of which training draws one; windows for CLAP's fusion come in fours (the shrunk
whole, front, middle, back), of which training draws one four and evaluation takes the first.

Views that were cut from the tile already (:mod:`psm.data.storedviews`) lie beside it as
``KEY.zoomZ-PX.jpg``, for zoom Z at PX pixels a side: a large tile costs twenty times as long to
decode as the one view that a training step looks at. Features of the place that somebody else
computed lie there as ``KEY.features.npy``, float32. A shard appears under its name only when it is
complete.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import webdataset
from jaxtyping import Float16, Float32, UInt8

from psm.data.members import FEATURES, MEL, RECORDING, TILE, is_hidden, plain_name
from psm.data.ondisk import parse_features
from psm.data.recording import Recording
from psm.data.tars import read_samples
from psm.data.views import decode_image, encode_jpeg
from psm.errors import CorruptRecording, CorruptShard, MissingData
from psm.files import atomic_path

_COMPRESSED = (".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip")


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording with its tile and its log-mel windows."""

    recording: Recording
    tile: UInt8[np.ndarray, "side side 3"]
    mel: Float16[np.ndarray, "windows frames bands"]
    features: Float32[np.ndarray, " numbers"] | None = None

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
    features: Float32[np.ndarray, " numbers"] | None = None


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
            _require_readable(sample.recording.key, path)
            beside = {} if sample.features is None else {FEATURES: npy_bytes(sample.features)}
            writer.write(
                {
                    "__key__": sample.recording.key,
                    RECORDING: json.dumps(sample.recording.to_json(), sort_keys=True).encode(),
                    MEL: npy_bytes(sample.mel),
                    TILE: sample.tile_jpeg,
                    **beside,
                }
            )

        yield write


def _require_readable(key: str, path: Path) -> None:
    """Refuse a key under which nobody would find the sample again."""
    if is_hidden(f"{key}.{RECORDING}") or plain_name(key) != key or key.endswith(("/", ".")):
        raise CorruptRecording(f"{path}: {key!r} is no key of a sample; rename the recording")


def tar_writer(stream: BinaryIO) -> webdataset.TarWriter:
    """Writer of a tar with fixed times and owners, so that the same samples give the same bytes."""
    return webdataset.TarWriter(stream, mtime=0, user="psm", group="psm", encoder=False)


def read_shard(path: Path) -> Iterator[Sample]:
    """The samples of one shard.

    Raises:
        CorruptShard: the tar is broken, or a member is missing or unreadable; the error names it.
    """
    for raw in read_samples(path):
        yield _parse(raw, path)


def shards_in(folder: Path, split: str = "*") -> list[Path]:
    """The shards of one split in a folder, or of all, in order; none is no error."""
    return sorted(p for p in folder.glob(f"{split}-*") if p.suffix.lower() == ".tar")


def shard_paths(folder: Path, split: str) -> list[Path]:
    """The shards of one split, in order.

    Raises:
        MissingData: there are none.
    """
    paths = shards_in(folder, split)
    if paths:
        return paths
    packed = [p.name for p in folder.glob(f"{split}-*") if p.suffix.lower() in _COMPRESSED]
    if packed:
        raise MissingData(
            f"{folder}: shards are read as plain tars, not compressed as {min(packed)}; unpack them"
        )
    raise MissingData(
        f"{folder}: no {split} shards ({split}-*.tar); build some with `psm earth build` "
        "or `psm data import`"
    )


def _parse(raw: dict[str, Any], path: Path) -> Sample:
    where = f"{path}: sample {raw['__key__']!r}"
    try:
        recording = Recording.from_json(json.loads(raw[RECORDING]))
        tile = decode_image(raw[TILE], TILE)
        mel = np.load(io.BytesIO(raw[MEL]), allow_pickle=False)
    except (CorruptRecording, ValueError, EOFError, OSError) as problem:
        raise CorruptShard(f"{where}: {_first_line(problem)}") from None
    if mel.ndim != 3 or mel.dtype != np.float16 or not np.isfinite(mel).all():
        raise CorruptShard(f"{where}: {MEL} is not finite float16 windows x frames x bands")
    features = parse_features(raw[FEATURES], where) if FEATURES in raw else None
    return Sample(recording, tile, mel, features)


def npy_bytes(values: np.ndarray) -> bytes:
    """An array as a ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _first_line(problem: BaseException) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]
