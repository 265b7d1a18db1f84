"""Stores: image features of each cell of a region, embedded once and kept on disk.

::

    store = embed("vienna.zarr", model, provider, region.grid(1000.0)).store
    embedded = store.embedded()
"""

from psm.mapping.store.cachedcells import cached_store, embed_cells
from psm.mapping.store.embedded import EmbeddedCells
from psm.mapping.store.embedding import EmbeddingReport, embed, estimate, plan
from psm.mapping.store.estimate import Estimate
from psm.mapping.store.executor import Executor, LocalExecutor
from psm.mapping.store.fingerprint import CellBlocks
from psm.mapping.store.header import Header
from psm.mapping.store.store import Store, Unit
from psm.mapping.store.unitwork import EmbeddingJob, FinishedUnit, UnitWorker

__all__ = [
    "CellBlocks",
    "EmbeddedCells",
    "EmbeddingJob",
    "EmbeddingReport",
    "Estimate",
    "Executor",
    "FinishedUnit",
    "Header",
    "LocalExecutor",
    "Store",
    "Unit",
    "UnitWorker",
    "cached_store",
    "embed",
    "embed_cells",
    "estimate",
    "plan",
]
