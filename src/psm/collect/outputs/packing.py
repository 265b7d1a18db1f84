"""Pack stage: writes shards, Parquet, data card and attribution."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from psm import __version__
from psm.collect import paths
from psm.collect.buildrun import BuildRun
from psm.collect.columns import COLUMNS, Fields, Stage
from psm.collect.imaging import tile_cutter
from psm.collect.outputs import attribution, card, croissant, parquet
from psm.collect.outputs.recordings import BuiltRecording, DataSetInfo
from psm.collect.outputs.webdatasets import pack
from psm.errors import CorruptRecording

_SAID = ("title", "description", "tags", "page")
_OF_A_ROW = tuple(name for name in COLUMNS if name in BuiltRecording.__dataclass_fields__)


def pack_all(run: BuildRun) -> None:
    """Write the data set. Where a file is broken, have it made again instead.

    Raises:
        CorruptRecording: something is wrong that making it again does not mend.
    """
    rows = [_row(run, row) for row in run.catalogue.passed(Stage.SPLIT, (*_OF_A_ROW, "record"))]
    run.heartbeat.begin(Stage.PACK)
    size = run.plan.config.shard_size
    try:
        shards = pack(run.folder, rows, shard_size=size, workers=run.workers)
        run.catalogue.apply(Stage.PACK, [(key, {"shard": name}) for key, name in shards.items()])
        if rows:
            publish(run, rows)
    except CorruptRecording:
        _reset_broken(run, rows)
        if run.is_complete:
            raise


def _row(run: BuildRun, row: Fields) -> BuiltRecording:
    said = json.loads(row.pop("record"))
    key = row["key"]
    return BuiltRecording(
        **{name: _plain(value) for name, value in row.items() if value is not None},
        **{name: _plain(said[name]) for name in _SAID},
        sounds=tuple(filter(None, said["more"].get("sounds", "").split("\n"))),
        clip=paths.clip(run.folder, key),
        mel=paths.mel(run.folder, key),
        tile=paths.tile(run.folder, key),
    )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _reset_broken(run: BuildRun, rows: Sequence[BuiltRecording]) -> None:
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(_is_whole, rows))
    wholes = list(zip(rows, found, strict=True))
    run.reset(Stage.DECODE, [row.key for row, (has_sound, _) in wholes if not has_sound])
    run.reset(Stage.IMAGE, [row.key for row, (_, has_tile) in wholes if not has_tile])


def _is_whole(row: BuiltRecording) -> tuple[bool, bool]:
    sound = ((row.clip, row.clip_sha256), (row.mel, row.mel_sha256))
    return (
        all(paths.sha256(path) == digest for path, digest in sound),
        paths.sha256(row.tile) == row.tile_sha256,
    )


def publish(run: BuildRun, rows: Sequence[BuiltRecording]) -> None:
    """Bring Parquet, attribution, Croissant and data card up to date.

    Raises:
        CorruptRecording: a file of a recording is missing, or is not the one that the row names.
    """
    run.heartbeat.begin("publish")
    said = about(run)
    parquet.write(run.folder, rows, said, workers=run.workers)
    attribution.write(run.folder, rows, said)
    croissant.write(run.folder, rows, said)
    card.write(run.folder, rows, said)


def about(run: BuildRun) -> DataSetInfo:
    """Description of the data set that a build makes."""
    config = run.plan.config
    credit, licence = tile_cutter(run).credit()
    return DataSetInfo(
        date=config.date.isoformat(),
        version=__version__,
        config=yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False),
        terms={name: archive.terms for name, archive in run.archives.items()},
        refused=run.catalogue.refusals(),
        listed=sum(run.catalogue.counts().values()),
        preset=config.preset,
        sample_rate_hz=run.plan.framing.audio.sample_rate_hz,
        imagery=_name(config.imagery.source),
        imagery_attribution=credit,
        imagery_licence=licence,
        buffer_km=run.plan.buffer_km,
        models=_models(run),
    )


def _models(run: BuildRun) -> dict[str, str]:
    config = run.plan.config
    models = {str(captioner.style): captioner.model for captioner in config.captioners}
    return models if config.scorer is None else {**models, "score": config.scorer}


def _name(imagery: str) -> str:
    """What the imagery is called in the columns of tables."""
    kind = imagery.partition(":")[0]
    return {"stac": "sentinel", "blue-marble": "blue_marble"}.get(kind, "tile")
