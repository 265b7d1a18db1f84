"""`MVRL/GeoSound` and `MVRL/SoundingEarth` on the Hugging Face hub, or Parquet of that schema.

Files are streamed, and only the columns that are needed are read. The hub keeps sound and images,
so log-mels are computed here. Media are decoded here too, without the decoders that ``datasets``
would ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from psm.config import Experiment
from psm.data.audio import decode_audio
from psm.data.framing import Framing
from psm.data.recording import AudioSource, CaptionSource
from psm.data.shards import RawSample
from psm.data.splits import BUFFER, IN_BUFFER
from psm.data.worldsplits import split_by_position
from psm.errors import ConfigError, CorruptRecording, MissingData
from psm.experiments import load_experiment
from psm.http.hub import away
from psm.importing import values
from psm.importing.contents import content_hashes
from psm.importing.dataset import DatasetPart, ForeignDataset, Format, ImportOptions
from psm.importing.framing import buffer_km, framing_of, largest_view_px, preset_of
from psm.importing.published import streaming
from psm.importing.published.columns import (
    GSD,
    LICENCES,
    UNKNOWN,
    HubColumns,
    archive_of,
    has_hub_schema,
    imagery_among,
)
from psm.importing.published.metadata import own_caption, times_known, without_full_stop
from psm.importing.tablereader import TABLE_SUFFIXES
from psm.published.sizes import imagery_named

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class HubDataset(ForeignDataset):
    """A data set of the hub's schema.

    Attributes:
        origin: hub id, folder or Parquet file.
        imagery: the tiles are in the column ``{imagery}_image``.
        gsd_m: metres per pixel of the tiles, where neither a column nor the place says it.
        framing: how the sound is framed.
        tile_px: the least side of a tile.
        buffer_km: between splits, where the data set has none.
        revision: of the repository on the hub.
        splits: ours for splits of other names, ``{"extra": "train"}``.
        licence: of the whole data set, for recordings of which no column says it.
        as_published: captions are those that the published evaluation reads.
    """

    origin: str
    imagery: str
    gsd_m: float
    framing: Framing
    tile_px: int = 1
    buffer_km: float
    revision: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    licence: str = UNKNOWN
    as_published: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the files lie on this machine."""
        return Path(self.origin).exists()

    def pinned(self) -> HubDataset:
        """The same at the commit that its revision names now, so that a resume reads the same.

        The licence on the card of the data set is found on the way.
        """
        if self.is_local:
            return replace(self, licence=streaming.licence_on_card(Path(self.origin)))
        commit, licence = streaming.commit_and_licence(self.origin, self.revision)
        return replace(self, revision=commit, licence=licence)

    def describe(self) -> str:
        """Which columns are read."""
        at = f" at commit {self.revision}" if self.revision else ""
        splits = "" if self.has_splits else f"; split by place, {self.buffer_km:.0f} km apart"
        columns = self._columns
        read = [f"{name} as date" if name == columns.date else name for name in columns.read]
        return f"a data set of the hub's schema{at}: reads {', '.join(read)}{splits}"

    def notes(self) -> list[str]:
        """What is not read, what is missing, and which splits are left out."""
        left_out = [name for name in self._pieces if name not in self._taken]
        unread = streaming.files_of_no_split(self.origin)
        return [
            *([f"files that belong to no split: {', '.join(unread)}"] if unread else []),
            *self._columns.notes(self.licence),
            *(f"split {name!r} is left out; --split {name}=train takes it" for name in left_out),
        ]

    def fingerprint(self) -> dict[str, Any]:
        """The files by their content, and what is made of them."""
        path = Path(self.origin)
        content: Any = self.revision
        if self.is_local:
            folder = path if path.is_dir() else path.parent
            content = content_hashes(streaming.files_of(self.origin), folder)
        return {
            "format": "hub data set",
            "rules": values.RULES,
            "content": content,
            "imagery": self.imagery,
            "gsd_m": self.gsd_m,
            "framing": self.framing.to_json(),
            "tile_px": self.tile_px,
            "buffer_km": self.buffer_km,
            "splits": dict(self.splits),
            "licence": self.licence,
            "captions": "as published" if self.as_published else "as named",
        }

    @property
    def has_splits(self) -> bool:
        """Whether more than one of its splits is taken, or somebody said which it is."""
        return len(set(self._taken.values())) > 1 or bool(self.splits)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read.

        Raises:
            ConfigError: one that must be there is not.
        """
        return self._columns.read

    def parts(self, cache: Path) -> list[DatasetPart]:  # noqa: ARG002
        """The files of each split; those on this machine by row groups."""
        places = [
            (split, number)
            for split in self._taken
            for number in range(self._pieces[split].num_shards)
        ]
        return [DatasetPart(f"{number:05d}", place) for number, place in enumerate(places)]

    def rows(self, part: DatasetPart) -> Iterator[tuple[str, Any]]:
        """The rows of one file or row group, columns by name."""
        split, number = part.place
        for row in streaming.rows_of(self.origin, self._pieces[split], number):
            yield values.plain(row["sample_id"]), row

    def sample(self, part: DatasetPart, name: str, row: Any) -> RawSample:
        """Caption, context, tile and log-mel of one row."""
        columns = self._columns
        audio_source = self._audio_source(name, row)
        caption_source, caption = self._caption(row)
        lat, lon = (self._degrees(row, field) for field in ("latitude", "longitude"))
        recording = values.recording(
            key=values.key(name),
            lat=lat,
            lon=lon,
            audio_source=audio_source,
            caption_source=caption_source,
            caption=caption,
            split=self._taken[part.place[0]],
            licence=self._licence(row),
            gsd_m=0.0,
            **times_known(values.plain(row.get(columns.date or "")), audio_source),
        )
        gsd_m = row.get(GSD) or values.gsd_m(self.gsd_m, self.imagery, recording.lat)
        recording = replace(recording, gsd_m=gsd_m)
        if not self.has_splits:
            recording = replace(recording, split=self._split_of(recording.lat, recording.lon))
        # Both before either is decoded: a row without sound costs nothing.
        sound, image = (values.file_in(row, name) for name in ("audio", columns.tile))
        tile = values.tile(image, columns.tile, self.tile_px)
        audio = self.framing.audio
        waveform = decode_audio(sound, audio.sample_rate_hz, "audio", band_hz=audio.band_hz)
        return RawSample(recording, tile, self.framing.mel(waveform))

    @cached_property
    def _stamp(self) -> str:
        return streaming.stamp_of(self.origin)

    @cached_property
    def _columns(self) -> HubColumns:
        kinds = streaming.schema(self.origin, self.revision, self._stamp)
        return HubColumns(self.origin, kinds, self.imagery)

    @property
    def _pieces(self) -> dict[str, Any]:
        return streaming.pieces(self.origin, self.revision, self.columns, self._stamp)

    @cached_property
    def _taken(self) -> dict[str, str]:
        """Our name of each split that is read; that of a single one is settled by place."""
        names = list(self._pieces)
        if unknown := [name for name in self.splits if name not in names]:
            raise ConfigError(
                f"{self.origin}: no split {unknown[0]!r}; its splits are {', '.join(names)}"
            )
        known = {name: values.SPLITS[name.lower()] for name in names
                 if name.lower() in values.SPLITS} | dict(self.splits)  # fmt: skip
        if len(names) == 1:
            return {names[0]: known.get(names[0], "train")}
        if not known:
            raise ConfigError(
                f"{self.origin}: none of its splits {', '.join(names)} is one of "
                f"{', '.join(values.SPLITS)}; take one with --split {names[0]}=train"
            )
        return {name: known[name] for name in names if name in known}

    def _audio_source(self, name: str, row: Any) -> AudioSource | None:
        if "source" not in row:
            return archive_of(name)
        archive = values.plain(row["source"])
        return values.archive(archive) if archive else None

    def _caption(self, row: Mapping[str, Any]) -> tuple[CaptionSource, str]:
        """The chosen caption and its source; the recordist's own text where none was chosen."""
        own = values.plain(row.get("text"))
        named = values.plain(row.get("audio_caption_source")).lower() or CaptionSource.META
        chosen = values.plain(row.get("audio_caption"))
        try:
            source = CaptionSource(named) if chosen else CaptionSource.META
        except ValueError:
            raise CorruptRecording(f"unknown caption source {named!r}") from None
        caption = chosen or own
        if self.as_published:
            if source is CaptionSource.PENGI and own:
                caption = own  # as the published loader overwrites it
        elif source is CaptionSource.META:
            is_stopped = bool(chosen) and self._columns.is_soundingearth
            caption = own_caption(without_full_stop(caption) if is_stopped else caption)
        if not caption:
            raise CorruptRecording("no caption")
        return source, caption

    def _licence(self, row: Mapping[str, Any]) -> str:
        found = (values.plain(row[name]) for name in row if name.lower() in LICENCES)
        return next((licence for licence in found if licence), self.licence)

    def _degrees(self, row: Mapping[str, Any], name: str) -> object:
        """A coordinate; one of single precision is the shortest number that it stands for."""
        number = row[name]
        if number is None or not self._columns.is_float32(name):
            return number
        return str(np.float32(number))

    def _split_of(self, lat: float, lon: float) -> str:
        found = split_by_position(lat=[lat], lon=[lon], seed=0, buffer_km=self.buffer_km)
        split = str(found.split[0])
        if split == BUFFER:
            raise CorruptRecording(IN_BUFFER)
        return split


