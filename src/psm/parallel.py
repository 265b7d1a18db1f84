"""Process pool for many jobs, one thread each; with one worker, in this process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from psm.errors import WorkerLost

Shared = TypeVar("Shared")
Job = TypeVar("Job")
Result = TypeVar("Result")


def run_all(
    work: Callable[[Shared, Job], Result],
    shared: Shared,
    jobs: Iterable[Job],
    *,
    workers: int | None = None,
) -> Iterator[Result]:
    """``work(shared, job)`` of every job, in the order in which they end.

    An error or an interrupt ends the running jobs and starts no others.

    Args:
        work: a function of a module; it and what it is given travel to other processes.
        shared: what all jobs need; it travels once to every process.
        jobs: what differs; however many they are, only those that somebody will soon be free for
            are taken.
        workers: processes; all cores by default.

    Raises:
        WorkerLost: a process was killed from outside.
    """
    size = workers or os.cpu_count() or 1
    if isinstance(jobs, Sized):
        size = min(size, len(jobs))
    if size <= 1:
        for job in jobs:
            yield work(shared, job)
        return
    pool = ProcessPoolExecutor(
        size, get_context("spawn"), initializer=_prepare, initargs=(work, shared)
    )
    try:
        coming = iter(jobs)
        running = {_submit(pool, job) for job in islice(coming, 2 * size)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
            running |= {_submit(pool, job) for job in islice(coming, len(ended))}
    except BrokenProcessPool:
        raise WorkerLost(
            "a worker process was killed, most likely for want of memory; "
            "run the same command with fewer workers to go on"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, job: Any) -> Future[Any]:
    # Ctrl-C waits while a worker starts, and the worker is born with it waiting: else it would die
    # of it in the middle of its imports, and tell the terminal so.
    with _one_thread_each(), _interrupt_waiting():
        return pool.submit(_run, job)


@contextmanager
def _interrupt_waiting() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_prepared: tuple[Callable[[Any, Any], Any], Any]


def _prepare(work: Callable[[Any, Any], Any], shared: Any) -> None:
    global _prepared
    _prepared = work, shared
    # Ctrl-C reaches every process of the terminal: a worker ends at once, the parent reports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A parent that is killed tells nobody, and its workers would wait for jobs for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(job: Any) -> Any:
    work, shared = _prepared
    return work(shared, job)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    # Read by a worker's libraries as they load, so that it must be there before the worker starts.
    # And no longer: this process may first ask its own libraries for threads between two jobs.
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
