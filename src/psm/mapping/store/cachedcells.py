"""Stores of cells in the user's cache: embedded once, found again, forgotten when many."""

from __future__ import annotations

import logging
import shutil
import warnings
from contextlib import suppress
from pathlib import Path

from psm.errors import ImageryMissing, NoRoom
from psm.geodata.cache import cache_folder, writable
from psm.imagery import Provider, Reason
from psm.mapping.cells import Cells
from psm.mapping.store.creation import find_store
from psm.mapping.store.embedded import EmbeddedCells
from psm.mapping.store.embedding import embed, open_cells, plan
from psm.mapping.store.store import Store
from psm.model import PSM

_log = logging.getLogger(__name__)

_STORES_KEPT = 12


def embed_cells(
    model: PSM, imagery: Provider, cells: Cells, zoom: int = 1, *, store: Path | None = None
) -> EmbeddedCells:
    """Image features of every cell, read from the store where they are already there.

    Args and errors are those of :func:`cached_store`.

    Args:
        model: in evaluation mode.
        imagery: where the views come from.
        cells: the places.
        zoom: one of the zoom levels that the model was trained on.
        store: folder of all stores; the user's cache by default.

    Returns:
        The cells with their features, in memory.

    Raises:
        ConfigError: the model does not know the zoom level.
        PSMError: the imagery cannot be read at all.

    Example:
        >>> embedded = embed_cells(model, BlueMarble(), Cells.globe(2.0))
    """
    kept = cached_store(model, imagery, cells, zoom, store=store)
    embedded = kept.embedded(zoom)
    _log.info("%d cells loaded from %s", len(cells), kept.url)
    return embedded


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

    Returns:
        The store.

    Warns:
        CacheNotKept: the folder cannot be written; the store goes with this process.
        ImageryMissing: servers did not answer for some cells.

    Raises:
        ConfigError: the model does not know the zoom level.
        NoRoom: the disk of the cache is full.
    """
    header = plan(model, imagery, cells, zooms=[zoom])
    root = store if store is not None else cache_folder() / "maps"
    name = f"z{zoom}-{header.fingerprint}.zarr"
    found = find_store(root / name, header)
    if found is not None and not open_cells(found, retry=True):
        with suppress(OSError):  # of an administrator, perhaps: read only
            (root / name).touch()
        return found
    folder = writable(root) / name
    try:
        report = embed(folder, model, imagery, cells, header)
    except NoRoom as full:
        raise NoRoom(full.errno, f"{full}, or name another folder by PSM_CACHE") from None
    folder.touch()
    if failed := report.counts[zoom].get(Reason.FAILED, 0):
        warnings.warn(
            f"{failed:,} of {len(cells):,} cells have no imagery yet: {report.not_answered}; "
            "the same command asks again",
            ImageryMissing,
            stacklevel=2,
        )
    if store is None:
        _forget_old(folder)
    return report.store


def _forget_old(current: Path) -> None:
    # Every newly trained model leaves a store of some 10 MB: only those used last are kept.
    others = [path for path in current.parent.iterdir() if path.is_dir() and path != current]
    others.sort(key=lambda path: path.stat().st_mtime)
    for folder in others[: max(0, len(others) - _STORES_KEPT + 1)]:
        shutil.rmtree(folder, ignore_errors=True)
