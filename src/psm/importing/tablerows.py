"""Rows of a table of recordings: key, split, date and the other cells of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import numpy as np

from psm.data.dates import day_comes_first, month_and_hour
from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.data.splits import BUFFER, IN_BUFFER, TRAIN, split_by_blocks
from psm.errors import CorruptRecording
from psm.importing import values

Name = TypeVar("Name", bound=StrEnum)


@dataclass(frozen=True)
class TableRow:
    """One row of a table of recordings.

    Attributes:
        key: of the recording.
        split: as the table writes it, or by place.
        problem: why the recording cannot be used, as far as it takes the whole table to know that.
        said: texts by our names of columns; empty where the table says nothing.
        day_first: what 3/4/2020 means in this table.
    """

    key: str
    split: str
    problem: str
    said: Mapping[str, str]
    day_first: bool | None

    def recording(self, gsd_m: float | None) -> Recording:
        """The recording, with metres per pixel of its tile where the row does not say them.

        Raises:
            CorruptRecording: it cannot be used.
        """
        said = self.said
        if self.problem:
            raise CorruptRecording(self.problem)
        if not said["caption"]:
            raise CorruptRecording("no caption")
        month, hour = self._month_and_hour()
        return values.recording(
            key=self.key,
            lat=said["latitude"],
            lon=said["longitude"],
            audio_source=_member(AudioSource, said.get("audio_source", ""), None),
            caption_source=_member(
                CaptionSource, said.get("caption_source", ""), CaptionSource.META
            ),
            caption=said["caption"],
            split=values.split(self.split),
            month=month,
            hour=hour,
            licence=said.get("licence") or "unknown",
            gsd_m=self._gsd_m(gsd_m),
        )

    def _gsd_m(self, otherwise: float | None) -> float:
        said = self.said.get("gsd_m")
        gsd_m = number(said, "gsd_m") if said else otherwise
        if gsd_m is None or gsd_m <= 0:
            raise CorruptRecording("no gsd_m")
        return gsd_m

    def _month_and_hour(self) -> tuple[int | None, float | None]:
        """From columns of their own, or from a date and a time."""
        said = self.said
        text = " ".join(filter(None, (said.get("date"), said.get("time"))))
        month, hour = month_and_hour(text, day_first=self.day_first)
        if said.get("month"):
            month = round(number(said["month"], "month"))
            if not 1 <= month <= 12:
                raise CorruptRecording("month outside 1..12")
        if said.get("hour"):
            hour = number(said["hour"], "hour")
            if not 0 <= hour < 24:
                raise CorruptRecording("hour outside [0, 24)")
        return month, hour


def rows_of(recordings: Iterable[Mapping[str, str]], *, buffer_km: float) -> list[TableRow]:
    """Give each recording of a table its key and its split.

    Args:
        recordings: what the table says of each, of :func:`psm.importing.tablereader.recordings_of`.
        buffer_km: between the splits, where no column names them.

    Raises:
        ConfigError: the places lie too close together to be split.
    """
    recordings = list(recordings)
    day_first = day_comes_first(row.get("date", "") for row in recordings)
    rows: list[TableRow] = []
    seen: set[str] = set()
    for row, split in zip(recordings, _splits(recordings, buffer_km), strict=True):
        problem = IN_BUFFER if split == BUFFER else ""
        name = row.get("key") or str(Path(row["audio"]).with_suffix(""))
        try:
            name = values.key(name)
        except CorruptRecording as nameless:
            problem = str(nameless)
        if name in seen:
            problem = "another recording has the same key"
        seen.add(name)
        rows.append(TableRow(name, split, problem, row, day_first))
    return rows


def _splits(rows: Sequence[Mapping[str, str]], buffer_km: float) -> list[str]:
    """The split of each row: that of the table, or one by its place."""
    if rows and "split" in rows[0]:
        return [row["split"] for row in rows]
    splits, placed, places = [TRAIN] * len(rows), [], []  # no place: refused in any split
    for place, row in enumerate(rows):
        try:
            lat = values.degrees(row["latitude"], "latitude", 90.0)
            places.append((lat, values.degrees(row["longitude"], "longitude", 180.0)))
        except CorruptRecording:
            continue
        placed.append(place)
    if placed:
        lat_deg, lon_deg = np.array(places).T
        divided = split_by_blocks(lat=lat_deg, lon=lon_deg, seed=0, buffer_km=buffer_km)
        for place, split in zip(placed, divided.split.tolist(), strict=True):
            splits[place] = split
    return splits


def number(said: str, name: str) -> float:
    """The number in a cell; ``name`` is for the error.

    Raises:
        CorruptRecording: it is none, or not finite.
    """
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CorruptRecording(f"{name} is not a number")
    return value


def _member(kind: type[Name], said: str, otherwise: Name | None) -> Name | None:
    return kind(said.lower()) if said.lower() in list(kind) else otherwise
