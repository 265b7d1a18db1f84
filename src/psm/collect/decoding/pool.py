"""Process pool that decodes untrusted files and survives crashes, hangs and full memory.

Each process decodes file after file, with little memory and time for each. One that dies, hangs or
fills its memory is replaced, and its file is refused with the reason; the others notice nothing. A
file whose process died is tried once more in a fresh one, so that no file pays for what another one
left behind.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from types import TracebackType

from psm.collect.decoding.job import DecodedClip, DecodingJob, FileLimits
from psm.collect.decoding.process import DecoderDied, DecoderProcess
from psm.collect.refusal import Refused
from psm.data.framing import Framing
from psm.data.sound.ffmpeg import TOO_SLOW

_AHEAD = 2  # jobs a process holds: one to do, one to go on with
_FILES_EACH = 1000  # then a fresh process takes over: decoders leak

Result = tuple[str, DecodedClip | Refused]


class DecoderPool(AbstractContextManager["DecoderPool"]):
    """Decodes files within limits; close it, or use it as a context, to end its processes.

    Args:
        framing: how a model wants the sound.
        limits: of one file.
        workers: processes; all cores by default.
    """

    def __init__(
        self, framing: Framing, limits: FileLimits | None = None, *, workers: int | None = None
    ) -> None:
        self._limits = limits or FileLimits()
        shared = {"framing": framing.to_json(), "limits": asdict(self._limits)}
        self._shared = json.dumps(shared).encode() + b"\n"
        self._size = workers or os.cpu_count() or 1
        self._workers: list[DecoderProcess] = []

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the processes that run; each leads a group of its own."""
        return tuple(worker.id for worker in self._workers)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, with whatever they are at."""
        while self._workers:
            self._workers.pop().end()

    def decode_all(self, jobs: Iterable[DecodingJob]) -> Iterator[Result]:
        """Key and outcome of every job, in the order in which they end.

        Jobs are taken as processes become free, by a thread of their own: results come as soon as
        they are there, also while ``jobs`` waits for the next. Whoever stops listening early ends
        what is running.

        Raises:
            WorkerLost: the processes do not start.
        """
        arrivals, again = Arrivals(jobs), deque[DecodingJob]()
        once_died: set[str] = set()
        try:
            while True:
                self._hand_out(arrivals, again)
                if not any(worker.jobs for worker in self._workers) and arrivals.has_ended:
                    return
                for worker in self._ready(arrivals):
                    yield from self._collect(worker, again, once_died)
        finally:
            arrivals.close()
            if any(worker.jobs for worker in self._workers):
                self.close()

    def _hand_out(self, arrivals: Arrivals, again: deque[DecodingJob]) -> None:
        """Give what has arrived to those who hold least, until all hold enough."""
        while True:
            free = min(self._workers, key=lambda worker: len(worker.jobs), default=None)
            if free is None or (free.jobs and len(self._workers) < self._size):
                free = None
            elif len(free.jobs) >= _AHEAD:
                return
            job = again.popleft() if again else arrivals.take()
            if job is None:
                return
            if free is None:
                free = DecoderProcess(self._shared)
                self._workers.append(free)
            free.give(job, self._limits.seconds)

    def _ready(self, arrivals: Arrivals) -> list[DecoderProcess]:
        """Those that answered, died, or are out of time; none where a job arrived."""
        busy = [worker for worker in self._workers if worker.jobs]
        first = min((worker.deadline for worker in busy), default=None)
        with selectors.DefaultSelector() as selector:
            selector.register(arrivals.bell, selectors.EVENT_READ)
            for worker in busy:
                selector.register(worker.answers, selectors.EVENT_READ, worker)
            left_s = None if first is None else max(0.0, first - time.monotonic())
            found = selector.select(left_s)
        if any(key.data is None for key, _ in found):
            arrivals.wait()
        if found:
            return [key.data for key, _ in found if key.data is not None]
        return [worker for worker in busy if worker.deadline == first]

    def _collect(
        self, worker: DecoderProcess, again: deque[DecodingJob], once_died: set[str]
    ) -> Iterator[Result]:
        try:
            for job, answer in worker.answered(self._limits.seconds):
                yield job.key, answer
            if worker.done >= _FILES_EACH:
                self._replace(worker, again)
        except DecoderDied as died:
            if died.status == 0:
                self._replace(worker, again)
                return
            self._replace(worker, again)
            job = again.popleft()
            if died.status is None:
                yield job.key, Refused("takes too long to decode on this machine", may_pass=True)
            elif died.status == -signal.SIGXCPU:
                yield job.key, Refused(TOO_SLOW)
            elif job.key in once_died:
                # SIGKILL comes from outside, most likely for want of memory.
                may_pass = died.status == -signal.SIGKILL
                detail = f"status {died.status}"
                yield job.key, Refused("breaks the decoder", may_pass=may_pass, detail=detail)
            else:
                once_died.add(job.key)
                again.appendleft(job)

    def _replace(self, worker: DecoderProcess, again: deque[DecodingJob]) -> None:
        again.extendleft(reversed(worker.jobs))
        worker.end()
        self._workers.remove(worker)


class Arrivals:
    """The jobs of an iterable that may block; one is held ready at a time.

    Args:
        jobs: iterated over in another thread.

    Attributes:
        bell: descriptor that is readable where there is news.
    """

    def __init__(self, jobs: Iterable[DecodingJob]) -> None:
        self._jobs = jobs
        self._ready: DecodingJob | None = None
        self._error: BaseException | None = None
        self._has_ended = self._is_closed = False
        self._turn = threading.Condition()
        self.bell, self._rope = os.pipe()
        # A daemon: an iterable that blocks for ever shall not keep the program from ending.
        threading.Thread(target=self._run, name="arrivals", daemon=True).start()

    def take(self) -> DecodingJob | None:
        """The next job, or ``None`` where none has arrived."""
        with self._turn:
            job, self._ready = self._ready, None
            self._turn.notify()
            return job

    def wait(self) -> None:
        """Until there is news: another job, or the end; the bell is silent then."""
        os.read(self.bell, 1)

    @property
    def has_ended(self) -> bool:
        """Whether there will be no more.

        Raises:
            Exception: whatever the iterable raised.
        """
        with self._turn:
            if self._error is not None:
                raise self._error
            return self._has_ended and self._ready is None

    def close(self) -> None:
        """Take no more."""
        with self._turn:
            self._is_closed = True
            self._turn.notify()
            os.close(self.bell)
            os.close(self._rope)

    def _run(self) -> None:
        try:
            for job in self._jobs:
                with self._turn:
                    self._turn.wait_for(lambda: self._is_closed or self._ready is None)
                    if self._is_closed:
                        return
                    self._ready = job
                    os.write(self._rope, b".")
        except BaseException as error:
            self._error = error
        with self._turn:
            self._has_ended = True
            if not self._is_closed:
                os.write(self._rope, b".")
