"""Map tiles over HTTP: asked for politely, and kept on disk."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psm.errors import ConfigError
from psm.files import atomic_path
from psm.http import Client, RateLimiter, RequestFailed, is_temporary, retry_after
from psm.http.failures import LONGEST_WAIT_S, in_words
from psm.imagery.provider import NoImagery, Reason
from psm.imagery.tileurl import TileService

if TYPE_CHECKING:
    import httpx

_ATTEMPTS = 5
_GIVING_UP = 20  # failures in a row after which a tile is asked for only once
_ABSENT = (204, 404, 410)
_PRUNED_TO = 0.8


@dataclass
class TileCache:
    """Answers as files, one a tile by three names; an empty one where there is none.

    What was fetched first goes first when the folder has grown too large. Several processes may
    use a folder; each looks at its size when it starts, and counts what it adds itself.
    """

    folder: Path
    bytes_kept: int

    def __post_init__(self) -> None:
        self._size: int | None = None
        self._lock = threading.Lock()

    def read(self, z: int | str, x: int | str, y: int | str) -> bytes | None:
        """What is kept of a tile."""
        try:
            return self._path(z, x, y).read_bytes()
        except OSError:
            return None

    def write(self, z: int | str, x: int | str, y: int | str, data: bytes) -> None:
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

    def _path(self, z: int | str, x: int | str, y: int | str) -> Path:
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


class TileDownloader:
    """Bytes of tiles over HTTP. One for every run of :meth:`psm.imagery.maptiles.MapTiles.read`."""

    def __init__(
        self, service: TileService, *, limiter: RateLimiter, cache: TileCache, timeout_s: float
    ) -> None:
        self._client = Client("soundscape maps", limiter, timeout_s=timeout_s)
        self._client.open()  # which takes a moment, once and not in each thread
        self._service, self._cache = service, cache
        self._failures = 0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def kept(self, z: int, x: int, y: int) -> bytes | None:
        """What was kept of a tile, if anything."""
        return self._cache.read(z, x, y)

    def tile(self, z: int, x: int, y: int) -> bytes | NoImagery:
        """The encoded tile, empty where the service has none.

        Raises:
            ConfigError: the service does not accept the key.
        """
        attempts = 1 if self._failures > _GIVING_UP else _ATTEMPTS
        try:
            data = self._client.get(self._service.url(z, x, y), self._receive, attempts=attempts)
        except RequestFailed as failed:
            self._failures += 1
            why = failed.detail or failed.reason
            if failed.wait_s is not None and failed.wait_s > LONGEST_WAIT_S:
                why += f", ask again in {failed.wait_s:.0f} s"
            told = f"tile {z}/{x}/{y} of {self._service.host}: {why}"
            is_status = failed.reason.startswith("HTTP")
            answer = failed.reason if is_status else in_words(why) or why
            return NoImagery(Reason.FAILED, told, answer)
        self._failures = 0
        return data

    def _receive(self, answer: httpx.Response) -> bytes:
        status, data = answer.status_code, answer.read()
        if status in _ABSENT:
            return b""
        if status == 401:
            raise ConfigError(
                f"imagery {self._service.name}: {self._service.host} answers 401: is the key right?"
            )
        if status == 200 and data:
            return data
        may_pass = status == 200 or is_temporary(status)
        raise RequestFailed(
            "an empty answer" if status == 200 else f"HTTP {status}",
            may_pass=may_pass,
            wait_s=retry_after(answer.headers.get("Retry-After")) if may_pass else None,
        )

    def keep(self, z: int, x: int, y: int, data: bytes) -> None:
        """Remember a tile that proved to be an image, or to be none."""
        self._cache.write(z, x, y, data)


def cache_name(service: TileService) -> str:
    """The folder of a service's tiles: its host and a digest of its template, without keys."""
    digest = hashlib.sha256(service.public.encode()).hexdigest()[:12]
    return f"{service.host.replace(os.sep, '-') or 'tiles'}-{digest}"
