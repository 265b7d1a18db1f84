"""Plans as jobs: worked at beside the other answers, with a progress and an estimate."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from psm.gaussian import Gaussian
from psm.mapping.cells import Cells
from psm.mapping.distances import Distances, EmbeddedRegion
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.model import PSM
from psm.planning import Plan
from psm.server.jobs import WorkerThread
from psm.server.lrucache import LRUCache
from psm.server.problems import Problem

_TURN = 1024  # cells that are looked at before other questions have their turn
_BUSY_S = 0.2
_KEPT = 32
_LOOKING = 0.9  # of the work; the rest is choosing


@dataclass(eq=False)
class PlanJob:
    """A plan that is being made.

    Attributes:
        total: cells and moments that are to be looked at.
        done: that were looked at.
        started: when its turn came, by the monotonic clock.
        future: of the plan.
    """

    total: int
    done: int = 0
    started: float | None = None
    future: Future[Plan] = field(default_factory=Future)

    @property
    def progress(self) -> float:
        """Share of the work that is done."""
        if self.future.done():
            return 1.0
        return min(_LOOKING, _LOOKING * self.done / max(self.total, 1))

    @property
    def seconds_left(self) -> float | None:
        """By how long it took so far; ``None`` before that says anything."""
        if self.future.done():
            return 0.0
        if self.started is None or self.progress < 0.02:
            return None
        return (time.monotonic() - self.started) * (1.0 - self.progress) / self.progress


class PlanJobs:
    """Plans of a server, one after the other, in a thread of their own.

    The model is asked in its own thread, a few cells at a time, so that maps are never kept waiting
    for longer than these take.

    Args:
        worker: the thread of the model.
    """

    def __init__(self, worker: WorkerThread) -> None:
        self._worker = worker
        self._thread = WorkerThread("psm-plans", most=8)
        self._jobs: LRUCache[PlanJob] = LRUCache(_KEPT)
        self._is_closing = False

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Give up what is not done."""
        self._is_closing = True
        self._thread.close()

    def job(
        self,
        key: Hashable,
        places: EmbeddedRegion,
        looks: int,
        work: Callable[[EmbeddedRegion], Plan],
    ) -> PlanJob:
        """The plan of a key: begun where it is new, and remembered unless it failed.

        Args:
            key: the same for the same plan.
            places: to plan among.
            looks: how many moments each of them is seen at.
            work: makes the plan of these places.

        Raises:
            Problem: 503, too many plans wait.
        """
        known = self._jobs.get(key)
        if known is not None and not (known.future.done() and known.future.exception()):
            return known
        made = PlanJob(total=looks * len(places.cells))
        turns = _Turns(places, self, made)

        def run() -> Plan:
            made.started = time.monotonic()
            return work(turns)

        made.future = self._thread.submit(run)
        self._jobs.put(key, made)
        return made

    def ask(self, work: Callable[[], Tensor]) -> Tensor:
        """Ask the model in its thread, when there is room for it.

        Raises:
            Problem: 503, the server ends.
        """
        while True:
            if self._is_closing:
                raise Problem(503, "The server ends.", kind="busy")
            try:
                return self._worker.submit(work).result()
            except Problem as problem:
                if problem.kind != "busy":
                    raise
                time.sleep(_BUSY_S)


class _Turns:
    """Places whose model is asked a few cells at a time: an :class:`EmbeddedRegion`."""

    def __init__(self, places: EmbeddedRegion, jobs: PlanJobs, job: PlanJob) -> None:
        self._places, self._jobs, self._job = places, jobs, job

    @property
    def cells(self) -> Cells:
        return self._places.cells

    @property
    def zoom(self) -> int | str:
        return self._places.zoom

    @property
    def attribution(self) -> str:
        return self._places.attribution

    @property
    def licence(self) -> str:
        return self._places.licence

    @property
    def not_covered(self) -> Bool[np.ndarray, " n"] | None:
        return self._places.not_covered

    @property
    def approximation(self) -> str | None:
        return self._places.approximation

    def part(self, rows: NDArray[np.int64]) -> _Turns:
        return _Turns(self._places.part(rows), self._jobs, self._job)

    def distances(
        self, model: PSM, queries: Gaussian, moment: Moment, sources: Sources = UNKNOWN
    ) -> Distances:
        return self._places.distances(model, queries, moment, sources)

    def components(
        self, model: PSM, moment: Moment, axes: Float[Tensor, "dim k"], rows: slice
    ) -> Float[Tensor, "n k"]:
        start, stop, _ = rows.indices(len(self.cells))
        found = []
        for first in range(start, stop, _TURN):
            some = slice(first, min(first + _TURN, stop))

            def look(some: slice = some) -> Tensor:
                with torch.inference_mode():
                    return self._places.components(model, moment, axes, some)

            found.append(self._jobs.ask(look))
            self._job.done += some.stop - some.start
        return torch.cat(found)
