"""Coefficients and questions in numbers as JSON: the models that OpenAPI describes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class GridModel(BaseModel):
    """Rows and columns of cells by latitude and longitude."""

    rows: int
    columns: int
    west: float = Field(description="Longitude of the left edge.")
    north: float = Field(description="Latitude of the upper edge.")
    step_lon: float
    step_lat: float


class ArrayModel(BaseModel):
    """An array of the coefficients."""

    name: str = Field(examples=["csd.core"])
    type: Literal["bits", "int16", "float32"]
    shape: list[int]
    offset: int = Field(description="First byte, once they are unpacked.")


class CoefficientsModel(BaseModel):
    """What draws every map of a store: the header of its arrays."""

    format: str = Field(examples=["psm-coefficients"])
    version: int
    id: str
    store: str = Field(description="Fingerprint of the store.")
    model: str
    weights: str = Field(description="Fingerprint of the model.")
    attribution: str
    licence: str
    frame: GridModel
    cells: int
    months: int = Field(description="States of the month; the last is the unknown one.")
    hours: int = Field(description="States of the hour; the last is the unknown one.")
    step: float = Field(description="What the coefficients are multiples of.")
    bytes: int = Field(description="Of all arrays, unpacked.")
    arrays: list[ArrayModel]


class NamesModel(BaseModel):
    """What the cells of the coefficients are called."""

    id: str = Field(description="Of the coefficients.")
    names: list[str] = Field(examples=[["near Vienna, AT"]])
    of_cells: str = Field(
        description="Base64 of uint16, little-endian: the name of each cell, counted from 1; 0 of "
        "a cell without."
    )


class ModesModel(BaseModel):
    """A Gaussian as the coefficients know it."""

    offset: float = Field(description="Added to the inner product.")
    step: float
    values: str = Field(description="Base64 of int16, little-endian: multiples of the step.")


class OpinionModel(BaseModel):
    """The second opinion on a term."""

    csd: ModesModel
    offset: float = Field(description="Of its logit.")
    trust: float = Field(description="How near the term is to a known sound, 0 to 1.")


class TermModel(BaseModel):
    """A term of a question."""

    power: float
    is_wanted: bool
    offset: float = Field(description="Added to the distance before the curve: its share.")
    variance: float = Field(description="Of that offset.")
    csd: ModesModel
    csd_variance: ModesModel | None = Field(description="Null where there is a second opinion.")
    opinion: OpinionModel | None


class CurveModel(BaseModel):
    """From distance to probability: sigmoid(shift - scale d), or straight lines between points."""

    scale: float | None
    shift: float | None
    distances: list[float] = Field(description="Rising; none of a sigmoid.")
    probabilities: list[float]


class ErrorModel(BaseModel):
    """Parameters of the expected error, as psm.uncertainty has them."""

    scale: float
    lapse: float
    shift: float
    slope: float
    spread: float
    unknown: float
    inflation: float


class NumbersModel(BaseModel):
    """A question in numbers: with the coefficients of a store, the map of every moment."""

    coefficients: str = Field(description="Id of the coefficients that it is for.")
    is_any: bool = Field(description="Whether one of the wanted terms is enough.")
    curve: CurveModel
    terms: list[TermModel]
    error: ErrorModel | None
