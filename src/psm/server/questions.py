"""Parameters of requests; a question is complete in its address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from psm.errors import ConfigError, InvalidContext
from psm.mapping.bands import BANDS
from psm.mapping.moment import Moment
from psm.mapping.term import Term
from psm.server.rendering import ColoursId

Words = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
AudioId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
LAYERS = tuple(band for band in BANDS if band.is_standard)
"""The bands that are shown: tiles, ranges, profiles; a value at a place has all of them."""

if TYPE_CHECKING:
    Layer = str
else:
    Layer = Literal[tuple(band.short_name for band in LAYERS)]

_MOST_TERMS = 8
_MOST_WORDINGS = 8
_MOST_WEIGHT = 100.0


class Params(BaseModel):
    """Parameters of any request: a misspelt one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str | None = Field(
        None, max_length=200, description="The server's key, where the X-API-Key header cannot go."
    )


class TermsParams(Params):
    """The terms of a question."""

    text: tuple[Words, ...] = Field(
        (),
        max_length=_MOST_TERMS,
        description="What to hear: frogs, frogs*2, frogs|toads.",
        examples=[["frogs"]],
    )
    without: tuple[Words, ...] = Field(
        (), max_length=_MOST_TERMS, description="What not to hear.", examples=[["traffic"]]
    )
    audio: tuple[AudioId, ...] = Field(
        (), max_length=4, description="Recordings to look for, by the id that POST /audio gave."
    )

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if not self.text and not self.audio:
            raise ValueError("ask for something: give text=frogs, or audio= with an id")
        self.parsed()
        return self

    def parsed(self) -> tuple[Term, ...]:
        """The terms in words, wanted and unwanted."""
        try:
            terms = [Term.parse(text) for text in self.text]
            unwanted = [Term.parse(text) for text in self.without]
        except ConfigError as problem:
            raise ValueError(str(problem)) from None
        for term in unwanted:
            if not term.is_wanted:
                raise ValueError(f"without={term.label}: unwanted twice, leave out the minus")
        for term in (*terms, *unwanted):
            if abs(term.weight) > _MOST_WEIGHT:
                raise ValueError(f"{term.name}: a weight above {_MOST_WEIGHT:g} says no more")
            if len(term.wordings) > _MOST_WORDINGS:
                raise ValueError(f"{term.name}: at most {_MOST_WORDINGS} wordings of one thing")
        return (*terms, *(term.negated() for term in unwanted))


class MomentParams(Params):
    """Parameters of a moment: a month, and a local hour or one instant; unknown without."""

    month: int | None = Field(None, ge=1, le=12, description="Any month without it.", examples=[5])
    hour: float | None = Field(
        None, ge=0.0, lt=24.0, description="Local solar time in every cell.", examples=[5.5]
    )
    utc: float | None = Field(
        None, ge=0.0, lt=24.0, description="One instant instead: every cell has its own hour."
    )

    @model_validator(mode="after")
    def _is_one_moment(self) -> Self:
        _ = self.moment
        return self

    @property
    def moment(self) -> Moment:
        """When."""
        try:
            return Moment(month=self.month, hour=self.hour, utc=self.utc)
        except InvalidContext as problem:
            raise ValueError(str(problem)) from None


class RangeParams(TermsParams):
    """The terms of a question, and what their colours go by."""

    scale: Literal["sound", "own"] = Field(
        "sound",
        description="`sound`: from 0 to a value that belongs to the sound; `own`, and wherever the "
        "model carries no places to tell that by: between the ends of what the store holds.",
    )


class QuestionParams(MomentParams, TermsParams):
    """The terms of a question, and when."""


class ColourParams(Params):
    """Palette, and the values of its ends."""

    colours: ColoursId | None = Field(None, description="See /colours.")
    min: float | None = Field(
        None, ge=-1e6, le=1e6, description="Value of the first colour; see /range."
    )
    max: float | None = Field(None, ge=-1e6, le=1e6, description="Value of the last colour.")

    @model_validator(mode="after")
    def _is_range(self) -> Self:
        if self.min is not None and self.max is not None and not self.min < self.max:
            raise ValueError("min: must be below max")
        return self


class TileParams(QuestionParams, ColourParams):
    """A question, and how its tiles are coloured."""

    colours: ColoursId | Literal["none"] | None = Field(  # type: ignore[assignment]  # one more
        None, description="See /colours; `none` for the levels themselves, in grey."
    )


class LegendParams(ColourParams):
    """A legend."""

    layer: Layer = LAYERS[0].short_name


class PlaceParams(Params):
    """A place."""

    lat: float = Field(ge=-90.0, le=90.0, description="Degrees north.", examples=[48.2])
    lon: float = Field(ge=-180.0, le=180.0, description="Degrees east.", examples=[16.4])


class PlaceQuestionParams(QuestionParams, PlaceParams):
    """A question about one place."""


class PlaceMomentParams(MomentParams, PlaceParams):
    """A place and when, without a question."""


class BestPlacesParams(QuestionParams):
    """A question for the best places."""

    count: int = Field(10, ge=1, le=100, description="How many, at most.")
    apart_km: float = Field(300.0, ge=0.0, le=20000.0, description="No two nearer than this.")


class ListenParams(PlaceParams):
    """Parameters of listening to the simulated Earth: a place and a moment."""

    month: int = Field(7, ge=1, le=12)
    hour: float = Field(12.0, ge=0.0, lt=24.0, description="Local solar time.")
    seconds: float = Field(8.0, ge=5.0, le=10.0)
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another stay at the same place.")


class SuggestionsParams(Params):
    """The beginning of a word."""

    prefix: str = Field("", max_length=100, examples=["ch"])
