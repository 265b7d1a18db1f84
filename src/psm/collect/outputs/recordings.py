"""Input of the outputs: recordings with all they need, and a description of the whole."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from psm.collect.archives.archive import ArchiveTerms
from psm.data.recording import AudioSource

AUDIO_SOURCES: Mapping[str, AudioSource] = {
    "aporee": AudioSource.APOREE,
    "freesound": AudioSource.FREESOUND,
    "inaturalist": AudioSource.INAT,
    "yfcc": AudioSource.YFCC,
}
"""The archives that a model tells apart, by the names of our adapters. The others are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltRecording:
    """One recording of the data set, complete: it has a clip, a tile, a caption and a split.

    Attributes:
        key, source, id: as in the catalogue.
        lat, lon: degrees.
        caption, caption_source: the best caption, and whose it is: meta, qwen or pengi.
        captions: all of them, the JSON of the catalogue:
            ``[{"source", "style", "text", "score", "model"}, ...]``.
        split, cell: train, val or test, and the cell of 1 degree.
        clip, mel, tile: files of the build.
        clip_sha256, mel_sha256, tile_sha256: of those files; where they are given, nothing needs to
            be read to know that an output is up to date.
        tile_gsd_m, tile_date, tile_licence, tile_provider: of the tile.
        accuracy_m, place_flags: how far the place is to be believed.
        year, month, day, hour: local civil time, each where it is known.
        timezone, country: of the place; an IANA name and an ISO 3166 code.
        title, description, tags: the recordist's own words as they came.
        text, language: the same, cleaned, and what language it is.
        species: scientific name of what is heard foremost.
        sounds: names of all that somebody or a program heard, where a table says it.
        author, licence, page: whose it is, on what terms, and where people find it.
        duration_s, media_rate_hz: of the recording as fetched.
        sound_flags: silent, clipped, speech.
    """

    key: str
    source: str
    id: str
    lat: float
    lon: float
    caption: str
    caption_source: str
    captions: str = "[]"
    split: str
    cell: str
    clip: Path
    mel: Path
    tile: Path
    clip_sha256: str = ""
    mel_sha256: str = ""
    tile_sha256: str = ""
    tile_gsd_m: float
    tile_date: str = ""
    tile_licence: str = ""
    tile_provider: str = ""
    accuracy_m: float | None = None
    place_flags: tuple[str, ...] = ()
    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: float | None = None
    timezone: str = ""
    country: str = ""
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""
    language: str = ""
    species: str = ""
    sounds: tuple[str, ...] = ()
    author: str = ""
    licence: str = "unknown"
    page: str = ""
    duration_s: float | None = None
    media_rate_hz: int | None = None
    sound_flags: tuple[str, ...] = ()

    @property
    def audio_source(self) -> AudioSource | None:
        """What a model knows of the archive."""
        return AUDIO_SOURCES.get(self.source)

    @property
    def date(self) -> str:
        """Date and time as far as they are known, as :mod:`psm.data.dates` reads them back."""
        day = "" if self.day is None or self.month is None else f"{self.day:02d}"
        if self.year is None or self.month is None:
            # Without a year only the name of a month tells it from a day.
            name = "" if self.month is None else calendar.month_name[self.month]
            parts = (day, name, "" if self.year is None else f"{self.year:04d}")
            date = " ".join(part for part in parts if part)
        else:
            date = f"{self.year:04d}-{self.month:02d}" + (f"-{day}" if day else "")
        return f"{date} {self._clock}".strip()

    @property
    def _clock(self) -> str:
        if self.hour is None:
            return ""
        minutes = min(round(self.hour * 60.0), 24 * 60 - 1)
        # Midnight to the second would be read as a date without time.
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{'01' if minutes == 0 else '00'}"


@dataclass(frozen=True, kw_only=True)
class DataSetInfo:
    """Description of the whole data set.

    Attributes:
        name: letters, digits, ``-`` and ``_``.
        title: for people.
        url: where it is published, once it is.
        date: ISO, of the build; it stands in outputs, so that it must not change in a rebuild.
        version: of psm.
        config: the YAML that builds it again.
        terms: what the archives ask for, by the names of their adapters.
        refused: how many candidates were refused, by stage and reason; those that the buffer
            between splits cost are among them.
        listed: how many candidates there were.
        preset: what the sound and the tiles are made for.
        sample_rate_hz: of the clips.
        imagery: name of its source, as in ``sentinel_image``.
        imagery_attribution, imagery_licence: whose it is, and on what terms.
        buffer_km: between splits.
        models: of captions by their style, and as ``score`` the CLAP model that ranked them.
    """

    name: str = "geosound"
    title: str = "GeoSound, rebuilt"
    url: str = ""
    date: str = ""
    version: str = ""
    config: str = ""
    terms: Mapping[str, ArchiveTerms] = field(default_factory=dict)
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    listed: int = 0
    preset: str = "psm-sentinel"
    sample_rate_hz: int = 48_000
    imagery: str = "sentinel"
    imagery_attribution: str = ""
    imagery_licence: str = ""
    buffer_km: float = 0.0
    models: Mapping[str, str] = field(default_factory=dict)
