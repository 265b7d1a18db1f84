"""Route of captions: what is said of a place."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from psm.server.problems import documented
from psm.server.questions import PlaceMomentParams
from psm.server.routes.common import AnswerRoute, StateOf, StoreId, number

router = APIRouter(
    route_class=AnswerRoute,
    prefix="/stores/{store}",
    tags=["answers"],
    responses=documented(401, 404, 422, 429, 503),
)


class CaptionsParams(PlaceMomentParams):
    """A place and when, and how many captions."""

    count: int = Field(3, ge=1, le=50, description="How many, at most.")


class CaptionModel(BaseModel):
    """A caption, and how well it matches."""

    text: str = Field(examples=["birds singing in the morning"])
    probability: float
    uncertainty: float | None = Field(description="Null where the model cannot tell.")
    is_familiar: bool = Field(description="False: unlike what the model learnt, and held low.")


class CaptionsModel(BaseModel):
    """Captions of a place, the best first; none where there is no cell."""

    lat: float
    lon: float
    land: bool
    origin: str | None = Field(
        description="Name of the file that they come from, or what the model keeps; null where the "
        "server has no captions: give it some with psm serve --captions."
    )
    captions: list[CaptionModel]


@router.get("/captions")
async def best_captions(
    state: StateOf, store: StoreId, params: Annotated[CaptionsParams, Query()]
) -> CaptionsModel:
    """The captions that match a place at a moment best.

    Those of the file that the server was given, else phrases that the model's training captions
    hold. The first request reads them all, which may take seconds.
    """
    served = state.store(store)
    at = served.finder.at(lat=params.lat, lon=params.lon)
    found = await state.captions.best(served, at, params.moment, params.count) if at >= 0 else []
    captions = [
        CaptionModel(
            text=one.caption,
            probability=round(one.probability, 5),
            uncertainty=number(one.uncertainty),
            is_familiar=one.is_familiar,
        )
        for one in found
    ]
    origin = state.captions.origin
    return CaptionsModel(
        lat=params.lat, lon=params.lon, land=at >= 0, captions=captions,
        origin=None if origin is None else origin.rpartition("/")[2],
    )  # fmt: skip
