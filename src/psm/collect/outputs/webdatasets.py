"""WebDataset shards of a build: the same recordings give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from psm.collect.outputs.recordings import BuiltRecording
from psm.collect.outputs.written import Chunk, content_of, in_order, write_all
from psm.data.recording import CaptionSource, Recording
from psm.data.shards import RawSample, write_shard
from psm.data.splits import TEST, TRAIN, VAL
from psm.errors import CorruptRecording

SHARDS = "shards"
SHARD_SIZE = 1000


def pack(
    folder: Path,
    rows: Sequence[BuiltRecording],
    *,
    shard_size: int = SHARD_SIZE,
    workers: int | None = None,
) -> dict[str, str]:
    """Write ``folder/shards``; the name of the shard of each recording, by its key.

    Shards that are there and right stay; those of an earlier state are replaced or go.

    Args:
        folder: of the build.
        rows: in any order.
        shard_size: recordings of a shard.
        workers: processes; all cores by default.

    Raises:
        CorruptRecording: a file of a recording is missing, or is not the one that the row names.
    """
    chunks = []
    for split in (TRAIN, VAL, TEST):
        inside = in_order(rows, split)
        for number, first in enumerate(range(0, len(inside), shard_size)):
            part = tuple(inside[first : first + shard_size])
            chunks.append(Chunk(f"{split}-{number:05d}.tar", part))
    write_all(folder / SHARDS, chunks, write, what="packing", workers=workers)
    return {row.key: chunk.name for chunk in chunks for row in chunk.rows}


def write(path: Path, rows: Sequence[BuiltRecording]) -> None:
    """Write one shard."""
    write_shard(path, map(_sample, rows))


def recording_of(row: BuiltRecording) -> Recording:
    """The recording as shards hold it.

    Raises:
        CorruptRecording: its place or time is none.
    """
    return Recording(
        key=row.key,
        lat=row.lat,
        lon=row.lon,
        audio_source=row.audio_source,
        caption_source=CaptionSource(row.caption_source),
        caption=row.caption,
        split=row.split,
        cell=row.cell,
        month=row.month,
        hour=row.hour,
        licence=row.licence,
        gsd_m=row.tile_gsd_m,
        sounds=row.sounds,
    )


def _sample(row: BuiltRecording) -> RawSample:
    data = content_of(row.mel, row.mel_sha256)
    try:
        mel = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        raise CorruptRecording(
            f"{row.mel}: not a readable .npy; delete it and decode again"
        ) from None
    return RawSample(recording_of(row), content_of(row.tile, row.tile_sha256), mel)