def _recognises(origin: str) -> bool:
    path = Path(origin)
    if path.is_dir():
        files = streaming.files_of(origin)
        return bool(files) and has_hub_schema(files[0])
    if path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
        return has_hub_schema(path)
    return not path.exists() and _HUB_ID.fullmatch(origin) is not None


def _open_dataset(origin: str, options: ImportOptions) -> HubDataset:
    if options.imagery is not None:
        imagery_named(options.imagery, origin)
    if not Path(origin).exists() and (silent := away()):
        raise MissingData(f"{origin}: no such file, and the hub cannot be reached ({silent})")
    found = _of_imagery(origin, options.imagery or "sentinel", options).pinned()
    kinds = streaming.schema(origin, found.revision, streaming.stamp_of(origin))
    only = imagery_among(kinds)
    if options.imagery is None and only is not None:
        told = _of_imagery(origin, only, options)
        found = replace(told, revision=found.revision, licence=found.licence)
    return found


def _of_imagery(origin: str, imagery: str, options: ImportOptions) -> HubDataset:
    gsd_m = imagery_named(imagery, origin).gsd_m
    experiment: Experiment = load_experiment(options.preset or preset_of(imagery))
    return HubDataset(
        origin=origin,
        imagery=imagery,
        gsd_m=gsd_m,
        framing=framing_of(experiment, shrunk_first=options.shrunk_first),
        tile_px=largest_view_px(experiment),
        buffer_km=buffer_km(experiment, gsd_m),
        revision=options.revision,
        splits=options.splits,
        as_published=experiment.model.reference,
    )


HUB = Format(
    name="hub",
    whose="of the hub",
    example="Parquet of the hub's schema",
    options=frozenset({"revision", "splits"}),
    recognises=_recognises,
    open=_open_dataset,
)
"""Data sets of the hub's schema, there or in Parquet files."""
