"""Fetching tiles politely: paced, tried again, remembered on disk."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from psm.errors import ConfigError
from psm.extras import require
from psm.files import atomic_path
from psm.imagery.provider import NoImagery, Reason
from psm.imagery.tileurl import TileSource
from psm.web import (
    LONGEST_WAIT_S,
    keep_addresses_out_of_logs,
    may_pass,
    retry_after,
    user_agent,
)

_ATTEMPTS = 5
_BACK_OFF_S = 0.5
_GIVING_UP = 20  # failures in a row after which a tile is asked for only once
_ABSENT = (204, 404, 410)
_PRUNED_TO = 0.8


class Pace:
    """At most so many requests a second, of all threads together."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1.0 / per_second
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Until it is this caller's turn."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
        time.sleep(max(0.0, turn - time.monotonic()))

    def hold(self, seconds: float) -> None:
        """Nobody's turn comes before this time has passed."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


@dataclass
class DiskCache:
    """Answers as files, one a tile; an empty one where there is none.

    What was fetched first goes first when the folder has grown too large. Several processes may
    use a folder; each looks at its size when it starts, and counts what it adds itself.
    """

    folder: Path
    bytes_kept: int

    def __post_init__(self) -> None:
        self._size: int | None = None
        self._lock = threading.Lock()

    def read(self, z: int, x: int, y: int) -> bytes | None:
        """What is kept of a tile."""
        try:
            return self._path(z, x, y).read_bytes()
        except OSError:
            return None

    def write(self, z: int, x: int, y: int, data: bytes) -> None:
        """Keep a tile. A full or read-only disk costs time and is no error."""
        with suppress(OSError):
            with atomic_path(self._path(z, x, y)) as aside:
                aside.write_bytes(data)
            with self._lock:
                if self._size is None:
                    self._size = sum(size for _, size, _ in self._files())
                else:
                    self._size += len(data)
                if self._size > self.bytes_kept:
                    self._prune()

    def _path(self, z: int, x: int, y: int) -> Path:
        return self.folder / str(z) / str(x) / f"{y}.tile"

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self.folder.glob("*/*/*.tile"):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def _prune(self) -> None:
        files = sorted(self._files())
        size = sum(size for _, size, _ in files)
        for _, less, path in files:
            if size <= _PRUNED_TO * self.bytes_kept:
                break
            path.unlink(missing_ok=True)
            size -= less
        self._size = size


class Fetcher(AbstractContextManager["Fetcher"]):
    """Bytes of tiles over HTTP. One for every run of :meth:`psm.imagery.tiles.Tiles.read`."""

    def __init__(
        self, source: TileSource, *, pace: Pace, cache: DiskCache, timeout_s: float
    ) -> None:
        httpx = require("httpx", "maps")
        if source.key or source.public != source.template:
            keep_addresses_out_of_logs()
        self._errors = (httpx.HTTPError, httpx.InvalidURL)
        self._client = httpx.Client(
            headers={"User-Agent": user_agent("soundscape maps")},
            timeout=timeout_s,
            follow_redirects=True,
        )
        self._source, self._pace, self._cache = source, pace, cache
        self._failures = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def kept(self, z: int, x: int, y: int) -> bytes | None:
        """What was kept of a tile, if anything."""
        return self._cache.read(z, x, y)

    def tile(self, z: int, x: int, y: int) -> bytes | NoImagery:
        """The encoded tile, empty where the service has none.

        Raises:
            ConfigError: the service does not accept the key.
        """
        detail = ""
        attempts = 1 if self._failures > _GIVING_UP else _ATTEMPTS
        for attempt in range(attempts):
            self._pace.wait()
            # Chance here keeps clients apart; it changes no picture.
            wait = _BACK_OFF_S * 2**attempt * random.uniform(0.75, 1.25)
            try:
                answer = self._client.get(self._source.url(z, x, y))
            except self._errors as problem:
                # The message of the problem may hold the URL and with it a key.
                detail = type(problem).__name__
            else:
                if answer.status_code in _ABSENT:
                    self._failures = 0
                    return b""
                if answer.status_code == 401:
                    raise ConfigError(
                        f"imagery {self._source.name}: {self._source.host} answers 401: "
                        "is the key right?"
                    )
                if answer.status_code == 200 and answer.content:
                    self._failures = 0
                    return bytes(answer.content)
                detail = f"HTTP {answer.status_code}"
                if answer.status_code == 200:
                    detail = "an empty answer"
                elif not may_pass(answer.status_code):
                    break
                asked = retry_after(answer.headers.get("Retry-After"))
                if asked is not None:
                    if asked > LONGEST_WAIT_S:
                        detail += f", ask again in {asked:.0f} s"
                        break
                    self._pace.hold(asked)
                    wait = 0.0
            if attempt + 1 < attempts:
                time.sleep(wait)
        self._failures += 1
        return NoImagery(Reason.FAILED, f"tile {z}/{x}/{y} of {self._source.host}: {detail}")

    def keep(self, z: int, x: int, y: int, data: bytes) -> None:
        """Remember a tile that proved to be an image, or to be none."""
        self._cache.write(z, x, y, data)


def cache_name(source: TileSource) -> str:
    """The folder of a source's tiles: its host and a digest of its template, without keys."""
    digest = hashlib.sha256(source.public.encode()).hexdigest()[:12]
    return f"{source.host.replace(os.sep, '-') or 'tiles'}-{digest}"
