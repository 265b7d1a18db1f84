"""Fetching: the media of every archive at its own pace, all archives at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from psm.collect import paths
from psm.collect.archives.archive import Source
from psm.collect.candidates import record_of
from psm.collect.catalogue import Outcome
from psm.collect.columns import Fields
from psm.collect.refusal import Refused
from psm.files import atomic_path

_MOST_THREADS = 4


def threads(source: Source) -> int:
    """How many ask an archive at once: its limit is kept by its client, this only hides waiting."""
    return max(1, min(_MOST_THREADS, round(source.terms.requests_per_s)))


class Errands:
    """The rows of one archive that are to be fetched, handed out to its threads."""

    def __init__(self, folder: Path, source: Source, rows: list[Fields]) -> None:
        self._folder, self._source = folder, source
        self._left = deque(rows)
        self._lock = threading.Lock()

    def outcomes(self) -> Iterator[Outcome]:
        """Fetch one row after the other, until none is left.

        Raises:
            ConfigError: the credentials are missing or wrong.
            OSError: the disk is full, or cannot be written.
        """
        while (row := self._next()) is not None:
            yield row["key"], self._fetch(row)

    def _next(self) -> Fields | None:
        with self._lock:
            return self._left.popleft() if self._left else None

    def _fetch(self, row: Fields) -> Fields | Refused:
        record = record_of(row)
        path = paths.media(self._folder, row["key"], row["source"], record.suffix)
        try:
            with atomic_path(path) as aside:
                self._source.fetch(record, aside)
                size, digest = aside.stat().st_size, paths.sha256(aside)
        except Refused as why:
            return why
        return {"media_bytes": size, "media_sha256": digest}
