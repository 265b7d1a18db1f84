"""Settings of a build: a validated YAML file, and the note of them in the folder."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from psm.config import parse, read_yaml
from psm.errors import ConfigError, SettingsChanged
from psm.files import atomic_path

CLAIM = "build.json"
"""What a build folder was begun with: all that shapes the result."""

_FORMAT_VERSION = 1

Bounds = tuple[float, float, float, float]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Month = Annotated[int, Field(ge=1, le=12)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArchiveConfig(_Settings):
    """Settings of one archive.

    ``most`` is how many entries of its listing are looked at, ``quota`` how many recordings are
    chosen of them. ``options`` are those of its adapter; see ``psm collect archives``.
    """

    most: PositiveInt | None = None
    quota: PositiveInt | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class BuildImageryConfig(_Settings):
    """Settings of the tiles: a text for :func:`psm.imagery.open_imagery`, and its options.

    ``gsd_m`` and ``tile_px`` are by default those that the preset wants.
    """

    source: str = "stac:https://earth-search.aws.element84.com/v1"
    options: dict[str, Any] = Field(default_factory=lambda: {"collection": "sentinel-2-c1-l2a"})
    gsd_m: float | None = Field(default=None, gt=0)
    tile_px: PositiveInt | None = None


class CaptionerConfig(_Settings):
    """Settings of a captioning model: a hub id or folder, and the style its captions count as.

    ``prompt`` is what the model is asked, by default what its kind of model wants; under another
    prompt all captions are written anew. ``revision`` of a hub id makes the build repeatable. With
    ``batch_size`` 1 no caption depends on those beside it, not even by a rounding of the device.
    """

    model: str
    style: Literal["qwen", "pengi"]
    name: str = ""
    prompt: str | None = None
    revision: str | None = None
    batch_size: PositiveInt = 8

    @model_serializer(mode="wrap")
    def _without_default_prompt(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Builds that were begun before there was a setting have none in their files.
        values: dict[str, Any] = serialise(self)
        return {k: v for k, v in values.items() if (k, v) != ("prompt", None)}


class SplitConfig(_Settings):
    """Settings of the splits: cells, and how many recordings to hold out.

    ``buffer_km`` is by default wider than a tile. Where neither ``val`` nor ``test`` is wanted, all
    recordings are for training, however close together they are.
    """

    val: float = Field(default=5000, ge=0, description="recordings, or below 1 a share")
    test: float = Field(default=10000, ge=0, description="recordings, or below 1 a share")
    cell_deg: float = Field(default=1.0, gt=0, le=30)
    least_in_cell: PositiveInt = Field(default=25, description="of cells for val and test")
    buffer_km: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.val == 0) != (self.test == 0):
            raise ValueError("val and test are both 0, or neither is")
        return self


class BuildConfig(_Settings):
    """Settings of a build: all that shapes the data set, and how it is built.

    Attributes:
        sources: archives by name.
        region: as the command line names one; by default the globe.
        countries, months, licences: what is allowed; by default everything. A licence is an SPDX
            name, as ``CC-BY-4.0``.
        limit: most recordings that are fetched.
        most_per_species: recordings of one species, in each archive.
        worst_accuracy_m: of a place that is known; by default half the width of a tile.
        refused_sounds: what must not be heard; other flags are kept with the recording.
        preset: what will be trained: frames the sound, says how large a tile must be.
        imagery, captioners, scorer: tiles, captions, and the CLAP model that ranks them.
        splits, seed: which recordings are held out.
        shard_size: recordings of one shard.
        keep_media: keep what was fetched after it is decoded.
        date: of the build, the day on which it began by default. Recordings are not believed to
            be younger.
    """

    sources: dict[str, ArchiveConfig] = Field(min_length=1)
    region: str | None = None
    countries: tuple[Country, ...] = ()
    months: tuple[Month, ...] = ()
    licences: tuple[str, ...] = ()
    limit: PositiveInt | None = None
    most_per_species: PositiveInt | None = None
    worst_accuracy_m: float | None = Field(default=None, gt=0)
    refused_sounds: tuple[Literal["silent", "clipped", "speech"], ...] = ("silent",)
    preset: str = "psm-sentinel"
    imagery: BuildImageryConfig = BuildImageryConfig()
    captioners: tuple[CaptionerConfig, ...] = ()
    scorer: str | None = None
    splits: SplitConfig = SplitConfig()
    seed: int = Field(default=0, ge=0)
    shard_size: PositiveInt = 1000
    keep_media: bool = False
    date: datetime.date = Field(default_factory=datetime.date.today)

    @model_validator(mode="before")
    @classmethod
    def _bare_names(cls, values: Any) -> Any:
        # "aporee:" with nothing after it is what one writes who wants all of an archive.
        if isinstance(values, dict) and isinstance(values.get("sources"), dict):
            sources = {name: given or {} for name, given in values["sources"].items()}
            return {**values, "sources": sources}
        return values


_DOES_NOT_SHAPE = {"keep_media"}


def read_settings(folder: Path, path: Path | None, options: Mapping[str, Any]) -> BuildConfig:
    """Merge settings: a file, or those that the folder was begun with, then options.

    Args:
        folder: of the build.
        path: of a YAML file; ``None`` for the settings that the folder was begun with.
        options: of the command line, those that are ``None`` left out: ``archive`` is a list of
            names, ``licence`` one of licences, ``imagery`` a text, others are as in the settings.

    Returns:
        The settings, validated; the date is that on which the folder was begun.

    Raises:
        ConfigError: a setting is unknown or does not fit, or nothing says what to build.
    """
    before = begun(folder)
    values = read_yaml(path) if path else before.model_dump(mode="json") if before else {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected settings by name, found {type(values).__name__}")
    given = {name: value for name, value in options.items() if value is not None}
    if names := given.pop("archive", None):
        known = values.get("sources") or {}
        values["sources"] = {name: known.get(name) or {} for name in names}
    if licences := given.pop("licence", None):
        values["licences"] = licences
    if imagery := given.pop("imagery", None):
        values["imagery"] = {**_without_options(values.get("imagery")), "source": imagery}
    if "sources" not in values:
        raise ConfigError(
            f"{folder}: from which archives? give --archive, or --config with sources"
        )
    began = {} if before is None else {"date": before.date}
    return parse(BuildConfig, {**began, **values, **given}, str(path or folder))


def _without_options(imagery: Any) -> dict[str, Any]:
    # Options are those of one kind of imagery, and mean nothing to another.
    return {**(imagery or {}), "options": {}}


def begun(folder: Path) -> BuildConfig | None:
    """Settings that a folder was begun with, or ``None`` where nothing was.

    Raises:
        ConfigError: something else is there.
    """
    note = _note(folder)
    return None if note is None else parse(BuildConfig, note["config"], str(folder / CLAIM))


def claim(folder: Path, config: BuildConfig, facts: Mapping[str, Any]) -> None:
    """Take a folder for a build; one that is begun goes on only with the same settings.

    Args:
        folder: of the build.
        config: the settings.
        facts: what they came to, where that is not said by the settings themselves.

    Raises:
        ConfigError: something else is there.
        SettingsChanged: another build is there; the message names the first setting that differs.
    """
    note = {"format_version": _FORMAT_VERSION, "config": config.model_dump(mode="json")}
    asked = {**note, "facts": dict(facts)}
    found = _note(folder)
    if found is not None and (changed := _differences(_shaping(found), _shaping(asked))):
        name, was, now = changed[0]
        raise SettingsChanged(
            f"{folder}: was begun with another {name} (it was {was!s:.80}, now {now!s:.80}); "
            "choose another folder, or leave the settings as they were"
        )
    with atomic_path(folder / CLAIM) as path:
        path.write_text(json.dumps(asked, indent=2, ensure_ascii=False) + "\n")


def _note(folder: Path) -> dict[str, Any] | None:
    path = folder / CLAIM
    if not path.exists():
        if folder.is_dir() and all(entry.name.startswith(".") for entry in folder.iterdir()):
            return None
        if folder.exists():
            raise ConfigError(f"{folder}: holds something else; choose another folder")
        return None
    try:
        note = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        raise ConfigError(f"{path}: not readable as the note of a build") from None
    if note.get("format_version") != _FORMAT_VERSION:
        raise ConfigError(f"{folder}: begun by another version of psm; choose another folder")
    return note


def _shaping(note: Mapping[str, Any]) -> dict[str, Any]:
    config = {k: v for k, v in note["config"].items() if k not in _DOES_NOT_SHAPE}
    # Under another prompt the captions of a folder are written anew; see captions.captioning.
    config["captioners"] = [
        {k: v for k, v in captioner.items() if k != "prompt"} for captioner in config["captioners"]
    ]
    return {**config, **note["facts"]}


def _differences(before: Any, after: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    """Dotted names of the settings that differ, with both values."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            found
            for key in sorted(before.keys() | after.keys())
            for found in _differences(
                before.get(key, "nothing"), after.get(key, "nothing"), f"{name}.{key}".strip(".")
            )
        ]
    return [] if before == after else [(name, before, after)]
