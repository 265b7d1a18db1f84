"""Recordings in files, with tiles in files or of any provider: what such formats share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock

from psm.config import Experiment
from psm.data import filenames
from psm.data.audio import read_audio
from psm.data.framing import Framing
from psm.data.shards import RawSample
from psm.earth.painted_imagery import GSD_M, TILE_SIZE
from psm.errors import ConfigError, CorruptRecording, MissingData
from psm.experiments import load_experiment
from psm.importing import values
from psm.importing.cutting import NoTile, Tile, TileCutter, TilePlace
from psm.importing.dataset import SHARD_SIZE, DatasetPart, ForeignDataset, ImportOptions
from psm.importing.framing import buffer_km, framing_of, largest_view_px, preset_of
from psm.importing.placesplits import ChosenSplits, splits_of
from psm.importing.tablereader import TableEntry
from psm.importing.tablerows import TableRow, rows_of
from psm.importing.tilesize import refuse_misfit
from psm.published.sizes import IMAGERY

ALL = "all"
"""Stands for all recordings where ``--split`` names theirs."""

TILES = "tiles"
"""Folder beside a table in which ``KEY.jpg`` is the tile of a recording, if no column names it."""

_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")


@dataclass(frozen=True, kw_only=True)
class RecordingSet(ForeignDataset):
    """Recordings in files, each with a row that says what is known of it.

    Attributes:
        framing: how the sound is framed.
        preset: that it is framed for, in words.
        tile_px: the least side of a tile.
        gsd_m: metres per pixel of the tiles, where no row says it.
        buffer_km: between splits, where no row names them.
        split: of all recordings; by default as the rows have it, or by place.
        cutter: cuts the tiles, instead of files.
        imagery: what the tiles are, where their metres per pixel follow from that.
        shard_size: recordings of one of our shards.
    """

    framing: Framing
    preset: str = ""
    tile_px: int = 1
    gsd_m: float | None = None
    buffer_km: float = 0.0
    split: str = ""
    cutter: TileCutter | None = None
    imagery: str | None = None
    shard_size: int = SHARD_SIZE

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where files are that rows name."""

    @abstractmethod
    def entries(self) -> Sequence[TableEntry]:
        """What is said of each recording, by our names of columns.

        Raises:
            MissingData: there is no recording.
        """

    def settings(self) -> dict[str, Any]:
        """What is made of the recordings, for the fingerprint."""
        return {
            "framing": self.framing.to_json(),
            "tile_px": self.tile_px,
            "gsd_m": self.gsd_m,
            "buffer_km": self.buffer_km,
            "imagery": self._imagery_claim(),
            "shard_size": self.shard_size,
            **({"split": self.split} if self.split else {}),
        }

    def require_tiles(self, origin: Path, *, are_named: bool, are_sized: bool) -> None:
        """Refuse recordings whose tiles nobody has.

        Args:
            origin: for the error.
            are_named: a column names each tile.
            are_sized: a column says the metres per pixel of each.

        Raises:
            MissingData: there is no imagery.
            ConfigError: how large a pixel is, is not said.
        """
        if self.cutter is not None:
            return
        if not are_named and not (self.folder / TILES).is_dir():
            raise MissingData(
                f"{origin}: no imagery; name each tile in a column 'tile', put it into "
                f"{TILES}/KEY.jpg beside the table, or choose where they come from with "
                "--imagery: stac:..., xyz:..., raster files, blue-marble"
            )
        if not are_sized and self.gsd_m is None:
            raise ConfigError(
                f"{origin}: how many metres is a pixel of the tiles? say --gsd 10, "
                "--imagery sentinel, or add a column 'gsd_m'"
            )

    def __getstate__(self) -> dict[str, Any]:
        """For workers, which read the rows of their parts and not all of them."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    @cached_property
    def _told(self) -> tuple[Sequence[TableEntry], ChosenSplits]:
        """What is said of all recordings, and the split of each; read once."""
        entries = self.entries()
        return entries, splits_of(entries, buffer_km=self.buffer_km, all_in=self.split)

    def notes(self) -> list[str]:
        """Why nothing is held out, where the places lie too close together."""
        _, splits = self._told
        return [splits.note] if splits.note else []

    def parts(self, cache: Path) -> list[DatasetPart]:
        """The rows, split by split; whatever needs all of them is settled here."""
        entries, splits = self._told
        rows = rows_of(entries, splits.names)
        parts: list[DatasetPart] = []
        for split in sorted({row.split for row in rows}):
            mine = [row for row in rows if row.split == split]
            for first in range(0, len(mine), self.shard_size):
                place = _Piece(mine[first : first + self.shard_size], cache / "imagery.lock")
                parts.append(DatasetPart(f"{len(parts):05d}", place))
        return parts

    def made(self) -> list[str]:
        """What tiles are cut from and how wide they are, and what all is framed for, in words."""
        framed = [f"framed for {self.preset}"] if self.preset else []
        if self.cutter is None:
            return framed
        view = self.cutter.view
        wide = f"{view.side_m / 1000.0:.3g} km wide at {view.gsd_m:g} m a pixel"
        return [f"tiles of {self.cutter.provider.name}, {wide}", *framed]

    def tile_credit(self) -> dict[str, str]:
        """Provider, attribution and licence of the tiles that are cut."""
        if self.cutter is None:
            return {}
        attribution, licence = self.cutter.credit()
        name = self.cutter.provider.name
        return {"provider": name, "attribution": attribution, "licence": licence}

    def rows(self, part: DatasetPart) -> Iterator[tuple[str, Any]]:
        """The rows of one shard, each with its tile where tiles are cut."""
        tiles = self._cut(part.place)
        for row in part.place.rows:
            yield row.key, (row, tiles.get(row.key))

    def sample(self, part: DatasetPart, name: str, row: Any) -> RawSample:  # noqa: ARG002
        """Context, tile and log-mel of one row."""
        told, tile = row
        recording = told.recording(self.gsd_m)
        path = self._beside(told.said["audio"], "audio")  # first: to look costs nothing
        if isinstance(tile, NoTile):
            at = f"at {recording.lat:g}, {recording.lon:g}"
            raise CorruptRecording(tile.reason, *filter(None, (tile.detail, at)))
        if not told.said.get("gsd_m"):
            gsd_m = values.gsd_m(recording.gsd_m, self.imagery, recording.lat)
            recording = replace(recording, gsd_m=gsd_m)
        if isinstance(tile, Tile):
            image, recording = tile.jpeg, replace(recording, gsd_m=tile.gsd_m)
        elif self.cutter is None:
            image = _content(self._tile_file(told.said.get("tile", ""), name))
        else:
            raise CorruptRecording("no tile")
        jpeg = values.tile(image, "tile", self.tile_px)
        audio = self.framing.audio
        waveform = read_audio(
            path, audio.sample_rate_hz, name="audio", band_hz=audio.band_hz, part_s=told.part_s
        )
        return RawSample(recording, jpeg, self.framing.mel(waveform))

    def tile_of(self, row: Any) -> Tile | None:
        """The tile that was cut for a row."""
        _, tile = row
        return tile if isinstance(tile, Tile) else None

    def doubts_of(self, row: Any) -> Sequence[str]:
        """What the table names of a recording and nobody could read."""
        told, _ = row
        doubts: Sequence[str] = told.doubts()
        return doubts

    def _cut(self, piece: _Piece) -> dict[str, Tile | NoTile]:
        """Tiles by key, of the recordings that can be used but for them."""
        if self.cutter is None:
            return {}
        places = []
        for row in piece.rows:
            with suppress(CorruptRecording):
                recording = row.recording(self.gsd_m)
                self._beside(row.said["audio"], "audio")
                places.append(TilePlace(row.key, recording.lat, recording.lon, recording.month))
        if self.cutter.provider.is_simulated:
            return dict(self.cutter.tiles(places))
        # A provider is asked by one process at a time: its pace is that of a process.
        with FileLock(piece.lock):
            return dict(self.cutter.tiles(places))

    def _imagery_claim(self) -> Any:
        if self.cutter is None:
            return "files"
        provider = self.cutter.provider
        return provider.name if provider.is_simulated else dict(provider.settings)

    def _tile_file(self, said: str, key: str) -> Path:
        if said:
            return self._beside(said, TILES)
        for suffix in _IMAGES:
            path = self.folder / TILES / f"{key}{suffix}"
            if path.is_file():
                return path
        raise CorruptRecording("no tile")

    def _beside(self, name: str, folder: str) -> Path:
        folders = (self.folder, self.folder / folder)
        if (path := filenames.find(name, folders)) is not None:
            return path
        if alike := filenames.near(name, folders):
            raise CorruptRecording(
                f"{_missing(folder)}, but one that differs in case or blanks", f"there is {alike}"
            )
        raise CorruptRecording(_missing(folder))


@dataclass(frozen=True)
class _Piece:
    """Rows of one part, and the lock that is held while a provider is asked for their tiles."""

    rows: Sequence[TableRow]
    lock: Path


def _missing(folder: str) -> str:
    return f"no such {folder.rstrip('s')} file"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise CorruptRecording(f"tile: not a readable file ({problem.strerror})") from None


def tiles_of(origin: str, options: ImportOptions) -> dict[str, Any]:
    """Framing, tiles and distance of splits of recordings, as the options of an import say them.

    Args:
        origin: of the recordings, for the error.
        options: of the import.

    Returns:
        Arguments of a :class:`RecordingSet`.

    Raises:
        ConfigError: an option is wrong.
    """
    if others := sorted(set(options.splits) - {ALL}):
        raise ConfigError(
            f"--split {others[0]}=...: of your own recordings it is --split all=train"
        )
    experiment = load_experiment(options.preset or preset_of(options.imagery))
    tile_px, gsd_m, cutter = largest_view_px(experiment), options.gsd_m, None
    if options.imagery in IMAGERY:
        gsd_m = gsd_m or IMAGERY[options.imagery].gsd_m
    elif options.imagery is not None:
        cutter = _cutter(options.imagery, options, experiment)
        gsd_m = cutter.gsd_m
    if options.imagery_options and cutter is None:
        raise ConfigError(f"{origin}: --imagery-set is an option of a provider, name it: --imagery")
    return {
        "framing": framing_of(experiment, shrunk_first=options.shrunk_first),
        "preset": experiment.model.name,
        "tile_px": tile_px,
        "gsd_m": gsd_m,
        "buffer_km": buffer_km(experiment, gsd_m or experiment.model.imagery.gsd_m),
        "split": options.splits.get(ALL, ""),
        "cutter": cutter,
        "imagery": options.imagery if cutter is None and options.gsd_m is None else None,
    }


def _cutter(imagery: str, options: ImportOptions, experiment: Experiment) -> TileCutter:
    """Tiles that hold the largest view of the preset; of the simulated Earth, its own tiles."""
    tile_px, gsd_m = largest_view_px(experiment), options.gsd_m or experiment.model.imagery.gsd_m
    cutter = TileCutter(imagery, tile_px, gsd_m, options.imagery_options)
    try:
        provider = cutter.provider
    except ConfigError as problem:
        if not imagery.isalnum():
            raise
        raise ConfigError(f"{problem}; tiles of one's own are {', '.join(IMAGERY)}") from None
    if provider.is_simulated:
        if options.gsd_m is not None:
            raise ConfigError(f"--gsd {options.gsd_m:g}: Blue Marble has {GSD_M:g} m a pixel")
        return replace(cutter, tile_px=TILE_SIZE, gsd_m=GSD_M)
    refuse_misfit(provider, cutter.view, preset=experiment.model.name)
    return cutter
