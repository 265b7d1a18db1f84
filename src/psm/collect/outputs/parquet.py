"""Parquet in the schema of `MVRL/GeoSound` on the hub, so that other people's code can read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from psm.collect.outputs.recordings import BuiltRecording, DataSetInfo
from psm.collect.outputs.written import Chunk, content_of, in_order, write_all
from psm.data.splits import TEST, TRAIN, VAL
from psm.errors import CorruptRecording
from psm.extras import require
from psm.files import atomic_path

MEDIA = ("audio", "image")
"""Kinds of columns that hold files."""

PARQUET = "parquet"
FILE_BYTES = 500_000_000
_GROUP_ROWS = 100  # as the hub asks for media: a viewer reads a group to show a row of it
_STORED = ("bytes", "path")
_SOURCES = {"inaturalist": "iNat", "aporee": "aporee", "freesound": "freesound", "yfcc": "yfcc"}
_IMAGERY = ("bingmap", "sentinel")


def write(
    folder: Path,
    rows: Sequence[BuiltRecording],
    about: DataSetInfo,
    *,
    file_bytes: int = FILE_BYTES,
    workers: int | None = None,
) -> None:
    """Write ``folder/parquet``: files of each split, those that are there and right left alone.

    Args:
        folder: of the build.
        rows: in any order.
        about: says what the imagery is called and the rate of the sound.
        file_bytes: of sound and tiles in a file, about.
        workers: processes; all cores by default.

    Raises:
        CorruptRecording: a file of a recording is missing, or is not the one that the row names.
        MissingExtra: pyarrow is not installed.
    """
    require("pyarrow", "collect")
    how = json.dumps(features(about))
    chunks = []
    for split in (TRAIN, VAL, TEST):
        parts = list(_parts(in_order(rows, split), file_bytes))
        for number, part in enumerate(parts):
            name = f"{split}-{number:05d}-of-{len(parts):05d}.parquet"
            chunks.append(Chunk(name, part, how))
    file = partial(write_file, about=about)
    write_all(folder / PARQUET, chunks, file, what="writing Parquet", workers=workers)


def write_file(path: Path, rows: Sequence[BuiltRecording], about: DataSetInfo) -> None:
    """Write one file, with no more than a group of rows in memory."""
    pa, pq = require("pyarrow", "collect"), require("pyarrow.parquet", "collect")
    there = columns(about.imagery)
    schema = pa.schema(
        [(name, _arrow(pa, column.kind)) for name, column in there.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features(about)}})},
    )
    small = [name for name, column in there.items() if column.kind not in MEDIA]
    # Sound and images are compressed already, and their least and largest values say nothing.
    compression = dict.fromkeys(small, "zstd") | {
        f"{name}.{part}": "none" for name in there if name not in small for part in _STORED
    }
    with (
        atomic_path(path) as aside,
        pq.ParquetWriter(
            aside, schema, compression=compression, use_dictionary=small, write_statistics=small
        ) as writer,
    ):
        for first in range(0, len(rows), _GROUP_ROWS):
            group = rows[first : first + _GROUP_ROWS]
            values = {name: list(map(column.value, group)) for name, column in there.items()}
            writer.write_table(pa.table(values, schema), row_group_size=_GROUP_ROWS)


def features(about: DataSetInfo) -> dict[str, dict[str, Any]]:
    """Columns as the ``datasets`` library declares them."""
    kinds: Mapping[str, dict[str, Any]] = {
        "audio": {"sampling_rate": about.sample_rate_hz, "_type": "Audio"},
        "image": {"_type": "Image"},
    }
    return {
        name: dict(kinds.get(column.kind) or {"dtype": column.kind, "_type": "Value"})
        for name, column in columns(about.imagery).items()
    }


def _arrow(pa: Any, kind: str) -> Any:
    media = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    plain = {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64()}
    return media if kind in MEDIA else plain[kind]


def _parts(rows: Sequence[BuiltRecording], file_bytes: int) -> Iterator[tuple[BuiltRecording, ...]]:
    """Rows in their order, as many together as make a file of about this size."""
    part: list[BuiltRecording] = []
    size = 0
    for row in rows:
        try:
            more = row.clip.stat().st_size + row.tile.stat().st_size
        except OSError as problem:
            raise CorruptRecording(
                f"{problem.filename}: missing; run the stage that makes it again"
            ) from None
        if part and size + more > file_bytes:
            yield tuple(part)
            part, size = [], 0
        part.append(row)
        size += more
    if part:
        yield tuple(part)


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
    value: Callable[[BuiltRecording], object]

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


def _clip(row: BuiltRecording) -> dict[str, object]:
    return {"bytes": content_of(row.clip, row.clip_sha256), "path": f"{row.key}.flac"}


def _tile(row: BuiltRecording) -> dict[str, object]:
    return {"bytes": content_of(row.tile, row.tile_sha256), "path": f"{row.key}.jpg"}


def _nothing(row: BuiltRecording) -> None:  # noqa: ARG001
    return None
