"""Image stage: a satellite tile around every recording, of its season where there are seasons."""

from __future__ import annotations

import hashlib

from psm.collect import paths
from psm.collect.buildrun import BuildRun
from psm.collect.catalogue import Outcome
from psm.collect.columns import Stage
from psm.collect.refusal import Refused
from psm.files import atomic_path
from psm.importing.cutting import NoTile, Tile, TileCutter, TilePlace
from psm.progress import track

_WRITE_AT = 64


def image_all(run: BuildRun) -> None:
    """Make the tiles that are missing."""
    rows = run.catalogue.ready(Stage.IMAGE, ("lat", "lon", "month"))
    if not rows:
        return
    run.heartbeat.begin(Stage.IMAGE, len(rows))
    made = tile_cutter(run).tiles([TilePlace(**row) for row in rows])
    held: list[Outcome] = []
    try:
        for key, tile in track(made, "making tiles", len(rows), unit="tiles"):
            held.append((key, _outcome(run, key, tile)))
            if len(held) == _WRITE_AT:
                _write(run, held)
    finally:
        _write(run, held)


def tile_cutter(run: BuildRun) -> TileCutter:
    """Cuts tiles out of the imagery of a build."""
    plan, imagery = run.plan, run.plan.config.imagery
    return TileCutter(imagery.source, plan.tile_px, plan.gsd_m, imagery.options)


def _outcome(run: BuildRun, key: str, tile: Tile | NoTile) -> dict[str, object] | Refused:
    if isinstance(tile, NoTile):
        return Refused(tile.reason, may_pass=tile.may_pass, detail=tile.detail)
    with atomic_path(paths.tile(run.folder, key)) as path:
        path.write_bytes(tile.jpeg)
    return {
        "tile_gsd_m": tile.gsd_m,
        "tile_date": tile.date,
        "tile_licence": tile.licence,
        "tile_provider": tile.provider,
        "tile_sha256": hashlib.sha256(tile.jpeg).hexdigest(),
    }


def _write(run: BuildRun, held: list[Outcome]) -> None:
    run.catalogue.apply(Stage.IMAGE, held)
    run.heartbeat.count(len(held))
    held.clear()
    run.beat()
