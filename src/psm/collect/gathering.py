"""Fetch and decode stages, run side by side so that media need not be kept.

What is fetched is written to the catalogue and then handed to the decoders, who work through it
while the archives are asked for more.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from psm.collect import paths
from psm.collect.archives.archive import Archive
from psm.collect.buildrun import BuildRun
from psm.collect.candidates import record_of
from psm.collect.catalogue import Outcome
from psm.collect.columns import STEPS, Fields, Stage
from psm.collect.decoding import DecodedClip, DecoderPool, DecodingJob
from psm.collect.lanes import LaneEnd, Lanes
from psm.collect.refusal import RateLimited, Refused
from psm.errors import NoRoom, PSMError
from psm.files import atomic_path
from psm.progress import track

DOWN = 20
"""After so many failures in a row that may pass an archive counts as down, for this run."""

_DECODERS = "decoders"
_COLUMNS = ("source", "record")
_AHEAD = 32
_WRITE_EVERY_S = 1.0
_WRITE_AT = 128
_MOST_THREADS = 4
_NOT_WANTED = {"silent": "nothing is heard", "clipped": "clipped", "speech": "only speech"}


def gather(run: BuildRun) -> None:
    """Fetch and decode every row that waits for it. An archive that is down stops no other."""
    _check_media(run)
    fetch = run.catalogue.ready(Stage.FETCH, _COLUMNS, archives=run.listed())
    decode = run.catalogue.ready(Stage.DECODE, _COLUMNS)
    if total := len(fetch) + len(decode):
        run.heartbeat.begin("fetch and decode", total)
        with (
            Lanes[Outcome](_AHEAD) as lanes,
            closing(_GatherLoop(run, lanes, fetch, decode)) as gathering,
        ):
            for ended in track(gathering, "fetching and decoding", total, weight=int, unit="rows"):
                run.heartbeat.count(ended)
                run.beat()


class _GatherLoop:
    """Hands outcomes from lanes to the catalogue, and rows from the fetchers to the decoders."""

    def __init__(
        self, run: BuildRun, lanes: Lanes[Outcome], fetch: list[Fields], decode: list[Fields]
    ) -> None:
        self._run, self._lanes = run, lanes
        self._rows = {row["key"]: row for row in (*fetch, *decode)}
        self._fetched: list[Outcome] = []
        self._decoded: list[Outcome] = []
        self._failures: Counter[str] = Counter()
        self._fetchers = 0
        self._to_decode: SimpleQueue[Fields | None] = SimpleQueue()
        self._next_write = 0.0
        for row in decode:
            self._to_decode.put(row)
        self._start(fetch)

    def __iter__(self) -> Iterator[int]:
        """How many rows are through, as it goes."""
        for name, item in self._lanes:
            if isinstance(item, LaneEnd):
                self._end(name, item)
            elif name == _DECODERS:
                self._decoded.append(item)
                yield 1
            else:
                yield self._sort(name, item)
            self._write_some()

    def close(self) -> None:
        """Write what came, also before an interrupt: files that are there are not fetched again."""
        self._write()
        self._to_decode.put(None)

    def _start(self, fetch: list[Fields]) -> None:
        waiting: dict[str, list[Fields]] = defaultdict(list)
        for row in fetch:
            waiting[row["source"]].append(row)
        for name, rows in waiting.items():
            archive = self._run.archives[name]
            queue = DownloadQueue(self._run.folder, archive, rows)
            for _ in range(min(len(rows), threads_for(archive))):
                self._lanes.start(name, queue.outcomes)
                self._fetchers += 1
        rows_in = iter(self._to_decode.get, None)
        self._lanes.start(_DECODERS, partial(decode_rows, self._run, rows_in))
        if not self._fetchers:
            self._to_decode.put(None)

    def _sort(self, name: str, outcome: Outcome) -> int:
        """Keep what came of a row, and see whether its archive still answers."""
        _, found = outcome
        if isinstance(found, RateLimited):
            self._give_up(name, found)
            return 1
        self._fetched.append(outcome)
        if not isinstance(found, Refused):
            self._failures[name] = 0
            return 0
        self._failures[name] = self._failures[name] + 1 if found.may_pass else 0
        if self._failures[name] == DOWN:
            self._give_up(name, found)
        return 1

    def _give_up(self, name: str, why: Refused) -> None:
        """Ask an archive for nothing more in this run; the rows that are left wait."""
        self._lanes.stop(name)
        told = f"{why.reason} ({why.detail})" if why.detail else why.reason
        self._run.troubles.setdefault(name, told)

    def _end(self, name: str, end: LaneEnd) -> None:
        """A lane has ended; after the last of the fetchers nothing more comes to the decoders."""
        is_fetcher = name != _DECODERS
        is_its_own = isinstance(end.error, PSMError) and not isinstance(end.error, NoRoom)
        if is_fetcher and is_its_own:
            self._lanes.stop(name)
            self._run.troubles[name] = f"not fetched to the end: {end.error}"
        elif end.error is not None:
            raise end.error
        self._fetchers -= is_fetcher
        if is_fetcher and not self._fetchers:
            self._write()
            self._to_decode.put(None)

    def _write_some(self) -> None:
        is_much = len(self._fetched) + len(self._decoded) >= _WRITE_AT
        if is_much or time.monotonic() >= self._next_write:
            self._write()

    def _write(self) -> None:
        fetched, self._fetched = self._fetched, []
        decoded, self._decoded = self._decoded, []
        if fetched:
            self._run.catalogue.apply(Stage.FETCH, fetched)
        for key, outcome in fetched:
            if not isinstance(outcome, Refused):
                self._to_decode.put(self._rows[key])
        if decoded:
            self._run.catalogue.apply(Stage.DECODE, decoded)
        for key, outcome in decoded:
            if not (isinstance(outcome, Refused) and outcome.may_pass):
                _discard(self._run, self._rows[key])
        self._next_write = time.monotonic() + _WRITE_EVERY_S


def _check_media(run: BuildRun) -> None:
    """Have media fetched again that are not as they were; remove what no row waits for."""
    waiting = run.catalogue.ready(Stage.DECODE, (*_COLUMNS, "media_sha256"))
    wrong = [row["key"] for row in waiting if _digest(run, row) != row["media_sha256"]]
    run.catalogue.reset(Stage.FETCH, wrong)
    if not run.plan.config.keep_media:
        kept = {row["key"] for row in waiting} - set(wrong)
        for path in (run.folder / paths.MEDIA).rglob("*"):
            if path.is_file() and path.stem not in kept:
                path.unlink()


def _digest(run: BuildRun, row: Fields) -> str:
    return paths.sha256(media_of(run, row))


def _discard(run: BuildRun, row: Fields) -> None:
    if not run.plan.config.keep_media:
        media_of(run, row).unlink(missing_ok=True)


def threads_for(archive: Archive) -> int:
    """Threads that ask an archive at once: its client keeps the limit, this only hides waiting."""
    return max(1, min(_MOST_THREADS, round(archive.terms.requests_per_s)))


class DownloadQueue:
    """Queue of the rows of one archive that are to be fetched, shared by its threads."""

    def __init__(self, folder: Path, archive: Archive, rows: list[Fields]) -> None:
        self._folder, self._archive = folder, archive
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
            with atomic_path(path, verify=False) as aside:
                self._archive.fetch(record, aside)
                size, digest = aside.stat().st_size, paths.sha256(aside)
        except Refused as why:
            return why
        return {"media_bytes": size, "media_sha256": digest}


def decode_rows(run: BuildRun, rows: Iterable[Fields]) -> Iterator[Outcome]:
    """Decode the media of rows as they come, on all cores."""
    with DecoderPool(run.plan.framing, workers=run.workers) as decoder:
        for key, decoded in decoder.decode_all(_job(run, row) for row in rows):
            yield key, decoded if isinstance(decoded, Refused) else _heard(run, key, decoded)


def media_of(run: BuildRun, row: Fields) -> Path:
    """Path of the media file of a row."""
    return paths.media(run.folder, row["key"], row["source"], record_of(row).suffix)


def _job(run: BuildRun, row: Fields) -> DecodingJob:
    key = row["key"]
    return DecodingJob(
        key, media_of(run, row), paths.clip(run.folder, key), paths.mel(run.folder, key)
    )


def _heard(run: BuildRun, key: str, decoded: DecodedClip) -> Fields | Refused:
    clip, mel = paths.clip(run.folder, key), paths.mel(run.folder, key)
    for flag in run.plan.config.refused_sounds:
        if flag in decoded.sound_flags:
            clip.unlink(missing_ok=True)
            mel.unlink(missing_ok=True)
            return Refused(_NOT_WANTED[flag], detail=f"{decoded.rms_db:.0f} dB")
    found = asdict(decoded) | {"mel_sha256": paths.sha256(mel)}
    return {name: found[name] for name in STEPS[Stage.DECODE].columns}
