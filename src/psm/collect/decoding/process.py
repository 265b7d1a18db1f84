"""Handle of one decoding process: its jobs, answers, deadline and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from psm.collect.decoding import decodeworker
from psm.collect.decoding.job import DecodedClip, DecodingJob, read_answer
from psm.collect.refusal import Refused
from psm.errors import WorkerLost

_START_S = 60.0
_BLOCK = 65_536
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class DecoderDied(Exception):
    """A process ended, or has to be ended, while it held jobs.

    Args:
        status: as it ended; ``None``, it is out of time. 0, it left of its own will, and none of
            the jobs that it held is to blame.
    """

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class DecoderProcess:
    """A decoding process and the jobs that it holds.

    Args:
        shared: line with the framing and the limits.

    Attributes:
        jobs: that it holds, the one it is at first.
        deadline: of that one, on the monotonic clock.
        done: how many it has answered.
    """

    def __init__(self, shared: bytes) -> None:
        self.jobs: deque[DecodingJob] = deque()
        self.deadline = 0.0
        self.done = 0
        self._read = b""
        self._is_ready = False
        # A session of its own: Ctrl-C is the parent's affair, and ffmpeg ends with its decoder.
        self._process = subprocess.Popen(
            [sys.executable, "-m", decodeworker.__name__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD}, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self.answers = self._process.stdin, self._process.stdout
        os.set_blocking(self.answers.fileno(), False)
        self._send(shared)

    @property
    def id(self) -> int:
        """Of the process, and of the group of all that it starts."""
        return self._process.pid

    def give(self, job: DecodingJob, seconds: float) -> None:
        """One more job, with so much time once it is its turn."""
        if not self.jobs:
            self._start_clock(seconds)
        self.jobs.append(job)
        self._send(json.dumps(job.to_json()).encode() + b"\n")

    def answered(self, seconds: float) -> Iterator[tuple[DecodingJob, DecodedClip | Refused]]:
        """The jobs that are done since it was last asked; the next gets its time from now on.

        Raises:
            Died: there will be no more answers; the first of ``jobs`` is the one it was at.
            WorkerLost: it never began.
        """
        with suppress(BlockingIOError):
            block = os.read(self.answers.fileno(), _BLOCK)
            if not block:
                status = self._process.wait()
                if status > 0 and not self._is_ready:
                    raise WorkerLost(
                        f"a decoding process did not start (status {status}); run "
                        f"`python -c 'import {decodeworker.__name__}'` to see why"
                    )
                raise DecoderDied(status)
            self._read += block
        if time.monotonic() > self.deadline and b"\n" not in self._read:
            raise DecoderDied(None)
        *lines, self._read = self._read.split(b"\n")
        for line in lines:
            if not self._is_ready:
                self._is_ready = True
            else:
                try:
                    answer = read_answer(line)
                except ValueError:
                    raise DecoderDied(1) from None
                self.done += 1
                yield self.jobs.popleft(), answer
            self._start_clock(seconds)

    def end(self) -> None:
        """At once, with all that it started; what it had half written goes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(BrokenPipeError):  # it never read what it was sent
            self._to.close()
        self.answers.close()
        for job in self.jobs:
            job.sweep()

    def _start_clock(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds + (0.0 if self._is_ready else _START_S)

    def _send(self, line: bytes) -> None:
        # One that died is found out by its answers.
        with suppress(BrokenPipeError):
            self._to.write(line)
            self._to.flush()
