"""Timetable: maps of any month and hour in a fraction of a second, from a prepared store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from psm.errors import MissingData
from psm.gaussian import Gaussian
from psm.mapping.distances import Distances, require_no_sources
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.mapping.store import Store
from psm.mapping.timetable.expansion import (
    HOURS,
    Expansion,
    QueryWeights,
    at_hour,
    hour_weights,
    month_state,
)
from psm.mapping.timetable.preparation import group_name, is_prepared, read_expansion
from psm.model import PSM

_BLOCK = 1024  # cells that are scored together: their numbers stay in the cache
_FEW_QUERIES, _FEW_HOURS = 4, 8


class Timetable:
    """A prepared store, ready for queries at any month and hour.

    Its distances are those of exact fusion but for a small error, which
    :func:`psm.mapping.timetable.agreement` measures.

    Args:
        store: prepared, see :func:`psm.mapping.timetable.preparation`.
        model: that it was prepared with.
        zoom: one of the store's; by default its first.
        resident: of a store elsewhere, keep the coefficients in memory as they lie there, float16,
            instead of reading them at every query. Those of a store on this machine are mapped
            into memory anyway: the system keeps what it has room for.

    Attributes:
        cells: the places.
        coefficients: ``(N, rank)`` float16, where they are resident.

    Raises:
        MissingData: the store is not prepared with this model, or not completely.
    """

    def __init__(
        self, store: Store, model: PSM, zoom: int | None = None, *, resident: bool = False
    ) -> None:
        self.store, self.cells = store, store.cells
        self.zoom = store.zooms[0] if zoom is None else zoom
        if not is_prepared(store, model, self.zoom):
            raise MissingData(
                f"{store.url}: not prepared for {model.config.name} at zoom {self.zoom}; "
                f"run `psm prepare {store.url}`"
            )
        group: Any = store.group[group_name(self.zoom)]
        self.settings: dict[str, Any] = group.attrs["settings"]
        self.expansion: Expansion = read_expansion(group)
        self._array: Any = group["coefficients"]
        self._kept: tuple[Gaussian, int | None, QueryWeights] | None = None
        self._projected: tuple[Tensor, int | None, Tensor, Tensor] | None = None
        self.coefficients: Tensor | None = None
        self._mapped = store.mapped_rows(self._name, self._array)
        if resident and self._mapped is None:
            whole = store.read_rows(self._name, self._array, slice(None))
            self.coefficients = torch.from_numpy(whole)

    @classmethod
    def find(cls, store: Store, model: PSM, zoom: int) -> Timetable | None:
        """The timetable of a store for a model; ``None`` where it is not prepared.

        Args:
            store: a store.
            model: in evaluation mode.
            zoom: level of the imagery.

        Returns:
            The timetable, which reads its coefficients at every query, or ``None``.
        """
        return cls(store, model, zoom) if is_prepared(store, model, zoom) else None

    @property
    def attribution(self) -> str:
        """Whose imagery it is."""
        return self.store.attribution

    @property
    def licence(self) -> str:
        """Of the imagery."""
        return self.store.licence

    @cached_property
    def not_covered(self) -> Bool[np.ndarray, " n"] | None:
        """See :meth:`psm.mapping.store.Store.not_covered`."""
        return self.store.not_covered(self.zoom)

    @property
    def approximation(self) -> str:
        """See :attr:`psm.mapping.distances.EmbeddedRegion.approximation`."""
        return f"a prepared store: {self._array.shape[1]} coefficients a cell"

    def part(self, rows: NDArray[np.int64]) -> Timetable:
        """Some of the cells, to be asked alone.

        Args:
            rows: numbers of the cells, ``(n,)``.

        Returns:
            The same at these cells.
        """
        part = copy(self)
        part.cells = self.cells.part(rows)
        vars(part).pop("_lon", None)  # of all cells
        vars(part)["not_covered"] = None if self.not_covered is None else self.not_covered[rows]
        part.coefficients = (
            torch.from_numpy(np.asarray(self._array.oindex[rows]))
            if self.coefficients is None
            else self.coefficients[rows]
        )
        return part

    def distances(
        self,
        model: PSM,  # noqa: ARG002  (what it knows is in the coefficients)
        queries: Gaussian,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Distances:
        """See :class:`psm.mapping.distances.EmbeddedRegion`.

        Args:
            model: that the store was prepared with.
            queries: ``(M, dim)`` Gaussians.
            moment: when.
            sources: unknown; others are refused.

        Returns:
            ``(N, M)`` distances and their variances, NaN where there is no imagery.

        Raises:
            ConfigError: a source is given; a prepared store knows month and hour alone.
        """
        require_no_sources(sources)
        answer = self._of_month(queries, moment.month)
        if moment.utc is None:
            answer = _hour_of(answer, moment.hour)
        found = torch.empty(2, len(self.cells), len(queries.mean))
        lon = None if moment.utc is None else self._lon

        def score(rows: slice) -> None:
            coefficients = self._read(rows)
            if lon is None:
                parts = _at(answer, coefficients)
            else:
                parts = _at_hours(answer, coefficients, moment.local_hours(lon[rows]))
            for total, part in zip(found, parts, strict=True):
                torch.clamp_min(part, 0.0, out=total[rows])

        _each_block(score, len(self.cells))
        return Distances(found[0], found[1])

    def components(
        self,
        model: PSM,  # noqa: ARG002  (what it knows is in the coefficients)
        moment: Moment,
        axes: Float[Tensor, "dim k"],
        rows: slice,
    ) -> Float[Tensor, "n k"]:
        """See :class:`psm.mapping.distances.EmbeddedRegion`: means are linear in coefficients.

        Args:
            model: that the store was prepared with.
            moment: when; at one UTC hour, cells are told their local hour to a quarter.
            axes: ``(dim, k)``.
            rows: which cells, of step 1.

        Returns:
            ``(n, k)``, NaN where there is no imagery.
        """
        mean, basis = self._of_axes(axes, moment.month)
        coefficients = self._read(rows)
        if moment.utc is None:
            return at_hour(moment.hour, mean) + coefficients @ at_hour(moment.hour, basis)
        quarters = np.round(moment.local_hours(self._lon[rows]) * 4.0) % 96.0
        found = torch.empty(len(coefficients), axes.shape[1])
        for quarter in np.unique(quarters).tolist():
            own, hour = torch.from_numpy(quarters == quarter), quarter / 4.0
            found[own] = at_hour(hour, mean) + coefficients[own] @ at_hour(hour, basis)
        return found

    def _of_axes(
        self, axes: Float[Tensor, "dim k"], month: int | None
    ) -> tuple[Float[Tensor, "hours k"], Float[Tensor, "hours rank k"]]:
        """Means and components of a month on axes, kept for the next block of cells."""
        kept = self._projected
        if kept is None or kept[0] is not axes or kept[1] != month:
            kept = (axes, month, *self.expansion.on_axes(axes, month_state(month)))
            self._projected = kept
        return kept[2], kept[3]

    def _of_month(self, queries: Gaussian, month: int | None) -> QueryWeights:
        """The answer of a month, kept for the next hour of the same question."""
        kept = self._kept
        if kept is None or kept[0] is not queries or kept[1] != month:
            kept = self._kept = (queries, month, self.expansion.answer(queries, month_state(month)))
        return kept[2]

    @property
    def size_bytes(self) -> int:
        """Of the coefficients, on disk or wherever they are kept."""
        return 2 * len(self.cells) * self.expansion.rank

    @property
    def is_mapped(self) -> bool:
        """Whether the coefficients stay on disk, and memory only holds what there is room for."""
        return self._mapped is not None and self.coefficients is None

    @property
    def _name(self) -> str:
        return f"{group_name(self.zoom)}/coefficients"

    def _read(self, rows: slice) -> Float[Tensor, "n rank"]:
        # Widened a block at a time: half the bytes cross from memory to the processor, which is
        # what scoring waits for.
        if self.coefficients is not None:
            return self.coefficients[rows].float()
        if self._mapped is not None:
            return self._mapped.read(rows).float()
        return torch.from_numpy(self.store.read_rows(self._name, self._array, rows)).float()

    @cached_property
    def _lon(self) -> np.ndarray:
        return self.cells.lon


def _each_block(work: Callable[[slice], None], count: int) -> None:
    """Do all blocks of ``count`` rows, by as many threads as PyTorch has, each a stretch of them.

    Small products of matrices with vectors run in one thread; so does the reading of files.
    """
    threads = torch.get_num_threads()
    blocks = [slice(start, start + _BLOCK) for start in range(0, count, _BLOCK)]

    def run(own: list[slice]) -> None:
        with torch.inference_mode():
            for rows in own:
                work(rows)

    each = -(-len(blocks) // threads)
    stretches = [blocks[start : start + each] for start in range(0, len(blocks), max(1, each))]
    if len(stretches) <= 1:
        run(blocks)
        return
    with ThreadPoolExecutor(len(stretches)) as pool:
        list(pool.map(run, stretches))


def _hour_of(answer: QueryWeights, hour: float | None) -> QueryWeights:
    """The answer at one hour, or at the unknown one."""
    return QueryWeights(*(at_hour(hour, part)[None] for part in answer))


def _at(answer: QueryWeights, coefficients: Tensor) -> tuple[Tensor, Tensor]:
    spread = answer.variance_weights.shape[1]
    return (
        _product(answer.csd_offset[0], answer.csd_weights[0], coefficients),
        _product(answer.variance_offset[0], answer.variance_weights[0], coefficients[:, :spread]),
    )


def _product(offset: Tensor, weights: Tensor, values: Tensor) -> Tensor:
    # A vector at a time runs at the speed of memory; a matrix of few columns does not.
    if weights.shape[1] > _FEW_QUERIES:
        return torch.addmm(offset, values, weights)
    columns = [torch.mv(values, column) for column in weights.T.contiguous()]
    return torch.stack(columns, dim=-1) + offset


def _at_hours(
    answer: QueryWeights, coefficients: Tensor, hours: Float[np.ndarray, " n"]
) -> tuple[Tensor, Tensor]:
    """Every cell at its own hour, to the minute."""
    minutes, groups = np.unique(np.round(hours * 60.0), return_inverse=True)
    if len(minutes) <= _FEW_HOURS:  # neighbours have nearly the same
        found = torch.empty(2, len(hours), answer.csd_offset.shape[1])
        for group, minute in enumerate(minutes.tolist()):
            own = torch.from_numpy(groups == group)
            parts = _at(_hour_of(answer, minute / 60.0), coefficients[own])
            for total, part in zip(found, parts, strict=True):
                total[own] = part
        return found[0], found[1]
    weights = hour_weights(torch.from_numpy(minutes / 60.0).float())[torch.from_numpy(groups)]
    spread = answer.variance_weights.shape[1]
    return (
        _mean_of_hours(answer.csd_offset, answer.csd_weights, coefficients, weights),
        _mean_of_hours(
            answer.variance_offset, answer.variance_weights, coefficients[:, :spread], weights
        ),
    )


def _mean_of_hours(offset: Tensor, weights: Tensor, values: Tensor, hours: Tensor) -> Tensor:
    columns = [
        ((values @ weights[:HOURS, :, query].T + offset[:HOURS, query]) * hours).sum(-1)
        for query in range(offset.shape[1])
    ]
    return torch.stack(columns, dim=-1)
