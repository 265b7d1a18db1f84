"""What a source of recordings is, and how to import it."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from psm.config import load_experiment
from psm.data.views import encode_jpeg
from psm.errors import ConfigError, CorruptShard, MissingData
from psm.importing.conversion import Source
from psm.importing.framing import buffer_km, framing_of, largest_view_px
from psm.importing.published.captions import Captions
from psm.importing.published.hub import HubDataset
from psm.importing.published.shards import SPLITS, PublishedShards, imagery_of
from psm.importing.recordingtable import Table, TileProvider
from psm.importing.tables import TABLE_SUFFIXES, column_names
from psm.published.sizes import IMAGERY, imagery_named

BLUE_MARBLE = "blue-marble"
_PRESETS = {
    "sentinel": "psm-sentinel",
    "bingmap": "psm-bing",
    "googleEarth": "psm-soundingearth",
    BLUE_MARBLE: "earth-tiny",
}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Format(StrEnum):
    """What can be imported."""

    HUB = "hub"
    SHARDS = "shards"
    TABLE = "table"

    @classmethod
    def named(cls, name: str) -> Format:
        """The format of that name.

        Raises:
            ConfigError: there is none.
        """
        if name not in list(cls):
            raise ConfigError(f"--format {name!r}: choose one of {', '.join(cls)}")
        return cls(name)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a user asks of an import.

    Attributes:
        imagery: which imagery the tiles are; of the hub, which are taken.
        preset: what will be trained on the shards: frames the sound, says how large a tile must be.
        captions: folder of the published captions (published shards).
        columns: columns of a table by our names (tables).
        gsd_m: metres per pixel of the tiles (tables).
        revision: of the repository (hub).
        shrunk_first: order of CLAP's fused windows, see :func:`psm.data.audio.fused_log_mel`.
    """

    imagery: str | None = None
    preset: str | None = None
    captions: Path | None = None
    columns: Mapping[str, str] | None = None
    gsd_m: float | None = None
    revision: str | None = None
    shrunk_first: bool = True


def recognise(origin: str) -> Format:
    """The format of a file, folder or hub id.

    Raises:
        MissingData: there is nothing of that name, or nothing that can be imported.
        ConfigError: it is something else.
    """
    path = Path(origin)
    if path.is_dir():
        return _recognise_folder(path)
    if path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
        return Format.HUB if _has_hub_schema(path) else Format.TABLE
    if path.exists():
        raise ConfigError(
            f"{origin}: not a table ({', '.join(TABLE_SUFFIXES)}); give one, or a folder"
        )
    if _HUB_ID.fullmatch(origin):
        return Format.HUB
    raise MissingData(f"{origin}: no such file or folder, and no hub id (OWNER/NAME)")


def open_source(origin: str, wishes: Wishes, *, format: Format | None = None) -> Source:
    """The source at a file, folder or hub id, as ``format`` or as what it is recognised for.

    Raises:
        PSMError: it is not there, or lacks what it needs.
    """
    kind = recognise(origin) if format is None else format
    match kind:
        case Format.SHARDS:
            return _open_shards(origin, wishes)
        case Format.HUB:
            return _open_hub(origin, wishes)
        case Format.TABLE:
            return _open_table(origin, wishes)


def _recognise_folder(folder: Path) -> Format:
    tars = [path for split in SPLITS for path in sorted(folder.glob(f"{split}*.tar"))]
    if tars:
        if _is_ours(tars[0]):
            raise ConfigError(f"{folder}: holds shards of ours already; train on them as they are")
        return Format.SHARDS
    files = sorted(folder.rglob("*.parquet"))
    if files and _has_hub_schema(files[0]):
        return Format.HUB
    _only_table(folder)
    return Format.TABLE


def _open_shards(origin: str, wishes: Wishes) -> Source:
    _refuse(wishes, origin, columns="of a table", gsd_m="of a table", revision="of the hub")
    gsd_m = imagery_named(wishes.imagery or imagery_of(Path(origin)), origin).gsd_m
    captions = Captions() if wishes.captions is None else Captions.load(wishes.captions)
    tile_px = 1 if wishes.preset is None else largest_view_px(load_experiment(wishes.preset))
    return PublishedShards(Path(origin), gsd_m, captions, tile_px)


