"""The store: what a model sees of each cell, embedded once, asked ever after.

::

    store = embed("vienna.zarr", model, provider, region.grid(1000.0)).store
    embedded = store.embedded()
"""

from psm.mapping.store.cache import cached_store, embed_cells
from psm.mapping.store.embedded import EmbeddedCells
from psm.mapping.store.embedding import Report, embed, estimate, plan
from psm.mapping.store.estimate import Estimate
from psm.mapping.store.executor import Executor, Local
from psm.mapping.store.fingerprint import CellBlocks
from psm.mapping.store.header import Header
from psm.mapping.store.store import Store, Unit
from psm.mapping.store.unitwork import Done, Job, Worker

__all__ = [
    "CellBlocks",
    "Done",
    "EmbeddedCells",
    "Estimate",
    "Executor",
    "Header",
    "Job",
    "Local",
    "Report",
    "Store",
    "Unit",
    "Worker",
    "cached_store",
    "embed",
    "embed_cells",
    "estimate",
    "plan",
]
