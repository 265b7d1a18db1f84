"""Progress file of a running build, for those who watch it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from psm.files import atomic_path
from psm.locking import is_running

FILE = "status.json"

_EVERY_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """Progress of a build at one moment.

    Attributes:
        pid: of the process that builds.
        stage: that it is at.
        seconds: in this stage so far.
        done: items that this stage has gone through in this run.
        total: that there are to go through, where it is known.
        written: when this was written, seconds since 1970.
    """

    pid: int
    stage: str
    seconds: float
    done: int
    total: int | None
    written: float

    @property
    def per_s(self) -> float:
        """Items a second."""
        return self.done / self.seconds if self.seconds > 0.0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end of the stage at this speed."""
        if self.total is None or not self.per_s:
            return None
        return (self.total - self.done) / self.per_s

    @property
    def is_alive(self) -> bool:
        """Whether the process is still there."""
        return is_running(self.pid)


class Heartbeat:
    """Writes :data:`FILE` every two seconds."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stage, self._done = "start", 0
        self._total: int | None = None
        self._start, self._next = time.monotonic(), 0.0

    def begin(self, stage: str, total: int | None = None) -> None:
        """A stage begins."""
        self._stage, self._total, self._done = str(stage), total, 0
        self._start, self._next = time.monotonic(), 0.0
        self.beat()

    def count(self, items: int = 1) -> None:
        """So many items more are done."""
        self._done += items

    def beat(self) -> None:
        """Write it, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        pulse = Pulse(
            pid=os.getpid(),
            stage=self._stage,
            seconds=round(now - self._start, 1),
            done=self._done,
            total=self._total,
            written=round(time.time(), 1),
        )
        with atomic_path(self._path) as path:
            path.write_text(json.dumps(asdict(pulse)))

    def end(self) -> None:
        """The build is over."""
        self._path.unlink(missing_ok=True)


def read_pulse(folder: Path) -> Pulse | None:
    """Progress of the build in a folder, if one is going on."""
    try:
        values: Mapping[str, Any] = json.loads((folder / FILE).read_text())
        pulse = Pulse(**values)
    except (OSError, ValueError, TypeError):
        return None
    return pulse if pulse.is_alive else None
