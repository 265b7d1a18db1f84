"""Packing: the data set out of the recordings that have all they need."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from psm import __version__
from psm.collect import paths
from psm.collect.columns import COLUMNS, Fields, Stage
from psm.collect.outputs import attribution, card, croissant, parquet
from psm.collect.outputs.recordings import About, Row
from psm.collect.outputs.shards import pack
from psm.collect.run import Site
from psm.collect.tiles import tile_cutter
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


def publish(site: Site, rows: Sequence[Row]) -> None:
    """Bring the table and the papers of a data set up to date.

    Raises:
        CorruptRecording: a file of a recording is missing, or is not the one that the row names.
    """
    site.heartbeat.begin("publish")
    said = about(site)
    parquet.write(site.folder, rows, said, workers=site.workers)
    attribution.write(site.folder, rows, said)
    croissant.write(site.folder, rows, said)
    card.write(site.folder, rows, said)


def about(site: Site) -> About:
    """What is to be said of the whole."""
    config = site.plan.config
    credit, licence = tile_cutter(site).credit()
    return About(
        date=config.date.isoformat(),
        version=__version__,
        config=yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False),
        terms={name: source.terms for name, source in site.sources.items()},
        refused=site.catalogue.refusals(),
        listed=sum(site.catalogue.counts().values()),
        preset=config.preset,
        sample_rate_hz=site.plan.framing.audio.sample_rate_hz,
        imagery=_name(config.imagery.source),
        imagery_attribution=credit,
        imagery_licence=licence,
        buffer_km=site.plan.buffer_km,
        models=_models(site),
    )


def _models(site: Site) -> dict[str, str]:
    config = site.plan.config
    models = {str(captioner.style): captioner.model for captioner in config.captioners}
    return models if config.scorer is None else {**models, "score": config.scorer}


def _name(imagery: str) -> str:
    """What the imagery is called in the columns of tables."""
    kind = imagery.partition(":")[0]
    return {"stac": "sentinel", "blue-marble": "blue_marble"}.get(kind, "tile")
