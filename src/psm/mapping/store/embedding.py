"""Embedding of a region into a store; interrupted work is taken up where it stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psm.errors import ConfigError
from psm.files import room_for
from psm.imagery import Provider, Reason
from psm.inference.batches import picture_px
from psm.mapping.store.creation import create_store, find_store
from psm.mapping.store.estimate import Estimate
from psm.mapping.store.estimate import estimate as estimate_views
from psm.mapping.store.executor import Executor, LocalExecutor
from psm.mapping.store.fingerprint import CellBlocks, digest, parts_of, survey
from psm.mapping.store.header import Header
from psm.mapping.store.objectstore import reaching
from psm.mapping.store.place import writing
from psm.mapping.store.store import Store
from psm.mapping.store.unitwork import EmbeddingJob, image_half
from psm.model import PSM
from psm.progress import track

_UNIT_CELLS = 1024
_UNIT_VIEW_BYTES = 2**26


@dataclass(frozen=True)
class EmbeddingReport:
    """Report of a run of :func:`embed`: what it did, and what is in the store after it.

    Attributes:
        store: the store.
        views: that this run went through.
        seconds: that it took.
        busy: share of that time in which the encoders worked.
        counts: by zoom level, how many cells are embedded and how many not, by reason.
        answers: what servers said instead of the imagery of a view, and of how many in this run.
    """

    store: Store
    views: int
    seconds: float
    busy: float
    counts: Mapping[int, Mapping[str, int]]
    answers: Mapping[str, int] = field(default_factory=dict)

    @property
    def not_answered(self) -> str:
        """``not answered (HTTP 500)``, with all that servers said, most often first."""
        said = [answer for answer, _ in Counter(self.answers).most_common() if answer]
        return Reason.FAILED.value + (f" ({', '.join(said)})" if said else "")

    def lines(self) -> Iterator[str]:
        """For people."""
        for zoom, counts in self.counts.items():
            words = [
                f"{count:,} {self.not_answered if label == Reason.FAILED else label}"
                for label, count in counts.items()
            ]
            yield f"zoom {zoom}: {', '.join(words)}"
        if self.views:
            rate = self.views / max(self.seconds, 1e-9)
            yield f"{self.views:,} views in {self.seconds:.0f} s, {rate:.0f}/s, " + (
                f"encoder busy {self.busy:.0%}"
            )


def plan(
    model: PSM,
    provider: Provider,
    cells: CellBlocks,
    *,
    zooms: Sequence[int] | None = None,
    month: int | None = None,
    unit: int | None = None,
) -> Header:
    """What the store of these cells will say of itself. Goes once over the cells, to count them.

    Args:
        model: in evaluation mode.
        provider: of the imagery.
        cells: a region's grid, or :class:`psm.mapping.Cells`.
        zooms: levels that the model was trained on; by default its first.
        month: that the provider was asked for, if any.
        unit: cells that are embedded and written together; by default 1024, or fewer where views
            are large. A store of very many cells has fewer files with a larger one.

    Returns:
        The header of the store.

    Raises:
        ConfigError: the model does not know a zoom level, or there is no cell.
    """
    config = model.config
    levels = tuple(dict.fromkeys(config.imagery.zooms[:1] if zooms is None else zooms))
    for zoom in levels:
        if zoom not in config.imagery.zooms:
            known = ", ".join(map(str, config.imagery.zooms))
            raise ConfigError(f"zoom {zoom}: {config.name} knows {known}")
    counted = survey(cells)
    if not counted[0] or not levels:
        raise ConfigError("nothing to embed: no cell, or no zoom level")
    if unit is not None and unit < 1:
        raise ConfigError(f"unit: {unit} cells, but it takes one at least")
    parts = parts_of(model, provider, cells.frame, counted, levels, month)
    return Header(
        model=config.name,
        dim=config.image_features,
        view_px=picture_px(config),
        gsd_m=config.imagery.gsd_m,
        zooms=levels,
        imagery=parts["imagery"],
        attribution=provider.attribution,
        licence=provider.licence,
        month=month,
        frame=cells.frame,
        cells=counted[0],
        unit=unit or _unit(picture_px(config)),
        provenance=model.provenance.summary,
        parts=parts,
        fingerprint=digest(parts),
    )


def estimate(
    url: str | Path, model: PSM, provider: Provider, cells: CellBlocks, header: Header,
    *, executor: Executor | None = None, retry: bool = True,
) -> Estimate:  # fmt: skip
    """What :func:`embed` of the same will take; what is there already takes nothing.

    Args:
        url: a folder, or a URL that fsspec knows.
        model: in evaluation mode.
        provider: of the imagery.
        cells: a region's grid, or :class:`psm.mapping.Cells`.
        header: from :func:`plan`.
        executor: who will do the work; this process by default.
        retry: whether imagery that was not answered will be asked for again.

    Returns:
        Cells, views, bytes and seconds; some views are read and encoded to tell.

    Raises:
        StoreMismatch: something else is there.
        PSMError: the imagery cannot be read at all.
    """
    store = find_store(url, header)
    views = header.cells * len(header.zooms) if store is None else open_cells(store, retry)
    lanes = (executor or LocalExecutor()).lanes
    return estimate_views(model, provider, cells, header, views, lanes=lanes)


def embed(
    url: str | Path,
    model: PSM,
    provider: Provider,
    cells: CellBlocks,
    header: Header | None = None,
    *,
    executor: Executor | None = None,
    retry: bool = True,
) -> EmbeddingReport:
    """Embed cells into the store at ``url``, whatever of it is not there yet.

    It may be killed at any time and started again, also several times at once. Memory does not
    grow with the number of cells.

    Args:
        url: a folder, or a URL that fsspec knows.
        model: in evaluation mode.
        provider: of the imagery.
        cells: a region's grid, or :class:`psm.mapping.Cells`.
        header: from :func:`plan`; by default at the model's first zoom level.
        executor: who does the work; this process by default.
        retry: ask again for imagery that was not answered in an earlier run.

    Returns:
        What was done, and the store.

    Raises:
        StoreMismatch: the store at ``url`` holds something else.
        PSMError: the imagery cannot be read at all; what is done stays.

    Example:
        >>> grid = Region.parse("Vienna, 20km").grid(500.0)
        >>> embed("vienna.zarr", model, provider, grid).store.embedded()
    """
    url, executor = str(url), executor or LocalExecutor()
    with room_for(url):
        store = create_store(url, header or plan(model, provider, cells), cells)
    start = time.monotonic()
    busy = views = 0.0
    answers: Counter[str] = Counter()
    with room_for(url), reaching(url), writing(url):
        if total := open_cells(store, retry):
            half = image_half(model, store.header.parts["precision"])
            job = EmbeddingJob(url, half, provider, retry)
            done = executor.run(job, store.undone(retry=retry))
            for unit in track(
                done, f"embed {total:,} views", total, weight=lambda unit: unit.cells, unit="views"
            ):
                answers.update(unit.answers)
                busy += unit.encoding_s
                views += unit.cells
    seconds = time.monotonic() - start
    share = busy / max(seconds, 1e-9) / executor.lanes
    counts = {zoom: store.counts(zoom) for zoom in store.zooms}
    return EmbeddingReport(store, int(views), seconds, share, counts, answers)


def open_cells(store: Store, retry: bool) -> int:
    spans = (store.rows(unit) for unit in store.undone(retry=retry))
    return sum(rows.stop - rows.start for rows in spans)


def _unit(view_px: int) -> int:
    # The views of a unit are in memory together, several units at a time.
    fitting = max(64, _UNIT_VIEW_BYTES // max(1, 3 * view_px**2))
    return int(min(_UNIT_CELLS, 1 << (fitting.bit_length() - 1)))
