"""Provenance: what a model learnt from, and so what its answers may be said to show.

A map of the simulated Earth looks as real as any. So a model folder says what the model was trained
and calibrated on, in ``provenance.json``, and everything that the model answers says it too: files,
pictures, tables, the API and the page. In the metadata of files it is one line of JSON, under
:data:`TAG`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from psm.data.recording import Recording
from psm.earth import MANIFEST_NAME
from psm.earth.manifest import world_name
from psm.errors import BrokenPackageData
from psm.files import atomic_path
from psm.geodata.gazetteer import nearest_countries
from psm.yamlfiles import parse, read_yaml

FILE_NAME = "provenance.json"
TAG = "psm.provenance"
"""Name of the provenance in the metadata of files."""

SIMULATED = "simulated Earth"
"""Name of a data set whose sounds are synthesised and whose rules are invented."""

Model = TypeVar("Model", bound=BaseModel)

_COUNTRIES = 12  # that are named; the others are counted together
_NAMED = 3  # archives and data sets that a sentence has room for

_NOT_REAL = "synthesised sounds, invented rules; says nothing about real places"
_NOT_KNOWN = "Nobody recorded what it learnt from: ask before its answers are relied on."
_NOT_FOR = {
    True: """Its sounds are synthesised and its towns painted onto imagery of 7 km
pixels: it is for trying the method, not for statements about real places.""",
    False: """Its recordings were shared by people: places where many live, and sounds that are
worth recording, are over-represented, and so they are on its maps.""",
}


class DataSet(BaseModel):
    """Recordings that a model was trained or calibrated on.

    Attributes:
        name: of the data set.
        is_simulated: whether its sounds and rules are invented.
        world: name of the simulated world, where it is not our Earth.
        recordings: how many, where it is known.
        archives, licences, countries: how many recordings of each, the most frequent first; the
            country is that of the nearest town.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    is_simulated: bool = False
    world: str = ""
    recordings: int | None = None
    archives: dict[str, int] = {}
    licences: dict[str, int] = {}
    countries: dict[str, int] = {}

    @classmethod
    def of(cls, folder: Path, recordings: Sequence[Recording]) -> DataSet:
        """Recordings of a folder of shards."""
        is_simulated = (folder / MANIFEST_NAME).is_file()
        world = world_name(folder)
        simulated = f"{SIMULATED}, world {world}" if world else SIMULATED
        return cls(
            name=simulated if is_simulated else folder.resolve().name,
            is_simulated=is_simulated,
            world=world,
            recordings=len(recordings),
            archives=_counts(r.audio_source or "other archives" for r in recordings),
            licences=_counts(r.licence for r in recordings),
            countries=_countries(recordings),
        )

    @property
    def is_on_hub(self) -> bool:
        """Whether the name is one of the hub, ``owner/name``."""
        return self.name.count("/") == 1

    @property
    def words(self) -> str:
        """Its name, how many recordings, and of which archives."""
        if self.recordings is None:
            return self.name
        named = list(self.archives.items())[:_NAMED]
        archives = ", ".join(f"{name} {count:,}" for name, count in named)
        more = "" if len(self.archives) <= len(named) else ", others"
        told = "" if self.is_simulated or not named else f" ({archives}{more})"
        return f"{self.name}, {self.recordings:,} recordings{told}"


class Provenance(BaseModel):
    """What a model learnt from; nothing, where its folder does not say.

    Attributes:
        trained_on: the data sets, the first one first.
        calibrated_on: what its probabilities were fitted to.
        known_faults: what is known to be wrong with its maps, in sentences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trained_on: tuple[DataSet, ...] = ()
    calibrated_on: DataSet | None = None
    known_faults: tuple[str, ...] = ()

    @property
    def is_simulated(self) -> bool:
        """Whether any of it is the simulated Earth."""
        used = (*self.trained_on, *filter(None, [self.calibrated_on]))
        return any(data.is_simulated for data in used)

    @property
    def world(self) -> str:
        """Name of the simulated world that it learnt last; empty for our Earth, or for none."""
        return next((data.world for data in reversed(self.trained_on) if data.is_simulated), "")

    @property
    def badge(self) -> str:
        """Two words for where a sentence is too long; empty where nothing is simulated."""
        return "Simulated Earth" if self.is_simulated else ""

    @property
    def statement(self) -> str:
        """What it stands on, in one line, for whoever sees an answer of the model."""
        if self.is_simulated:
            return f"{self.badge}: {_NOT_REAL}"
        if not self.trained_on:
            return "What this model learnt from is not recorded"
        named = "; ".join(data.words for data in self.trained_on[:_NAMED])
        return f"Learnt from {named}" + ("; others" if len(self.trained_on) > _NAMED else "")

    @property
    def limits(self) -> str:
        """What the model is not meant for."""
        if not (self.trained_on or self.is_simulated):
            return _NOT_KNOWN
        return _NOT_FOR[self.is_simulated]

    @property
    def tag(self) -> str:
        """One line of JSON, the same in every file: ``simulated``, ``statement`` and the names."""
        return json.dumps(self.summary, ensure_ascii=False)

    @property
    def ascii_tag(self) -> str:
        """The same in ASCII, for headers of HTTP."""
        return json.dumps(self.summary)

    @property
    def summary(self) -> dict[str, Any]:
        """What :attr:`tag` says, JSON-ready."""
        calibrated = self.calibrated_on
        return {
            "simulated": self.is_simulated,
            "statement": self.statement,
            "trained_on": [data.words for data in self.trained_on],
            "calibrated_on": None if calibrated is None else calibrated.words,
        }

    @classmethod
    def together(cls, several: Iterable[Provenance]) -> Provenance:
        """That of an answer which several models gave together."""
        found = _distinct(several)
        if len(found) == 1:
            return found[0]
        trained_on = _distinct(data for one in found for data in one.trained_on)
        calibrated = [one.calibrated_on for one in found if one.calibrated_on is not None]
        calibrated.sort(key=lambda data: not data.is_simulated)  # one stands for all
        return cls(
            trained_on=tuple(trained_on), calibrated_on=calibrated[0] if calibrated else None
        )

    def save(self, folder: Path) -> Path:
        """Write it into a model folder."""
        path = folder / FILE_NAME
        with atomic_path(path) as aside:
            aside.write_text(self.model_dump_json(indent=1, exclude_defaults=True) + "\n")
        return path

    @classmethod
    def load(cls, folder: Path) -> Provenance:
        """That of a model folder; an empty one where the folder says nothing.

        Raises:
            ConfigError: the file is not readable.
        """
        path = folder / FILE_NAME
        return parse(cls, read_yaml(path), str(path)) if path.is_file() else cls()


UNRECORDED = Provenance()
"""Of a model whose folder does not say."""


def _distinct(values: Iterable[Model]) -> list[Model]:
    """Each value once, in order: these hold dictionaries, and so cannot be hashed."""
    found: list[Model] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _counts(names: Iterable[str]) -> dict[str, int]:
    return {f"{name}": count for name, count in Counter(names).most_common()}


def _countries(recordings: Sequence[Recording]) -> dict[str, int]:
    lat, lon = ([getattr(r, name) for r in recordings] for name in ("lat", "lon"))
    try:
        counted = Counter(nearest_countries(lat=lat, lon=lon)).most_common()
    except BrokenPackageData:  # the towns are a help, not a need
        return {}
    named, others = counted[:_COUNTRIES], sum(count for _, count in counted[_COUNTRIES:])
    return dict(named) | ({"others": others} if others else {})
