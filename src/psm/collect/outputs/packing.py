"""Packing: the data set out of the recordings that have all they need."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from psm.collect import paths
from psm.collect.columns import COLUMNS, Fields, Stage
from psm.collect.outputs.recordings import Row
from psm.collect.outputs.shards import pack
from psm.collect.run import Site
from psm.collect.stages.publishing import publish
from psm.errors import CorruptRecording

_SAID = ("title", "description", "tags", "page")
_OF_A_ROW = tuple(name for name in COLUMNS if name in Row.__dataclass_fields__)


def pack_all(site: Site) -> None:
    """Write the data set. Where a file is broken, have it made again instead.

    Raises:
        CorruptRecording: something is wrong that making it again does not mend.
    """
    rows = [_row(site, row) for row in site.catalogue.passed(Stage.SPLIT, (*_OF_A_ROW, "record"))]
    site.heartbeat.begin(Stage.PACK)
    size = site.plan.config.shard_size
    try:
        shards = pack(site.folder, rows, shard_size=size, workers=site.workers)
        site.catalogue.apply(Stage.PACK, [(key, {"shard": name}) for key, name in shards.items()])
        if rows:
            publish(site, rows)
    except CorruptRecording:
        _reset_broken(site, rows)
        if site.is_complete:
            raise


def _row(site: Site, row: Fields) -> Row:
    said = json.loads(row.pop("record"))
    key = row["key"]
    return Row(
        **{name: _plain(value) for name, value in row.items() if value is not None},
        **{name: _plain(said[name]) for name in _SAID},
        clip=paths.clip(site.folder, key),
        mel=paths.mel(site.folder, key),
        tile=paths.tile(site.folder, key),
    )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _reset_broken(site: Site, rows: Sequence[Row]) -> None:
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(_is_whole, rows))
    wholes = list(zip(rows, found, strict=True))
    site.reset(Stage.DECODE, [row.key for row, (has_sound, _) in wholes if not has_sound])
    site.reset(Stage.IMAGE, [row.key for row, (_, has_tile) in wholes if not has_tile])


def _is_whole(row: Row) -> tuple[bool, bool]:
    sound = ((row.clip, row.clip_sha256), (row.mel, row.mel_sha256))
    return (
        all(paths.sha256(path) == digest for path, digest in sound),
        paths.sha256(row.tile) == row.tile_sha256,
    )
