"""Columns of data sets on the hub: which are read as what, and what is missing where.

``MVRL/GeoSound`` and ``MVRL/SoundingEarth`` hold the same under different names, and each lacks
something that the other has. Whatever is read otherwise, or not there, is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psm.data.recording import AudioSource
from psm.errors import ConfigError
from psm.importing.tablereader import column_names
from psm.published.sizes import IMAGERY

NEEDED = ("sample_id", "audio", "latitude", "longitude")
DATES = ("date_recorded", "date")
"""Columns that may hold the date of a recording; the first that is there counts."""
GSD = "tile_gsd_m"
"""Data sets that psm collect built say it of every tile."""
LICENCES = ("licence", "license", "licenseurl", "license_url")

_USEFUL = ("source", "audio_caption", "audio_caption_source", "text")
_FLOAT32 = "float32"

UNKNOWN = "unknown"
"""Licence of what nobody says it of."""


@dataclass(frozen=True)
class HubColumns:
    """Columns of one data set, by what they hold.

    Attributes:
        origin: the data set, for errors.
        kinds: every column, with the name of its type.
        imagery: the tiles are in the column ``{imagery}_image``.

    Raises:
        ConfigError: one that must be there is not.
    """

    origin: str
    kinds: Mapping[str, str]
    imagery: str

    def __post_init__(self) -> None:
        lacking = [name for name in (*NEEDED, self.tile) if name not in self.kinds]
        if lacking and lacking[0] == self.tile and (images := images_among(self.kinds)):
            raise ConfigError(
                f"{self.origin}: no column {self.tile!r}; its imagery is {', '.join(images)}"
            )
        if lacking:
            raise ConfigError(
                f"{self.origin}: no column {lacking[0]!r}; its columns are {', '.join(self.kinds)}"
            )

    @property
    def tile(self) -> str:
        """The column of the tiles, in whatever case it is written."""
        wanted = f"{self.imagery}_image"
        return next((name for name in self.kinds if name.lower() == wanted.lower()), wanted)

    @property
    def date(self) -> str | None:
        """The column of the date."""
        return next((name for name in DATES if name in self.kinds), None)

    @property
    def is_soundingearth(self) -> bool:
        """Whether this is SoundingEarth as published: of one archive, its captions end in ``.``."""
        return "source" not in self.kinds and self.tile.lower() == "googleearth_image"

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are read, in the order of the data set."""
        wanted = {*NEEDED, *_USEFUL, GSD, self.tile, self.date}
        return tuple(name for name in self.kinds if name in wanted or name.lower() in LICENCES)

    @property
    def unread(self) -> tuple[str, ...]:
        """The columns that are not read."""
        return tuple(name for name in self.kinds if name not in self.read)

    def notes(self, licence: str) -> tuple[str, ...]:
        """What is not as the name of the data set promises, for people.

        Args:
            licence: of the whole data set.
        """
        has_licences = any(name.lower() in LICENCES for name in self.kinds)
        found = {
            "no column 'source': the archive is read off each sample_id": "source" in self.kinds,
            f"no column {' or '.join(map(repr, DATES))}: months and hours stay unknown": self.date,
            "no column 'audio_caption': each recording keeps its own text":
                "audio_caption" in self.kinds,
            "no column 'audio_caption_source': captions count as the recordists' own":
                "audio_caption_source" in self.kinds,
            f"no column for licences: {_of_all(licence)}": has_licences,
        }  # fmt: skip
        said = [note for note, is_there in found.items() if not is_there]
        if self.unread:
            said.append(f"not read: {', '.join(self.unread)}")
        return tuple(said)

    def is_float32(self, name: str) -> bool:
        """Whether numbers of a column are of single precision."""
        return self.kinds[name] == _FLOAT32


def _of_all(licence: str) -> str:
    if licence == UNKNOWN:
        return "they are unknown, as no card of the data set names one"
    return f"every recording has that of the data set, {licence}"


def images_among(names: Mapping[str, str]) -> list[str]:
    """The columns that hold imagery."""
    return [name for name in names if name.endswith("_image")]


def imagery_among(names: Mapping[str, str]) -> str | None:
    """The published name of the imagery that a data set has, where it has one alone."""
    there = {name.lower() for name in names}
    found = [name for name in IMAGERY if f"{name.lower()}_image" in there]
    return found[0] if len(found) == 1 else None


def archive_of(sample: str) -> AudioSource | None:
    """The archive that a published ``sample_id`` begins with, as ``aporee-9995_11936``."""
    name, dash, _ = sample.partition("-")
    known = {source.value for source in AudioSource}
    return AudioSource(name.lower()) if dash and name.lower() in known else None


def has_hub_schema(path: Path) -> bool:
    """Whether a file is Parquet with the columns that tell such a data set."""
    if path.suffix.lower() != ".parquet":
        return False
    names = {name.lower() for name in column_names(path)}
    return "sample_id" in names and any(f"{name.lower()}_image" in names for name in IMAGERY)
