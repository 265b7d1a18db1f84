"""Answers as JSON: the models that OpenAPI describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, create_model

from psm.mapping.bands import BANDS, Band
from psm.provenance import DataSet
from psm.server.coefficients.schemas import NumbersModel
from psm.server.questions import LAYERS, Layer
from psm.server.rendering import ColoursId

Model = TypeVar("Model", bound=BaseModel)
Range = Annotated[list[float], Field(min_length=2, max_length=2)]


def with_bands(bands: Sequence[Band], kind: Any) -> Callable[[type[Model]], type[Model]]:
    """Decorator of a model: a field of each band, so that another band needs none written here."""
    fields: dict[str, Any] = {
        band.short_name: (kind, Field(description=band.description)) for band in bands
    }

    def add(model: type[Model]) -> type[Model]:
        return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **fields)

    return add


class StoreModel(BaseModel):
    """A store that can be asked."""

    id: str = Field(examples=["earth"])
    name: str
    model: str
    cells: int
    bounds: list[float] = Field(
        min_length=4, max_length=4, description="West, south, east, north; east may exceed 180."
    )
    is_globe: bool
    crs: str
    spacing_m: float | None = Field(description="From cell to cell; null for a grid in degrees.")
    spacing_deg: float | None = Field(description="The same in degrees; null for one in metres.")
    zooms: list[int]
    attribution: str
    licence: str
    month: int | None
    is_interactive: bool = Field(description="Prepared: any month and hour in an instant.")
    is_preparing: bool
    has_scale: bool = Field(
        description="Whether the model can tell a sound's own colours, so that /range is quick."
    )
    is_calibrated: bool
    coefficients: str | None = Field(
        description="Id of the coefficients that draw any map of it; null where it has none."
    )
    is_simulated: bool = Field(description="Its model is of the simulated Earth: /listen works.")


class ProvenanceModel(BaseModel):
    """What a model learnt from."""

    simulated: bool = Field(description="Of the simulated Earth: it says nothing of real places.")
    statement: str = Field(description="One line that belongs beside every answer.")
    trained_on: list[str]
    calibrated_on: str | None


class ModelModel(BaseModel):
    """A model."""

    id: str
    name: str
    dim: int
    parameters: int
    precision: str
    calibration: str
    provenance: ProvenanceModel
    data: list[DataSet] = Field(description="The data sets that it was trained on.")
    limits: str = Field(description="What it is not meant for.")
    known_faults: list[str] = Field(description="What is known to be wrong with its maps.")


class BaseMapModel(BaseModel):
    """The base map of the page."""

    tiles: str | None = Field(description="With {z}/{x}/{y}; null for no base map.")
    attribution: str
    max_zoom: int


class ColoursModel(BaseModel):
    """A palette."""

    id: str
    name: str
    css: list[str] = Field(description="16 steps, lowest first.")
    hex: str = Field(description="All 255 colours of levels 1 to 255, six digits each.")


class MomentModel(BaseModel):
    """The moment of an answer."""

    month: int | None
    hour: float | None
    utc: float | None
    label: str


class LayerModel(BaseModel):
    """A band of the map that tiles show."""

    id: Layer
    name: str = Field(examples=["match probability"])
    description: str
    colours: ColoursId = Field(description="Its palette unless another is asked for.")


@with_bands(LAYERS, Range)
class RangesModel(BaseModel):
    """Ends of colours, between which all but 2 % of the area at either end lies."""


class WordModel(BaseModel):
    """What probabilities are called."""

    least: float = Field(description="From which on.")
    word: str = Field(examples=["now and then"])


class ScaleModel(RangesModel):
    """Ends of colours that stay as time moves, and what they mean."""

    words: list[WordModel] = Field(
        description="What the colours are called; empty where they go by what the store holds."
    )
    base_rate: float | None = Field(
        description="Mean probability over all land, months and hours, where that is known."
    )
    is_rare: bool = Field(description="Whether the sound is rare everywhere and at all times.")


class LikenessModel(BaseModel):
    """A known phrase near a question."""

    text: str
    similarity: float = Field(description="Cosine in the features of the model's tower.")


class TermFamiliarityModel(BaseModel):
    """How familiar one wording or recording of a question is."""

    name: str
    familiarity: float
    nearest: list[LikenessModel]


class FamiliarityModel(BaseModel):
    """How well a question lies within what the model was trained on."""

    familiarity: float = Field(
        description="Share of captions or recordings held out of training that are no nearer to "
        "what was learnt: that of the least familiar term."
    )
    is_familiar: bool = Field(description="If not, no probability is above the base rate.")
    nearest: list[LikenessModel] = Field(description="What the least familiar term is nearest to.")
    statement: str = Field(description="One line that belongs beside the answer; may be empty.")
    terms: list[TermFamiliarityModel]


class AnswerModel(BaseModel):
    """A map in numbers."""

    label: str
    moment: MomentModel
    range: RangesModel
    mean: float | None = Field(description="Mean probability over the area.")
    calibration: str
    provenance: ProvenanceModel
    familiarity: FamiliarityModel | None = Field(description="Null where the model does not say.")
    true_sound: str | None = Field(
        description="The sound of the simulated Earth that is asked for, of which /truth knows "
        "the true map; null of any other question, and of models of real recordings."
    )
    etag: str
    seconds: float = Field(description="That the model worked; near 0 where it was remembered.")
    numbers: NumbersModel | None = Field(
        description="Of the question at any moment; null without coefficients that hold it."
    )


class AgreementModel(BaseModel):
    """How far a map and its truth agree, every square kilometre alike but in the ranks."""

    mean: float = Field(description="Mean probability on the map.")
    true_mean: float = Field(description="Mean probability in truth.")
    error: float = Field(description="Mean absolute difference.")
    spearman: float | None = Field(description="Rank correlation of the cells.")
    explained: float | None = Field(
        description="Share of the truth's variance explained; below 0 a constant were better."
    )


class TruthModel(BaseModel):
    """The true map of a sound, by the rules of the simulated Earth and not of the real one."""

    sound: str = Field(examples=["wind blowing"])
    moment: MomentModel
    values: str = Field(
        description="True probabilities as base64 of little-endian uint16, in multiples of "
        "1/65535: a cell with imagery each, along rows from the north-west, as in the coefficients."
    )
    agreement: AgreementModel


class CellModel(BaseModel):
    """Centre of a cell."""

    lat: float
    lon: float


@with_bands(BANDS, float | None)
class ValueModel(BaseModel):
    """The map at a place; nulls where there is no cell."""

    lat: float
    lon: float
    cell: CellModel | None


class SoundModel(BaseModel):
    """A sound of the vocabulary."""

    text: str
    probability: float


@with_bands(LAYERS, list[list[float]] | None)
class TimesModel(BaseModel):
    """A question at a place, as 12 months of 24 local hours of each layer."""

    lat: float
    lon: float
    place: str | None = Field(examples=["near Vienna, AT"])
    label: str
    land: bool


class ProfileModel(TimesModel):
    """A place through the year and the day; null where there is no cell."""

    familiarity: FamiliarityModel | None = Field(description="Null where the model does not say.")
    top: list[SoundModel]


class SoundsModel(BaseModel):
    """Sounds of a place; none where there is no cell."""

    lat: float
    lon: float
    place: str | None = Field(examples=["near Vienna, AT"])
    land: bool
    top: list[SoundModel]


@with_bands(LAYERS[1:], float | None)
@with_bands(LAYERS[:1], float)
class PlaceModel(BaseModel):
    """A place with what the map says there; an uncertainty that is not known is null."""

    lat: float
    lon: float


class FoundModel(PlaceModel):
    """One of the best places."""

    name: str | None


class UploadModel(BaseModel):
    """A recording that was understood."""

    id: str
    name: str
    duration_s: float
    waveform: list[float] = Field(description="200 peaks between 0 and 1.")
    heard: list[SoundModel]
    warning: str | None = Field(None, description="Said of a recording with hardly a sound in it.")


class HealthModel(BaseModel):
    """Health of the server: whether to send requests here."""

    is_ready: bool
    preparing: list[str] = Field(description="Stores that still answer exactly, and slowly.")
