"""Parameters of a plan, and its answer as JSON."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from psm.errors import ConfigError
from psm.planning.surveying import months_of
from psm.server.questions import AudioId, MomentParams, TermsParams, Words


class PlanParams(MomentParams):
    """What is to be planned: how many recorders, where, and which map they are to improve."""

    recorders: int = Field(12, ge=1, le=60, description="How many sites to choose.")
    min_distance_km: float = Field(
        0.0, ge=0.0, le=20000.0, description="No two sites nearer than this."
    )
    months: str = Field("1-12", max_length=40, description="Of the survey: 4-7, or 3,6,9,12.")
    objective: Literal["error", "information"] = Field("error", description="See docs/plan.md.")
    quantity: str | None = Field(
        None, max_length=80, description="A measure, whose kernel and measurements count; or an "
        "indicator, of which the uncertainty counts.",
    )  # fmt: skip
    text: tuple[Words, ...] = Field(
        (), max_length=8, description="A sound: errors count where its map is least certain."
    )
    without: tuple[Words, ...] = Field((), max_length=8, description="As in a question.")
    audio: tuple[AudioId, ...] = Field((), max_length=4, description="As in a question.")
    west: float | None = Field(None, ge=-360.0, le=360.0, description="Of the part to plan in.")
    south: float | None = Field(None, ge=-90.0, le=90.0)
    east: float | None = Field(None, ge=-360.0, le=360.0)
    north: float | None = Field(None, ge=-90.0, le=90.0)

    @model_validator(mode="after")
    def _can_be_planned(self) -> Self:
        ends = (self.west, self.south, self.east, self.north)
        if any(end is None for end in ends) and any(end is not None for end in ends):
            raise ValueError("give west, south, east and north, or none of them")
        if self.quantity is not None and self.terms is not None:
            raise ValueError("quantity: give it, or a question, not both")
        _ = self.survey
        return self

    @property
    def terms(self) -> TermsParams | None:
        """The question that is to be mapped better, if there is one."""
        if not self.text and not self.audio:
            return None
        return TermsParams(key=None, text=self.text, without=self.without, audio=self.audio)

    @property
    def survey(self) -> tuple[int, ...]:
        """Months in which there is recording."""
        try:
            return months_of(self.months)
        except ConfigError as problem:
            raise ValueError(str(problem).replace("--months", "months")) from None

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """West, south, east and north, or ``None`` for the whole store."""
        ends = (self.west, self.south, self.east, self.north)
        west, south, east, north = (0.0 if end is None else end for end in ends)
        return None if self.west is None else (west, south, east, north)


class SiteModel(BaseModel):
    """A site to record at."""

    site: int = Field(description="Its number: the first adds most.")
    lat: float
    lon: float
    adds: float = Field(description="Share of today's expected squared error that it removes.")
    left: float = Field(description="Share that is left with it and all before it.")
    months: str = Field(description="In which it has a recorder.", examples=["4-7"])
    hours: str
    place: str = Field(description="The nearest town; empty far from any.")


class PlanModel(BaseModel):
    """A plan, or how far it has come: asked for again at the same address."""

    is_done: bool
    progress: float = Field(description="Share of the work that is done, 0 to 1.")
    seconds_left: float | None = Field(description="An estimate; null before there is any.")
    target: str = Field(description="What is to be mapped better.", examples=["any sound"])
    cells: int = Field(description="That sites are chosen among.")
    known: float | None = Field(
        description="Share of the error that what is measured already removes; null until done."
    )
    left: float | None = Field(description="Share of today's error that is left with all sites.")
    sites: list[SiteModel] = Field(description="Empty until the plan is done.")
