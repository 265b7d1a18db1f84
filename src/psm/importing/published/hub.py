"""`MVRL/GeoSound` and `MVRL/SoundingEarth` on the Hugging Face hub, or Parquet of that schema.

Files are streamed, and only the columns that are needed are read. The hub keeps sound and images,
so log-mels are computed here. Media are decoded here too, without the decoders that ``datasets``
would ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from psm.config import load_experiment
from psm.data.audio import decode_audio
from psm.data.framing import Framing
from psm.data.recording import CaptionSource
from psm.data.shards import RawSample
from psm.data.splits import BUFFER, IN_BUFFER
from psm.data.worldsplits import split_by_position
from psm.errors import ConfigError, CorruptRecording, CorruptShard, MissingData, PSMError
from psm.extras import install_line
from psm.importing import values
from psm.importing.dataset import DatasetPart, ForeignDataset, Format, ImportOptions
from psm.importing.framing import buffer_km, framing_of, largest_view_px, preset_of
from psm.importing.published.metadata import month_and_hour_heard, own_caption
from psm.importing.tablereader import TABLE_SUFFIXES, column_names
from psm.published.sizes import IMAGERY, imagery_named

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_NEEDED = ("sample_id", "audio", "latitude", "longitude")
_USEFUL = ("source", "audio_caption", "audio_caption_source", "text", "date")
_GSD = "tile_gsd_m"  # data sets that psm collect built say it of every tile
_LICENCES = ("licence", "license", "licenseurl", "license_url")


@dataclass(frozen=True, kw_only=True)
class HubDataset(ForeignDataset):
    """A data set of the hub's schema.

    Attributes:
        origin: hub id, folder or Parquet file.
        imagery: the tiles are in the column ``{imagery}_image``.
        gsd_m: metres per pixel of the tiles, where no column says it.
        framing: how the sound is framed.
        tile_px: the least side of a tile.
        buffer_km: between splits, where the data set has none.
        revision: of the repository on the hub.
    """

    origin: str
    imagery: str
    gsd_m: float
    framing: Framing
    tile_px: int = 1
    buffer_km: float
    revision: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether the files lie on this machine."""
        return Path(self.origin).exists()

    def pinned(self) -> HubDataset:
        """The same at the commit that its revision names now, so that a resume reads the same."""
        if self.is_local:
            return self
        from huggingface_hub import HfApi

        try:
            info = HfApi().dataset_info(self.origin, revision=self.revision)
        except Exception as problem:
            # The hub's client raises its own errors, those of HTTP and those of the network.
            raise MissingData(
                f"{self.origin}: not found on the hub, or the hub cannot be reached "
                f"({_first_line(problem)})"
            ) from None
        return replace(self, revision=info.sha)

    def describe(self) -> str:
        """Which columns are read."""
        at = f" at commit {self.revision}" if self.revision else ""
        splits = "" if self.has_splits else f"; split by place, {self.buffer_km:.0f} km apart"
        return f"a data set of the hub's schema{at}: reads {', '.join(self.columns)}{splits}"

    def fingerprint(self) -> dict[str, Any]:
        """The files, and what is made of them."""
        path = Path(self.origin)
        content: Any = self.revision
        if self.is_local:
            files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
            content = {str(file.relative_to(path)): file.stat().st_size for file in files}
        return {
            "format": "hub data set",
            "content": content,
            "imagery": self.imagery,
            "gsd_m": self.gsd_m,
            "framing": self.framing.to_json(),
            "tile_px": self.tile_px,
            "buffer_km": self.buffer_km,
        }

    @property
    def has_splits(self) -> bool:
        """Whether the data set has more than one split of a known name."""
        return len(_open(self.origin, self.revision, self.columns)) > 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read.

        Raises:
            ConfigError: one that must be there is not.
        """
        there, _ = _schema(self.origin, self.revision)
        tile = next((name for name in there if name.lower() == self._tile.lower()), self._tile)
        lacking = [name for name in (*_NEEDED, tile) if name not in there]
        if lacking:
            images = [name for name in there if name.endswith("_image")]
            raise ConfigError(
                f"{self.origin}: no column {lacking[0]!r}; its columns are {', '.join(there)}"
                if lacking[0] != tile or not images
                else f"{self.origin}: no column {tile!r}; its imagery is {', '.join(images)}"
            )
        return tuple(
            name
            for name in there
            if name in (*_NEEDED, *_USEFUL, _GSD, tile) or name.lower() in _LICENCES
        )

    def parts(self, cache: Path) -> list[DatasetPart]:  # noqa: ARG002
        """The files of each split; those on this machine by row groups."""
        places = [
            (split, number)
            for split, pieces in _open(self.origin, self.revision, self.columns).items()
            for number in range(pieces.num_shards)
        ]
        return [DatasetPart(f"{number:05d}", place) for number, place in enumerate(places)]

    def rows(self, part: DatasetPart) -> Iterator[tuple[str, Any]]:
        """The rows of one file or row group, columns by name."""
        split, number = part.place
        pieces = _open(self.origin, self.revision, self.columns)[split]
        rows = iter(pieces.shard(pieces.num_shards, number))
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except Exception as problem:  # pyarrow, fsspec and datasets each have their own
                raise _unreadable(self.origin, problem) from None
            yield values.plain(row["sample_id"]), row

    def sample(self, part: DatasetPart, name: str, row: Any) -> RawSample:
        """Caption, context, tile and log-mel of one row."""
        archive = values.plain(row.get("source"))
        audio_source = values.archive(archive) if archive else None
        month, hour = month_and_hour_heard(values.plain(row.get("date")), audio_source)
        caption_source, caption = _caption(row)
        recording = values.recording(
            key=values.key(name),
            lat=row["latitude"],
            lon=row["longitude"],
            audio_source=audio_source,
            caption_source=caption_source,
            caption=caption,
            split=values.split(part.place[0]),
            month=month,
            hour=hour,
            licence=_licence(row),
            gsd_m=row.get(_GSD) or self.gsd_m,
        )
        if not self.has_splits:
            recording = replace(recording, split=self._split_of(recording.lat, recording.lon))
        column = next(name for name in row if name.lower() == self._tile.lower())
        tile = values.tile(_content(row, column), column, self.tile_px)
        rate_hz = self.framing.audio.sample_rate_hz
        waveform = decode_audio(_content(row, "audio"), rate_hz, "audio")
        return RawSample(recording, tile, self.framing.mel(waveform))

    @property
    def _tile(self) -> str:
        return f"{self.imagery}_image"

    def _split_of(self, lat: float, lon: float) -> str:
        found = split_by_position(lat=[lat], lon=[lon], seed=0, buffer_km=self.buffer_km)
        split = str(found.split[0])
        if split == BUFFER:
            raise CorruptRecording(IN_BUFFER)
        return split


def _caption(row: Mapping[str, Any]) -> tuple[CaptionSource, str]:
    """The chosen caption and its source; the recordist's own text where none was chosen."""
    source = values.plain(row.get("audio_caption_source")).lower() or CaptionSource.META
    text = values.plain(row.get("audio_caption"))
    if not text:
        source, text = CaptionSource.META, own_caption(values.plain(row.get("text")))
    if not text:
        raise CorruptRecording("no caption")
    try:
        return CaptionSource(source), text
    except ValueError:
        raise CorruptRecording(f"unknown caption source {source!r}") from None


