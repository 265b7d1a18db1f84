"""Stores the views of large tiles beside them: cut once, instead of at every training step.

Decoding a Sentinel-2 tile of 1280 pixels takes some twenty times as long as decoding the one view
that a training step looks at. The views lie beside the tile, which stays as it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from psm.data.members import TILE, view_name
from psm.data.shards import shards_in, tar_writer
from psm.data.tars import MemberIndex, read_samples
from psm.data.views import decode_image, encode_jpeg, view_of_tile
from psm.errors import ConfigError, CorruptRecording, CorruptShard, MissingData
from psm.files import atomic_path
from psm.progress import track

QUALITY = 95
"""Of the views' JPEG: a second compression that costs less than the first."""


def add_views(
    folder: Path, *, zooms: Sequence[int], view_px: int, workers: int | None = None
) -> int:
    """Store the views of every tile in ``folder`` beside it; shards that have them are left alone.

    A shard is replaced when its new version is complete: safe to interrupt, and the same command
    goes on where it stopped.

    Args:
        folder: of shards, all splits.
        zooms: of the views.
        view_px: their side.
        workers: shards at a time; as many as there are cores by default.

    Returns:
        How many shards were written anew.

    Raises:
        MissingData: there are no shards.
        CorruptShard: a member cannot be read.
        ConfigError: a tile is too small for a zoom.
    """
    paths = shards_in(folder)
    if not paths:
        raise MissingData(f"{folder}: no shards; import some with `psm data import`")
    add = partial(_add_to_shard, zooms=zooms, view_px=view_px)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            return sum(track(pool.map(add, paths), "cutting views", len(paths)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _add_to_shard(path: Path, *, zooms: Sequence[int], view_px: int) -> bool:
    members, _ = MemberIndex.find([path])
    names = {view_name(zoom, view_px): zoom for zoom in zooms}
    if all(members.has(name, row) for name in names for row in range(len(members))):
        return False
    with (
        atomic_path(path) as aside,
        aside.open("wb") as stream,
        closing(tar_writer(stream)) as writer,
    ):
        for sample in read_samples(path):
            where = f"{path}: sample {sample['__key__']!r}"
            writer.write(sample | _views(sample[TILE], names, view_px, where))
    return True


def _views(
    tile_jpeg: bytes, names: Mapping[str, int], view_px: int, where: str
) -> dict[str, bytes]:
    try:
        tile = decode_image(tile_jpeg, TILE)
        return {
            name: encode_jpeg(view_of_tile(tile, zoom=zoom, size=view_px), QUALITY)
            for name, zoom in names.items()
        }
    except CorruptRecording as problem:
        raise CorruptShard(f"{where}: {problem}") from None
    except ConfigError as problem:
        raise ConfigError(f"{where}: {problem}") from None
