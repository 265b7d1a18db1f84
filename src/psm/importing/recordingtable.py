"""Anybody's own recordings: a folder of audio files with a CSV or Parquet table about them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from psm.data.audio import read_audio
from psm.data.dates import day_comes_first, month_and_hour
from psm.data.recording import AudioSource, CaptionSource
from psm.data.shards import RawSample
from psm.data.splits import BUFFER, IN_BUFFER, TRAIN, split_by_blocks
from psm.errors import ConfigError, CorruptRecording, MissingData
from psm.importing import fields
from psm.importing.conversion import SHARD_SIZE, Part, Source
from psm.importing.framing import Framing
from psm.importing.tables import column_names, match_columns, read_table

Name = TypeVar("Name", bound=StrEnum)

TILES = "tiles"
"""Folder beside a table in which ``KEY.jpg`` is the tile of a recording, if no column names it."""

_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")


class TileProvider(Protocol):
    """Imagery of any place; it travels to every worker."""

    name: str
    gsd_m: float

    def tile(self, *, lat: float, lon: float) -> bytes:
        """An encoded tile around a place."""
        ...


@dataclass(frozen=True, kw_only=True)
class Table(Source):
    """A table whose rows are recordings; files that it names lie beside it or in ``audio/``.

    Attributes:
        path: the table.
        chosen: columns by our names, where theirs do not tell.
        framing: how the sound is framed.
        tile_px: the least side of a tile.
        gsd_m: metres per pixel of the tiles, where no column says it.
        buffer_km: between splits, where no column names them.
        imagery: where tiles come from instead of files.
        shard_size: recordings of one of our shards.
    """

    path: Path
    framing: Framing
    chosen: Mapping[str, str] = field(default_factory=dict)
    tile_px: int = 1
    gsd_m: float | None = None
    buffer_km: float = 0.0
    imagery: TileProvider | None = None
    shard_size: int = SHARD_SIZE

    def fingerprint(self) -> dict[str, Any]:
        """The table, and what is made of it."""
        return {
            "format": "table",
            "table": hashlib.sha256(self.path.read_bytes()).hexdigest()[:16],
            "columns": dict(self.chosen),
            "framing": self.framing.to_json(),
            "tile_px": self.tile_px,
            "gsd_m": self.gsd_m,
            "buffer_km": self.buffer_km,
            "imagery": self.imagery.name if self.imagery else "files",
            "shard_size": self.shard_size,
        }

    def describe(self) -> str:
        """Which columns are read as what, and which are not."""
        columns = self.columns()
        names = column_names(self.path)
        read = "; ".join(f"{ours} from {', '.join(found)}" for ours, found in columns.items())
        left = [name for name in names if all(name not in found for found in columns.values())]
        unused = f"; not used: {', '.join(left)}" if left else ""
        splits = "" if "split" in columns else f"; split by place, {self.buffer_km:.0f} km apart"
        return f"a table of recordings, {self.path.name}: {read}{unused}{splits}"

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Columns of the table by our names.

        Raises:
            ConfigError: the table cannot be read, or what it needs is not there.
            MissingData: there is no imagery.
        """
        names = column_names(self.path)
        columns = match_columns(names, self.chosen, str(self.path))
        if self.imagery is None:
            if "tile" not in columns and not (self.path.parent / TILES).is_dir():
                raise MissingData(
                    f"{self.path}: no imagery; name each tile in a column 'tile', put it into "
                    f"{TILES}/KEY.jpg beside the table, or choose --imagery blue-marble"
                )
            if "gsd_m" not in columns and self.gsd_m is None:
                raise ConfigError(
                    f"{self.path}: how many metres is a pixel of the tiles? say --gsd 10, "
                    "--imagery sentinel, or add a column 'gsd_m'"
                )
        return columns

    def parts(self, cache: Path) -> list[Part]:  # noqa: ARG002
        """The rows, split by split; whatever needs all of them is settled here."""
        rows = self._rows()
        parts: list[Part] = []
        for split in sorted({row.split for row in rows}):
            mine = [row for row in rows if row.split == split]
            for first in range(0, len(mine), self.shard_size):
                parts.append(Part(f"{len(parts):05d}", mine[first : first + self.shard_size]))
        return parts

    def rows(self, part: Part) -> Iterator[tuple[str, Any]]:
        """The rows of one shard."""
        for row in part.place:
            yield row.key, row

    def sample(self, part: Part, name: str, row: Any) -> RawSample:  # noqa: ARG002
        """Context, tile and log-mel of one row."""
        said = row.said
        if row.problem:
            raise CorruptRecording(row.problem)
        if not said["caption"]:
            raise CorruptRecording("no caption")
        month, hour = _month_and_hour(row)
        recording = fields.recording(
            key=name,
            lat=said["latitude"],
            lon=said["longitude"],
            audio_source=_member(AudioSource, said.get("audio_source", ""), None),
            caption_source=_member(
                CaptionSource, said.get("caption_source", ""), CaptionSource.META
            ),
            caption=said["caption"],
            split=fields.split(row.split),
            month=month,
            hour=hour,
            licence=said.get("licence") or "unknown",
            gsd_m=self._gsd_m(said.get("gsd_m", "")),
        )
        if self.imagery is not None:
            image = self.imagery.tile(lat=recording.lat, lon=recording.lon)
        else:
            image = _content(self._tile_file(said.get("tile", ""), name))
        tile = fields.tile(image, "tile", self.tile_px)
        path = self._beside(said["audio"], "audio")
        waveform = read_audio(path, self.framing.audio.sample_rate_hz, name="audio")
        return RawSample(recording, tile, self.framing.mel(waveform))

    def _rows(self) -> list[_Row]:
        columns = self.columns()
        table = read_table(self.path)
        if not table:
            raise MissingData(f"{self.path}: the table has no rows")
        said = [
            {ours: next(filter(None, (fields.plain(row[name]) for name in names)), "")
             for ours, names in columns.items()}
            for row in table
        ]  # fmt: skip
        day_first = day_comes_first(row.get("date", "") for row in said)
        rows: list[_Row] = []
        seen: set[str] = set()
        for row, split in zip(said, self._splits(said), strict=True):
            problem = IN_BUFFER if split == BUFFER else ""
            name = row.get("key") or str(Path(row["audio"]).with_suffix(""))
            try:
                name = fields.key(name)
            except CorruptRecording as nameless:
                problem = str(nameless)
            if name in seen:
                problem = "another recording has the same key"
            seen.add(name)
            rows.append(_Row(name, split, problem, row, day_first))
        return rows

    def _splits(self, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """The split of each row: that of the table, or one by its place."""
        if "split" in rows[0]:
            return [row["split"] for row in rows]
        splits, placed, places = [TRAIN] * len(rows), [], []  # no place: refused in any split
        for number, row in enumerate(rows):
            try:
                lat = fields.degrees(row["latitude"], "latitude", 90.0)
                places.append((lat, fields.degrees(row["longitude"], "longitude", 180.0)))
            except CorruptRecording:
                continue
            placed.append(number)
        if placed:
            lat_deg, lon_deg = np.array(places).T
            divided = split_by_blocks(lat=lat_deg, lon=lon_deg, seed=0, buffer_km=self.buffer_km)
            for number, split in zip(placed, divided.split.tolist(), strict=True):
                splits[number] = split
        return splits

    def _gsd_m(self, said: str) -> float:
        if self.imagery is not None:
            return self.imagery.gsd_m
        gsd_m = _number(said, "gsd_m") if said else self.gsd_m
        if gsd_m is None or gsd_m <= 0:
            raise CorruptRecording("no gsd_m")
        return gsd_m

    def _tile_file(self, said: str, key: str) -> Path:
        if said:
            return self._beside(said, TILES)
        for suffix in _IMAGES:
            path = self.path.parent / TILES / f"{key}{suffix}"
            if path.is_file():
                return path
        raise CorruptRecording("no tile")

    def _beside(self, name: str, folder: str) -> Path:
        for path in (self.path.parent / name, self.path.parent / folder / name):
            try:
                if name and path.is_file():
                    return path
            except OSError:  # longer than a name may be
                break
        raise CorruptRecording(f"no such {folder.rstrip('s')} file")


@dataclass(frozen=True)
class _Row:
    """What a table says of a recording, by our names of columns; empty where it says nothing."""

    key: str
    split: str
    problem: str
    said: Mapping[str, str]
    day_first: bool | None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise CorruptRecording(f"tile: not a readable file ({problem.strerror})") from None


def _month_and_hour(row: _Row) -> tuple[int | None, float | None]:
    """From columns of their own, or from a date and a time."""
    said = row.said
    text = " ".join(filter(None, (said.get("date"), said.get("time"))))
    month, hour = month_and_hour(text, day_first=row.day_first)
    if said.get("month"):
        month = round(_number(said["month"], "month"))
        if not 1 <= month <= 12:
            raise CorruptRecording("month outside 1..12")
    if said.get("hour"):
        hour = _number(said["hour"], "hour")
        if not 0 <= hour < 24:
            raise CorruptRecording("hour outside [0, 24)")
    return month, hour


def _number(said: str, name: str) -> float:
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CorruptRecording(f"{name} is not a number")
    return number


def _member(kind: type[Name], said: str, otherwise: Name | None) -> Name | None:
    return kind(said.lower()) if said.lower() in list(kind) else otherwise
