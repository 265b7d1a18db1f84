"""Estimate of fusions and time before a store is prepared."""

from __future__ import annotations

import time
from dataclasses import dataclass

from psm.mapping.store import Store
from psm.mapping.store.estimate import in_words
from psm.mapping.timetable.expansion import STATES
from psm.mapping.timetable.preparation import SAMPLE, SEEN, fused, sampled_rows, some_cells
from psm.model import PSM

_TRIAL_CELLS = 128


@dataclass(frozen=True)
class PreparationEstimate:
    """Work that a preparation takes.

    Attributes:
        cells: with imagery.
        sample: cells that the expansion is fitted to.
        fusions: of a cell with a month and an hour.
        seconds: for these fusions.
    """

    cells: int
    sample: int
    fusions: int
    seconds: float

    def __str__(self) -> str:
        """``18,292 cells, a sample of 2,048 of them, 925,504 fusions, about 4 min in all``."""
        some = f"a sample of {self.sample:,} of them, " if self.sample < self.cells else ""
        time_left = in_words(self.seconds)
        return f"{self.cells:,} cells, {some}{self.fusions:,} fusions, about {time_left} in all"


def estimate(
    store: Store, model: PSM, zoom: int | None = None, *, sample: int = SAMPLE, seen: int = SEEN
) -> PreparationEstimate:
    """Count the fusions of :func:`psm.mapping.prepare` from its beginning, and time some.

    Args:
        store: completely embedded.
        model: that it was embedded with.
        zoom: one of the store's; by default its first.
        sample: cells that the expansion is fitted to.
        seen: times at which every other cell is fused.

    Raises:
        StoreMismatch: the store is of another model.
    """
    zoom = store.zooms[0] if zoom is None else zoom
    store.require_model(model)
    embedded, chosen = sampled_rows(store, zoom, sample=sample)
    if not len(chosen):
        return PreparationEstimate(0, 0, 0, 0.0)
    cells = some_cells(store, zoom, chosen[:_TRIAL_CELLS])
    fused(model, *cells, STATES[0])  # the first takes longer
    start = time.perf_counter()
    fused(model, *cells, STATES[0])
    each = (time.perf_counter() - start) / len(cells[0])
    fusions = len(chosen) * len(STATES) + (len(embedded) - len(chosen)) * seen
    return PreparationEstimate(len(embedded), len(chosen), fusions, each * fusions)
