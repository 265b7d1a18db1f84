"""Parameters of requests about quantities, and their answers as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from psm.server.questions import (
    ColourParams,
    MomentParams,
    PlaceParams,
)
from psm.server.rendering import ColoursId
from psm.server.schemas import CellModel, MomentModel, Range

QuantityId = Annotated[
    str, Path(max_length=80, description="Id of a quantity.", examples=["biophony"])
]
Table = list[list[float]]


class QuantityTileParams(MomentParams, ColourParams):
    """When, and how its tiles are coloured."""

    colours: ColoursId | Literal["none"] | None = Field(  # type: ignore[assignment]  # one more
        None, description="See /colours; `none` for the levels themselves, in grey."
    )


class QuantityPlaceParams(MomentParams, PlaceParams):
    """A place and when."""


class QuantityBestParams(MomentParams):
    """When, and how many places."""

    count: int = Field(10, ge=1, le=100, description="How many, at most.")
    apart_km: float = Field(300.0, ge=0.0, le=20000.0, description="No two nearer than this.")
    order: Literal["highest", "lowest"] = Field("highest", description="Which come first.")


class QuantityModel(BaseModel):
    """A number that can be mapped: a measure that was fitted, or an indicator of all sounds."""

    id: str = Field(examples=["biophony"])
    kind: Literal["measure", "indicator"]
    name: str = Field(examples=["share of biophony"])
    unit: str = Field(description="`1` for a pure number.", examples=["dB"])
    description: str
    low: float | None = Field(description="Smallest possible number; null without end.")
    high: float | None = Field(description="Largest possible number; null without end.")
    is_diverging: bool = Field(description="Whether zero lies between two opposites.")
    method: str = Field(description="How it was fitted, or what it is made of.")
    fitted_on: str | None = Field(description="What a measure was fitted on.")
    n: int | None = Field(description="Measurements that it was fitted on.")
    places: int | None = Field(description="Different places among them.")
    r2: float | None = Field(description="Variance explained at places left out.")
    coverage: float | None = Field(description="Share of them that its intervals held.")
    provenance: str = Field(description="What the embedding model learnt from.")
    refusal: str | None = Field(description="Why this store cannot answer it; null where it can.")


class QuantityRangeModel(BaseModel):
    """Ends of the colours of each layer, at round numbers, which stay as time moves."""

    value: Range
    lower: Range
    upper: Range
    width: Range = Field(description="Of the interval of 90 %.")


class QuantityAnswerModel(BaseModel):
    """The map of a quantity in numbers."""

    label: str
    unit: str
    moment: MomentModel
    range: QuantityRangeModel = Field(description="Of this map alone.")
    mean: float | None = Field(description="Mean over the area.")
    etag: str
    seconds: float = Field(description="That the model worked; near 0 where it was remembered.")


class IntervalModel(BaseModel):
    """A number with its interval; nulls where there is no cell."""

    value: float | None
    lower: float | None = Field(description="Lower end of the interval of 90 %.")
    upper: float | None = Field(description="Upper end of the interval of 90 %.")


class QuantityValueModel(IntervalModel):
    """A quantity at a place."""

    lat: float
    lon: float
    cell: CellModel | None
    unit: str


class QuantityFoundModel(BaseModel):
    """One of the places where it is highest, or lowest."""

    lat: float
    lon: float
    value: float
    lower: float
    upper: float
    name: str | None


class QuantityProfileModel(BaseModel):
    """A quantity at a place, as 12 months of 24 local hours; nulls where there is no cell."""

    lat: float
    lon: float
    place: str | None = Field(examples=["near Vienna, AT"])
    label: str
    unit: str
    land: bool
    value: Table | None
    lower: Table | None
    upper: Table | None
