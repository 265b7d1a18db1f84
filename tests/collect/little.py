"""A little archive in memory, for tests of what goes on around archives."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.refusal import Refused
from psm.seeding import generator

RATE_HZ = 16_000


class Little:
    """An archive of ``size`` recordings, some of which it does not hand over.

    Attributes:
        listed, fetched: what was asked of it, in order.
        broken: what it answers instead, by id: an error, or bytes.
        is_down: it answers nothing; ``down_after`` so many files.
        breaks_at: the page of the listing at which it stops answering.
    """

    def __init__(self, name: str = "aporee", size: int = 6, *, per_page: int = 4) -> None:
        self.name, self.size, self.per_page = name, size, per_page
        self.listed: list[str | None] = []
        self.fetched: list[str] = []
        self.broken: dict[str, Exception | bytes] = {}
        self.is_down = False
        self.breaks_at: int | None = None
        self._lock = threading.Lock()

    @property
    def terms(self) -> ArchiveTerms:
        return ArchiveTerms(
            title=f"The archive {self.name}",
            home=f"https://{self.name}.example",
            terms_url=f"https://{self.name}.example/terms",
            attribution=f"Recordings of {self.name}",
            requests_per_s=3.0,
        )

    def list(self, _wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        for number in range(int(cursor or 0), self.size, self.per_page):
            self.listed.append(str(number))
            if self.is_down or number == self.breaks_at:
                raise Refused("the archive does not answer", may_pass=True, detail="HTTP 503")
            last = min(number + self.per_page, self.size)
            records = tuple(map(self.record, range(number, last)))
            yield Page(records, str(last) if last < self.size else None)

    def fetch(self, record: ListedRecording, path: Path) -> None:
        with self._lock:
            self.fetched.append(record.id)
        if self.is_down:
            raise Refused("the archive does not answer", may_pass=True, detail="HTTP 503")
        answer = self.broken.get(record.id) or sound(self.name, record.id)
        if isinstance(answer, Exception):
            raise answer
        path.write_bytes(answer)

    def record(self, number: int) -> ListedRecording:
        rng = generator(0, self.name, number)
        day, clock = number % 28 + 1, f"{number % 24:02d}:{int(rng.integers(60)):02d}:00"
        return ListedRecording(
            source=self.name,
            id=str(number),
            url=f"https://{self.name}.example/{number}.wav",
            lat=round(float(rng.uniform(-60, 60)), 5),
            lon=round(float(rng.uniform(-170, 170)), 5),
            recorded=f"2019-{number % 12 + 1:02d}-{day:02d}T{clock}",
            title=f"Frogs and rain, number {number}",
            author=f"Ada {number % 3}",
            licence="https://creativecommons.org/licenses/by/4.0/",
            suffix=".wav",
        )


def sound(name: str, id: str) -> bytes:
    """A second of a tone in noise that no other recording has."""
    rng = generator(1, name, id)
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * float(rng.uniform(200, 4000)) * time_s)
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.3 * tone + 0.1 * rng.standard_normal(RATE_HZ), RATE_HZ, format="WAV")
    return buffer.getvalue()
