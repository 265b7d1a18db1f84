"""Parquet in the schema of `MVRL/GeoSound` on the hub, so that other people's code can read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from psm.collect.outputs.hubcolumns import MEDIA, columns
from psm.collect.outputs.recordings import About, Row
from psm.collect.outputs.written import Chunk, in_order, write_all
from psm.data.splits import TEST, TRAIN, VAL
from psm.errors import CorruptRecording
from psm.extras import require
from psm.files import atomic_path

PARQUET = "parquet"
FILE_BYTES = 500_000_000
_GROUP_ROWS = 100  # as the hub asks for media: a viewer reads a group to show a row of it
_STORED = ("bytes", "path")


def write(
    folder: Path,
    rows: Sequence[Row],
    about: About,
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


def write_file(path: Path, rows: Sequence[Row], about: About) -> None:
    """One file; no more than a group of rows is in memory."""
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


def features(about: About) -> dict[str, dict[str, Any]]:
    """The columns as ``datasets`` declares them."""
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


def _parts(rows: Sequence[Row], file_bytes: int) -> Iterator[tuple[Row, ...]]:
    """Rows in their order, as many together as make a file of about this size."""
    part: list[Row] = []
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
