"""Settings of a build as validated models: archives, imagery, captioners, splits."""

from __future__ import annotations

import datetime
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

_EARTH_SEARCH = "stac:https://earth-search.aws.element84.com/v1"

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

    Where a source is named without options, it has none. ``gsd_m`` and ``tile_px`` are by default
    those that the preset wants.
    """

    source: str = _EARTH_SEARCH
    options: dict[str, Any] = Field(default_factory=lambda: {"collection": "sentinel-2-c1-l2a"})
    gsd_m: float | None = Field(default=None, gt=0)
    tile_px: PositiveInt | None = None

    @model_validator(mode="before")
    @classmethod
    def _options_of_its_own(cls, values: Any) -> Any:
        # The default options are those of the default source, and mean nothing to another.
        if isinstance(values, dict) and values.get("source") not in (None, _EARTH_SEARCH):
            return {"options": {}, **values}
        return values


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
