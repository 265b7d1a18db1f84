"""Executors: units of work done in this process or in several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, runtime_checkable

from psm.errors import ConfigError
from psm.mapping.store.place import writing
from psm.mapping.store.store import Unit
from psm.mapping.store.unitwork import AHEAD, EmbeddingJob, FinishedUnit, UnitWorker
from psm.parallel import run_all


@runtime_checkable
class Executor(Protocol):
    """Does units of work, in any order, until all are done."""

    @property
    def lanes(self) -> int:
        """How many encoders work at once."""
        ...

    def run(self, job: EmbeddingJob, units: Iterable[Unit]) -> Iterator[FinishedUnit]:
        """Every unit as it ends; units are taken from ``units`` when somebody is free for them.

        Args:
            job: what all units have in common.
            units: what is to be done.

        Returns:
            What became of each unit.

        Raises:
            WorkerLost: too many workers were killed to go on.
        """
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """This machine.

    Attributes:
        processes: 1: here, with all threads of PyTorch; more: so many, with one thread each, which
            pays where reading is slow work of the processor.
    """

    processes: int = 1

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise ConfigError(f"processes: {self.processes}, but it takes one at least")

    @property
    def lanes(self) -> int:
        """How many encoders work at once."""
        return self.processes

    def run(self, job: EmbeddingJob, units: Iterable[Unit]) -> Iterator[FinishedUnit]:
        """See :class:`Executor`.

        Args:
            job: what all units have in common.
            units: what is to be done.

        Returns:
            What became of each unit.
        """
        if self.processes > 1:
            yield from run_all(_run_apart, job, units, workers=self.processes)
        else:
            yield from _run_here(job, units)


def _run_here(job: EmbeddingJob, units: Iterable[Unit]) -> Iterator[FinishedUnit]:
    worker = UnitWorker(job)
    coming = iter(units)
    pool = ThreadPoolExecutor(AHEAD, "unit")
    try:
        running = {pool.submit(worker.run, unit) for unit in islice(coming, AHEAD)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
            running |= {pool.submit(worker.run, unit) for unit in islice(coming, len(ended))}
    finally:
        worker.stop_reading()
        pool.shutdown(cancel_futures=True)
        worker.close()


_until_the_process_ends = ExitStack()
_worker: UnitWorker | None = None


def _run_apart(job: EmbeddingJob, unit: Unit) -> FinishedUnit:
    global _worker
    if _worker is None:
        _until_the_process_ends.enter_context(writing(job.url))
        _worker = UnitWorker(job)
    return _worker.run(unit)
