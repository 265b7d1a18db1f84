"""Executor on a Ray cluster: an actor for each encoder, units for whoever is free.

Every actor writes its units into the store itself, so the store has to be where all nodes see it: a
shared file system, or a bucket. Units of an actor that is lost, with its node or without, go to
another; that they may be done twice changes nothing in the store.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from psm.errors import ConfigError, WorkerLost
from psm.extras import require
from psm.mapping.store.place import writing
from psm.mapping.store.store import Unit
from psm.mapping.store.unitwork import AHEAD, EmbeddingJob, FinishedUnit, UnitWorker

_LOSSES = 4
"""Workers that may be lost at one unit before it is the unit that kills them."""

_PATIENCE_S = 300.0


@dataclass(frozen=True)
class RayExecutor:
    """A cluster.

    Attributes:
        address: of a running one, ``auto`` for that of this machine; by default one is started here
            for as long as it takes.
        workers: encoders; by default as many as the cluster has processors, or GPUs, for.
        cpus, gpus: that each takes.
    """

    address: str | None = None
    workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    @property
    def lanes(self) -> int:
        """How many encoders work at once."""
        ray = self._connected()
        if self.workers is not None:
            return self.workers
        there = ray.cluster_resources()
        fitting = there.get("GPU", 0.0) / self.gpus if self.gpus else there["CPU"] / self.cpus
        if fitting < 1.0:
            raise ConfigError(
                f"the cluster has {there.get('CPU', 0):g} processors and {there.get('GPU', 0):g} "
                f"GPUs: too few for a worker of {self.cpus:g} and {self.gpus:g}"
            )
        return int(fitting)

    def run(self, job: EmbeddingJob, units: Iterable[Unit]) -> Iterator[FinishedUnit]:
        """See :class:`psm.mapping.store.executor.Executor`."""
        ray = self._connected()
        actor = ray.remote(
            num_cpus=self.cpus,
            num_gpus=self.gpus,
            max_restarts=0,  # a new one may start on another node; this one would wait for its own
            max_concurrency=AHEAD,
        )(_Actor)
        shared = ray.put(job)
        crew = _Crew(ray, lambda: actor.remote(shared), deque(), iter(units))
        try:
            for _ in range(self.lanes):
                crew.hire()
            while crew.is_busy:
                yield from crew.step()
        finally:
            crew.dismiss()

    def _connected(self) -> Any:
        # Neither statistics nor a dashboard: nothing but work leaves this process.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray = require("ray", "ray")
        if not ray.is_initialized():
            here = {} if self.address else {"include_dashboard": False}
            address = self.address or "local"
            try:
                ray.init(address=address, log_to_driver=False, configure_logging=False, **here)
            except (ConnectionError, ValueError) as problem:
                reason = str(problem).strip().splitlines()[0]
                raise ConfigError(f"--ray-address {self.address}: {reason}") from None
        return ray


class _Actor:
    """A worker in a process of the cluster."""

    def __init__(self, job: EmbeddingJob) -> None:
        self._job = job

    def start(self) -> None:
        """Open the store; here, so that an error is the caller's and not the end of the actor."""
        self._until_the_process_ends = ExitStack()
        self._until_the_process_ends.enter_context(writing(self._job.url))
        self._worker = UnitWorker(self._job)

    def run(self, unit: Unit) -> FinishedUnit:
        """See :meth:`UnitWorker.run`."""
        return self._worker.run(unit)


@dataclass
class _Crew:
    """Actors, what each is at, and what nobody is at any more.

    Attributes:
        ray: the module.
        make: starts an actor.
        lost: units whose actor was lost.
        coming: units that nobody had yet.
        starting: by reference, actors that are not there yet.
        at: by reference, who does which unit.
        load: by actor, how many it has.
        losses: by unit, how many actors were lost while they had it.
    """

    ray: Any
    make: Any
    lost: deque[Unit]
    coming: Iterator[Unit]
    starting: dict[Any, Any] = field(default_factory=dict)
    at: dict[Any, tuple[Any, Unit]] = field(default_factory=dict)
    load: Counter[Any] = field(default_factory=Counter)
    losses: Counter[Unit] = field(default_factory=Counter)
    is_out_of_work: bool = False
    last_s: float = field(default_factory=time.monotonic)

    @property
    def is_busy(self) -> bool:
        """Whether there is anything left to do or to wait for."""
        return bool(self.at or self.lost or not self.is_out_of_work)

    def hire(self) -> None:
        """Start one more actor."""
        handle = self.make()
        self.starting[handle.start.remote()] = handle

    def step(self) -> Iterator[FinishedUnit]:
        """Wait for one thing to happen, and hand out what can be."""
        from ray.exceptions import RayActorError, RayTaskError

        waiting = [*self.at, *self.starting]
        ready, _ = self.ray.wait(waiting, num_returns=1, timeout=5.0) if waiting else ([], [])
        for reference in ready:
            handle = self.starting.pop(reference, None)
            is_new = handle is not None
            handle = handle if is_new else self.at[reference][0]
            try:
                found = self.ray.get(reference)
            except RayTaskError as problem:
                raise problem.cause from None
            except RayActorError:
                self._lose(handle)
                continue
            self.last_s = time.monotonic()
            if is_new:
                self.load[handle] = 0
            else:
                del self.at[reference]
                self.load[handle] -= 1
                yield found
        self._hand_out()
        if self.at:
            self.last_s = time.monotonic()
        elif self.is_busy and time.monotonic() - self.last_s > _PATIENCE_S:
            raise WorkerLost(
                f"no worker of the cluster is left, and none came in {_PATIENCE_S:.0f} s; "
                "run the same command again to go on"
            )

    def dismiss(self) -> None:
        """End all actors."""
        for handle in [*self.load, *self.starting.values()]:
            self.ray.kill(handle)

    def _hand_out(self) -> None:
        # Everybody's first before anybody's second: at the end of the work nobody waits.
        for depth in range(AHEAD):
            for handle in [handle for handle, count in self.load.items() if count == depth]:
                unit = self.lost.popleft() if self.lost else next(self.coming, None)
                if unit is None:
                    self.is_out_of_work = True
                    return
                self.at[handle.run.remote(unit)] = (handle, unit)
                self.load[handle] += 1

    def _lose(self, handle: Any) -> None:
        for reference, (owner, unit) in list(self.at.items()):
            if owner is handle:
                del self.at[reference]
                self.lost.append(unit)
                self.losses[unit] += 1
                if self.losses[unit] >= _LOSSES:
                    raise WorkerLost(
                        f"zoom {unit.zoom}, unit {unit.number}: {_LOSSES} workers were lost at it, "
                        "most likely for want of memory"
                    )
        self.load.pop(handle, None)
        self.ray.kill(handle)
        self.hire()
