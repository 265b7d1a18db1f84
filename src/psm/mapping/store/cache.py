"""Stores in the user's cache, for maps that are asked for without naming a store."""

from __future__ import annotations

import shutil
from pathlib import Path

from psm.geodata.cache import cache_folder
from psm.imagery import Provider
from psm.mapping.cells import Cells
from psm.mapping.store.embedded import EmbeddedCells
from psm.mapping.store.embedding import embed, plan
from psm.mapping.store.store import Store
from psm.model import PSM

_STORES_KEPT = 12


def embed_cells(
    model: PSM, imagery: Provider, cells: Cells, zoom: int = 1, *, store: Path | None = None
) -> EmbeddedCells:
    """Image features of every cell, read from the store where they are already there.

    Args and errors are those of :func:`cached_store`.
    """
    return cached_store(model, imagery, cells, zoom, store=store).embedded(zoom)


def cached_store(
    model: PSM, imagery: Provider, cells: Cells, zoom: int = 1, *, store: Path | None = None
) -> Store:
    """The store of every cell, embedded where it is not there already.

    Args:
        model: in evaluation mode.
        imagery: where the views come from.
        cells: the places.
        zoom: one of the zoom levels that the model was trained on.
        store: folder of all stores; the user's cache by default.

    Raises:
        ConfigError: the model does not know the zoom level.
    """
    header = plan(model, imagery, cells, zooms=[zoom])
    root = store if store is not None else cache_folder() / "maps"
    folder = root / f"z{zoom}-{header.fingerprint}.zarr"
    report = embed(folder, model, imagery, cells, header)
    folder.touch()
    if store is None:
        _forget_old(folder)
    return report.store


def _forget_old(current: Path) -> None:
    # Every newly trained model leaves a store of some 10 MB: only those used last are kept.
    others = [path for path in current.parent.iterdir() if path.is_dir() and path != current]
    others.sort(key=lambda path: path.stat().st_mtime)
    for folder in others[: max(0, len(others) - _STORES_KEPT + 1)]:
        shutil.rmtree(folder, ignore_errors=True)
