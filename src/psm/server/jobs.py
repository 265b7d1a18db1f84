"""Worker thread with a bounded queue: heavy work in turn, refused when too much waits."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from psm.server.lrucache import LRUCache
from psm.server.problems import Problem

Result = TypeVar("Result")
_Job = tuple[Callable[[], Any], "Future[Any]"]


class WorkerThread:
    """A thread with a bounded queue.

    Args:
        name: of the thread.
        most: jobs that may wait.
        setup: called in the thread first.
    """

    def __init__(self, name: str, *, most: int, setup: Callable[[], None] | None = None) -> None:
        self.name = name
        self._jobs: queue.Queue[_Job | None] = queue.Queue(most)
        self._setup = setup
        self._seconds = 0.05  # a job, lately
        self._is_open = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return self._jobs.qsize()

    def start(self) -> None:
        """Begin to work."""
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Do ``work`` when its turn comes.

        Raises:
            Problem: 503, the queue is full or the worker is not there.
        """
        future: Future[Result] = Future()
        try:
            if not self._is_open:
                raise queue.Full
            self._jobs.put_nowait((work, future))
        except queue.Full:
            raise Problem(
                503,
                "The server has too much to do; ask again after the time in Retry-After.",
                kind="busy",
                retry_after_s=min(30.0, 1.0 + self.waiting * self._seconds),
            ) from None
        return future

    async def run(self, work: Callable[[], Result]) -> Result:
        """The result of ``work``.

        Raises:
            Problem: as :meth:`submit`.
        """
        return await result_of(self.submit(work))

    def close(self, timeout_s: float = 10.0) -> None:
        """Finish what waits, take nothing new."""
        if not self._is_open or self._thread is None:
            return
        self._is_open = False
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        if self._setup is not None:
            self._setup()
        while (job := self._jobs.get()) is not None:
            work, future = job
            if not future.set_running_or_notify_cancel():
                continue
            start = time.monotonic()
            try:
                future.set_result(work())
            except BaseException as problem:  # the waiting request reports it
                future.set_exception(problem)
            del job, work, future  # an idle worker holds on to nothing
            self._seconds += 0.2 * (time.monotonic() - start - self._seconds)


class SharedJobs:
    """Jobs whose results are remembered: equal ones that come together are done once.

    Args:
        worker: that does them.
    """

    def __init__(self, worker: WorkerThread) -> None:
        self._worker = worker
        self._running: dict[Hashable, Future[Any]] = {}

    async def result(
        self, cache: LRUCache[Result], key: Hashable, work: Callable[[], Result]
    ) -> Result:
        """The result of ``work``, from the cache where it is there.

        Args:
            cache: that remembers it.
            key: the same for the same work.
            work: makes it.

        Raises:
            Problem: as :meth:`WorkerThread.submit`.
        """
        found = cache.get(key)
        if found is not None:
            return found

        def keep() -> Result:
            made = work()
            cache.put(key, made)
            return made

        running: Future[Result] | None = self._running.get(key)
        if running is None:
            running = self._worker.submit(keep)
            self._running[key] = running
            running.add_done_callback(partial(self._done, key))
        return await result_of(running)

    def _done(self, key: Hashable, _: Future[Any]) -> None:
        self._running.pop(key, None)


async def result_of(future: Future[Result]) -> Result:
    """Wait without blocking; who stops waiting does not stop the work, others may want it too."""
    return await asyncio.shield(asyncio.wrap_future(future))
