"""The columns of `MVRL/GeoSound` on the hub, and how a recording fills them.

All columns of that schema are there, in its types; those that a build cannot fill are null. What it
knows beyond them stands at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psm.collect.outputs.recordings import Row
from psm.collect.outputs.written import content_of

MEDIA = ("audio", "image")
"""Kinds of columns that hold files."""

_SOURCES = {"inaturalist": "iNat", "aporee": "aporee", "freesound": "freesound", "yfcc": "yfcc"}
_IMAGERY = ("bingmap", "sentinel")


@dataclass(frozen=True)
class Column:
    """A column of the table: what it means, and how a row fills it.

    Attributes:
        kind: audio, image, string, float64 or int64.
        meaning: for people.
        value: of a row.
    """

    kind: str
    meaning: str
    value: Callable[[Row], object]

    @property
    def is_empty(self) -> bool:
        """The schema has it, and builds have nothing for it."""
        return self.value is _nothing


def columns(imagery: str = "sentinel") -> dict[str, Column]:
    """The columns by name; the tile stands in ``{imagery}_image``."""
    tile = f"{imagery}_image"
    images = sorted({tile, *(f"{name}_image" for name in _IMAGERY)})
    llava = [f"llava_caption_{name}_zl{zoom}" for name in _IMAGERY for zoom in (1, 3, 5)]
    return {
        "sample_id": Column("string", "names the recording everywhere", lambda r: r.key),
        "source": Column(
            "string",
            "archive, as GeoSound names its four; null for others",
            lambda r: _SOURCES.get(r.source),
        ),
        "audio": Column("audio", "the recording, mono FLAC", _clip),
        **{
            name: Column("image", "satellite image around the place", _tile)
            if name == tile
            else Column("image", "not in this build", _nothing)
            for name in images
        },
        "audio_caption": Column("string", "the caption closest to the sound", lambda r: r.caption),
        "audio_caption_source": Column(
            "string", "who wrote it: meta, qwen or pengi", lambda r: r.caption_source
        ),
        **{name: Column("string", "not in this build", _nothing) for name in llava},
        "date": Column("string", "local date and time, as far as known", lambda r: r.date or None),
        "description": Column("string", "the recordist's own", lambda r: r.description or None),
        "tags": Column("string", "the recordist's own", lambda r: ", ".join(r.tags) or None),
        "title": Column("string", "the recordist's own", lambda r: r.title or None),
        "scientific_name": Column("string", "what is heard foremost", lambda r: r.species or None),
        "common_name": Column("string", "not in this build", _nothing),
        "sound_format": Column("string", "of the audio column", lambda _: "flac"),
        "text": Column("string", "the recordist's words, cleaned", lambda r: r.text or None),
        "address": Column("string", "not in this build", _nothing),
        "latitude": Column("float64", "degrees", lambda r: r.lat),
        "longitude": Column("float64", "degrees", lambda r: r.lon),
        "original_sampling_rate": Column("int64", "Hz, as fetched", lambda r: r.media_rate_hz),
        "bin_id": Column("string", "cell of the splits", lambda r: r.cell),
        **_more(),
    }


def _more() -> dict[str, Column]:
    """The columns that GeoSound does not have."""
    return {
        "archive": Column("string", "archive of the recording", lambda r: r.source),
        "licence": Column("string", "of the recording, SPDX", lambda r: r.licence),
        "author": Column("string", "who recorded it", lambda r: r.author or None),
        "page": Column("string", "where people find it", lambda r: r.page or None),
        "captions": Column("string", "all captions and scores, JSON", lambda r: r.captions),
        "month": Column("int64", "1 to 12", lambda r: r.month),
        "hour": Column("float64", "local civil time, 0 to 24", lambda r: r.hour),
        "timezone": Column("string", "IANA name", lambda r: r.timezone or None),
        "country": Column("string", "ISO 3166", lambda r: r.country or None),
        "language": Column("string", "of the text, ISO 639", lambda r: r.language or None),
        "accuracy_m": Column("float64", "radius of the place", lambda r: r.accuracy_m),
        "place_flags": Column(
            "string", "swapped, obscured, coarse", lambda r: ", ".join(r.place_flags) or None
        ),
        "sound_flags": Column(
            "string", "silent, clipped, speech", lambda r: ", ".join(r.sound_flags) or None
        ),
        "duration_s": Column("float64", "as fetched", lambda r: r.duration_s),
        "tile_gsd_m": Column("float64", "metres per pixel of the tile", lambda r: r.tile_gsd_m),
        "tile_date": Column("string", "of the tile", lambda r: r.tile_date or None),
        "tile_licence": Column("string", "of the tile", lambda r: r.tile_licence or None),
        "tile_provider": Column("string", "of the tile", lambda r: r.tile_provider or None),
    }


def _clip(row: Row) -> dict[str, object]:
    return {"bytes": content_of(row.clip, row.clip_sha256), "path": f"{row.key}.flac"}


def _tile(row: Row) -> dict[str, object]:
    return {"bytes": content_of(row.tile, row.tile_sha256), "path": f"{row.key}.jpg"}


def _nothing(row: Row) -> None:  # noqa: ARG001
    return None
