"""Jobs that arrive when they like, taken by a thread, so that nobody waits for them who has answers
to give."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

from psm.collect.decoding.job import Job


class Arrivals:
    """The jobs of an iterable that may block; one is held ready at a time.

    Args:
        jobs: iterated over in another thread.

    Attributes:
        bell: descriptor that is readable where there is news.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = jobs
        self._ready: Job | None = None
        self._error: BaseException | None = None
        self._has_ended = self._is_closed = False
        self._turn = threading.Condition()
        self.bell, self._rope = os.pipe()
        # A daemon: an iterable that blocks for ever shall not keep the program from ending.
        threading.Thread(target=self._run, name="arrivals", daemon=True).start()

    def take(self) -> Job | None:
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
