"""What an archive says of a recording, before anything is believed, fetched or cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psm.data.dates import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One recording as its archive lists it.

    Attributes:
        source: name of the archive's adapter.
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
