"""Interface of an archive of recordings: lists what it has, and hands over a media file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from psm.data.dates import Clock


@dataclass(frozen=True, kw_only=True)
class ArchiveTerms:
    """Limits, credential and attribution that an archive asks of its users.

    Attributes:
        title: of the archive, for people.
        home: its address.
        terms_url: where its rules stand.
        attribution: how it wants to be named.
        requests_per_s: most requests a second.
        requests_per_day: most requests a day, where there is a limit.
        credential: name of the environment variable with the token or key; empty if none is needed.
        credential_help: how to get one, in a sentence.
    """

    title: str
    home: str
    terms_url: str
    attribution: str
    requests_per_s: float
    requests_per_day: int | None = None
    credential: str = ""
    credential_help: str = ""


@dataclass(frozen=True, kw_only=True)
class ListingRequest:
    """Filter of a listing; what an archive cannot filter by is filtered afterwards.

    Attributes:
        bounds: west, south, east, north in degrees; ``west > east`` crosses the antimeridian.
        most: recordings, or all there are.
    """

    bounds: tuple[float, float, float, float] | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecording:
    """One recording as its archive lists it.

    Attributes:
        source: name of the archive. Files that are there already say ``source`` for it: settings,
            catalogues and what :mod:`~psm.collect.candidates` keeps of this; so do fields.
        id: in the archive; letters, digits, ``-`` and ``_``.
        url: where its media are; without credentials.
        page: where people find it.
        lat, lon: degrees as the archive says them, unchecked; ``None`` where it says none.
        accuracy_m: radius that the archive gives for the place.
        is_obscured: the archive moved the place on purpose, to protect a species or a person.
        recorded: date and time as the archive writes them.
        clock: what that time is in.
        title, description, tags: the recordist's own words, as they came.
        species: scientific name of what is heard foremost.
        author: who made it.
        licence: as the archive writes it, a name or an address.
        suffix: of the media file, ``.mp3``; ``.mp4`` and the like where the sound is in a video.
        size_bytes, md5: of the media file, where the archive says them.
        more: what an adapter needs to fetch it.
    """

    source: str
    id: str
    url: str
    page: str = ""
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    is_obscured: bool = False
    recorded: str = ""
    clock: Clock = Clock.LOCAL
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    species: str = ""
    author: str = ""
    licence: str = ""
    suffix: str = ""
    size_bytes: int | None = None
    md5: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Names the recording everywhere in a build: ``aporee-12345``."""
        return f"{self.source}-{self.id}"


@dataclass(frozen=True)
class Page:
    """One page of a listing, and where the next begins.

    Attributes:
        records: of the recordings in it.
        cursor: where the listing goes on after it, as text; ``None`` after the last page.
        refused: ids, or where there is none places in the listing, of entries that are no
            recordings, each with a reason.
    """

    records: tuple[ListedRecording, ...]
    cursor: str | None
    refused: tuple[tuple[str, str], ...] = ()


class Archive(Protocol):
    """An archive. It keeps no state: a listing is resumed from the cursor of its last page."""

    @property
    def name(self) -> str:
        """As in keys, options and tables: ``aporee``."""
        ...

    @property
    def terms(self) -> ArchiveTerms:
        """What the archive asks for."""
        ...

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """The pages of a listing, from the beginning or from a cursor, always in the same order.

        Args:
            wanted: which recordings; a filter that the archive has not may be ignored.
            cursor: of the last page that was taken; ``None`` at the beginning.

        Returns:
            Pages as they are asked for; the cursor of the last one is ``None``.

        Raises:
            ConfigError: the credentials are missing or wrong.
            Refused: the archive does not answer (``may_pass``), or in a form that is not known.
        """
        ...

    def fetch(self, record: ListedRecording, path: Path) -> None:
        """Write the media file of a recording to ``path``.

        Args:
            record: as it was listed.
            path: of the file to write; whole or not at all.

        Raises:
            Refused: it is gone, not what the listing says, or the archive does not answer.
            ConfigError: the credentials are missing or wrong.
        """
        ...