def _open_hub(origin: str, wishes: Wishes) -> Source:
    _refuse(wishes, origin, columns="of a table", gsd_m="of a table", captions="of shards")
    imagery = wishes.imagery or "sentinel"
    gsd_m = imagery_named(imagery, origin).gsd_m
    experiment = load_experiment(wishes.preset or _PRESETS[imagery])
    return HubDataset(
        origin=origin,
        imagery=imagery,
        gsd_m=gsd_m,
        framing=framing_of(experiment, shrunk_first=wishes.shrunk_first),
        tile_px=largest_view_px(experiment),
        buffer_km=buffer_km(experiment, gsd_m),
        revision=wishes.revision,
    ).pinned()


def _open_table(origin: str, wishes: Wishes) -> Source:
    _refuse(wishes, origin, captions="of shards", revision="of the hub")
    path = _only_table(Path(origin)) if Path(origin).is_dir() else Path(origin)
    provider: TileProvider | None = None
    gsd_m = wishes.gsd_m
    if wishes.imagery == BLUE_MARBLE:
        provider = BlueMarble()
        if gsd_m is not None:
            raise ConfigError(f"--gsd {gsd_m:g}: Blue Marble has {provider.gsd_m:g} m a pixel")
        gsd_m = provider.gsd_m
    elif wishes.imagery is not None:
        gsd_m = gsd_m or imagery_named(wishes.imagery, origin).gsd_m
    experiment = load_experiment(wishes.preset or _PRESETS[wishes.imagery or "sentinel"])
    return Table(
        path=path,
        framing=framing_of(experiment, shrunk_first=wishes.shrunk_first),
        chosen=wishes.columns or {},
        tile_px=largest_view_px(experiment),
        gsd_m=gsd_m,
        buffer_km=buffer_km(experiment, gsd_m or experiment.model.imagery.gsd_m),
        imagery=provider,
    )


class BlueMarble:
    """Tiles of NASA's Blue Marble, as the simulated Earth has them: any place, a kilometre a pixel.

    Raises:
        BrokenPackageData: the data package is not installed.
    """

    name = BLUE_MARBLE

    def __init__(self) -> None:
        from psm.earth.painted_imagery import GSD_M

        self.gsd_m = GSD_M
        _blue_marble()

    def tile(self, *, lat: float, lon: float) -> bytes:
        """The tile around a place."""
        return encode_jpeg(_blue_marble().tile(lat=lat, lon=lon))


@lru_cache(maxsize=1)
def _blue_marble() -> Any:
    from psm.earth.painted_imagery import PaintedImagery

    return PaintedImagery.load()


def _refuse(wishes: Wishes, origin: str, **others: str) -> None:
    """An option that says nothing here was meant for something else."""
    for name, whose in others.items():
        if getattr(wishes, name):
            option = {"gsd_m": "gsd", "columns": "column"}.get(name, name)
            raise ConfigError(f"{origin}: --{option} is an option {whose}, which this is not")


def _only_table(folder: Path) -> Path:
    tables = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in TABLE_SUFFIXES]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise ConfigError(f"{folder}: which table? give one of {names} itself")
    if not tables:
        raise MissingData(
            f"{folder}: found no published shards (train*.tar), no Parquet of the hub's schema and "
            "no table of recordings (.csv, .tsv, .parquet)"
        )
    return tables[0]


def _has_hub_schema(path: Path) -> bool:
    if path.suffix.lower() != ".parquet":
        return False
    names = {name.lower() for name in column_names(path)}
    return "sample_id" in names and any(f"{name.lower()}_image" in names for name in IMAGERY)


def _is_ours(tar: Path) -> bool:
    try:
        with tarfile.open(tar) as archive:
            return any((archive.next() or tar).name.endswith(".mel.npy") for _ in range(3))
    except (tarfile.TarError, OSError, EOFError):
        raise CorruptShard(f"{tar}: not a readable tar") from None
