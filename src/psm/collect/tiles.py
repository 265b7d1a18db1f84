"""Imaging stage: a tile of the ground around every recording."""

from __future__ import annotations

import hashlib

from psm.collect import paths
from psm.collect.catalogue import Outcome
from psm.collect.columns import Stage
from psm.collect.refusal import Refused
from psm.collect.run import Site
from psm.files import atomic_path
from psm.importing.cutting import NoTile, Tile, TileCutter, TilePlace
from psm.progress import track

_WRITE_AT = 64


def image_all(site: Site) -> None:
    """Make the tiles that are missing."""
    rows = site.catalogue.ready(Stage.IMAGE, ("lat", "lon", "month"))
    if not rows:
        return
    site.heartbeat.begin(Stage.IMAGE, len(rows))
    made = tile_cutter(site).tiles([TilePlace(**row) for row in rows])
    held: list[Outcome] = []
    try:
        for key, tile in track(made, "making tiles", len(rows), unit="tiles"):
            held.append((key, _outcome(site, key, tile)))
            if len(held) == _WRITE_AT:
                _write(site, held)
    finally:
        _write(site, held)


def tile_cutter(site: Site) -> TileCutter:
    """Cuts tiles out of the imagery of a build."""
    plan, imagery = site.plan, site.plan.config.imagery
    return TileCutter(imagery.source, plan.tile_px, plan.gsd_m, imagery.options)


def _outcome(site: Site, key: str, tile: Tile | NoTile) -> dict[str, object] | Refused:
    if isinstance(tile, NoTile):
        return Refused(tile.reason, may_pass=tile.may_pass, detail=tile.detail)
    with atomic_path(paths.tile(site.folder, key)) as path:
        path.write_bytes(tile.jpeg)
    return {
        "tile_gsd_m": tile.gsd_m,
        "tile_date": tile.date,
        "tile_licence": tile.licence,
        "tile_provider": tile.provider,
        "tile_sha256": hashlib.sha256(tile.jpeg).hexdigest(),
    }


def _write(site: Site, held: list[Outcome]) -> None:
    site.catalogue.apply(Stage.IMAGE, held)
    site.heartbeat.count(len(held))
    held.clear()
    site.beat()