def _licence(row: Mapping[str, Any]) -> str:
    found = (values.plain(row[name]) for name in row if name.lower() in _LICENCES)
    return next((licence for licence in found if licence), "unknown")


def _content(row: Mapping[str, Any], column: str) -> bytes:
    """The file in a media column. One that only names a path is not followed."""
    media = row[column]
    content = media.get("bytes") if isinstance(media, Mapping) else None
    if not content:
        raise CorruptRecording(f"no {column}")
    return bytes(content)


@lru_cache(maxsize=4)
def _schema(origin: str, revision: str | None) -> tuple[tuple[str, ...], bool]:
    """Names of all columns, and whether it is Parquet, of which some can be read alone."""
    rows = next(iter(_load(origin, revision).values()))
    if not rows.features:
        raise ConfigError(f"{origin}: its columns are not declared; convert it to Parquet first")
    return tuple(rows.features), rows.info.builder_name == "parquet"


@lru_cache(maxsize=4)
def _open(origin: str, revision: str | None, columns: tuple[str, ...]) -> dict[str, Any]:
    """Splits with those columns, undecoded, in pieces that are read on their own."""
    pieces = {}
    _, is_parquet = _schema(origin, revision)
    only = {"columns": list(columns)} if is_parquet else {}
    for name, rows in _load(origin, revision, **only).items():
        if name not in values.SPLITS:
            known = ", ".join(values.SPLITS)
            raise ConfigError(f"{origin}: unknown split {name!r}; known are {known}")
        undecoded = rows.select_columns(list(columns)).decode(False)
        # Row groups are found by opening every file: cheap here, not on the hub.
        pieces[name] = undecoded.reshard() if Path(origin).exists() else undecoded
    return pieces


def _load(origin: str, revision: str | None, **options: Any) -> dict[str, Any]:
    try:
        import datasets
    except ImportError:
        raise ConfigError(
            f"{origin}: reading it needs more packages: {install_line('data')}"
        ) from None
    try:
        if Path(origin).is_file():
            path = str(Path(origin).resolve())
            return dict(
                datasets.load_dataset("parquet", data_files=path, streaming=True, **options)
            )
        return dict(datasets.load_dataset(origin, revision=revision, streaming=True, **options))
    except Exception as problem:  # pyarrow, fsspec and datasets each have their own
        raise _unreadable(origin, problem) from None


def _unreadable(origin: str, problem: Exception) -> PSMError:
    """Our error for whatever the libraries below raise on a data set that cannot be read."""
    if isinstance(problem, OSError):
        return MissingData(f"{origin}: {_first_line(problem)}; run the same command again to go on")
    return CorruptShard(f"{origin}: not a readable data set ({_first_line(problem)})")


def _first_line(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]


def _recognises(origin: str) -> bool:
    path = Path(origin)
    if path.is_dir():
        files = sorted(path.rglob("*.parquet"))
        return bool(files) and _has_hub_schema(files[0])
    if path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
        return _has_hub_schema(path)
    return not path.exists() and _HUB_ID.fullmatch(origin) is not None


def _has_hub_schema(path: Path) -> bool:
    if path.suffix.lower() != ".parquet":
        return False
    names = {name.lower() for name in column_names(path)}
    return "sample_id" in names and any(f"{name.lower()}_image" in names for name in IMAGERY)


def _open_dataset(origin: str, options: ImportOptions) -> HubDataset:
    imagery = options.imagery or "sentinel"
    gsd_m = imagery_named(imagery, origin).gsd_m
    experiment = load_experiment(options.preset or preset_of(imagery))
    return HubDataset(
        origin=origin,
        imagery=imagery,
        gsd_m=gsd_m,
        framing=framing_of(experiment, shrunk_first=options.shrunk_first),
        tile_px=largest_view_px(experiment),
        buffer_km=buffer_km(experiment, gsd_m),
        revision=options.revision,
    ).pinned()


HUB = Format(
    name="hub",
    whose="of the hub",
    example="Parquet of the hub's schema",
    options=frozenset({"revision"}),
    recognises=_recognises,
    open=_open_dataset,
)
"""Data sets of the hub's schema, there or in Parquet files."""
