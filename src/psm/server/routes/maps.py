"""Answers: a map in numbers, at a place, through time, and its best places."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from psm.mapping.moment import Moment
from psm.mapping.search import spread_out
from psm.server.asking import weighted_range
from psm.server.nearby import name_of
from psm.server.problems import documented
from psm.server.questions import (
    FramesQuestion,
    PlaceQuestion,
    PlacesQuestion,
    Question,
    Terms,
)
from psm.server.routes.common import (
    StateOf,
    StoreId,
    caching,
    moment_model,
    number,
    rounded,
)
from psm.server.schemas import (
    AnswerModel,
    CellModel,
    FoundModel,
    FrameModel,
    FramesModel,
    ProfileModel,
    RangesModel,
    SoundModel,
    ValueModel,
)

router = APIRouter(
    prefix="/stores/{store}", tags=["answers"], responses=documented(401, 404, 422, 429, 503)
)


@router.get("/answer")
async def answer(
    state: StateOf, store: StoreId, question: Annotated[Question, Query()], response: Response
) -> AnswerModel:
    """The map of a question in numbers, and its tiles are ready after that."""
    served = state.store(store)
    asked = state.asked(question)
    made = await state.answer(served, question)
    etag = state.etag(served, asked.key, question.moment)

    def summary() -> tuple[RangesModel, float | None]:
        probability = made.values[0]
        known = np.isfinite(probability)
        mean = np.average(probability[known], weights=served.area[known]) if known.any() else np.nan
        ranges = [weighted_range(made.values[row], served.area) for row in (0, 1)]
        return _ranges(*ranges), number(mean)

    ranges, mean = await run_in_threadpool(summary)
    response.headers.update(caching(etag, question, state))
    return AnswerModel(
        label=asked.query.label,
        moment=moment_model(question.moment),
        range=ranges,
        mean=mean,
        calibration="none" if state.calibration is None else state.calibration.summary,
        etag=etag,
        seconds=round(made.seconds, 4),
    )


@router.get("/range")
async def stable_range(
    state: StateOf, store: StoreId, terms: Annotated[Terms, Query()], response: Response
) -> RangesModel:
    """Ends of colours that stay as time moves: over 12 months and every third hour."""
    served = state.store(store)
    probability, uncertainty = await state.ranges(served, terms)
    etag = state.etag(served, "range", state.asked(terms).key)
    response.headers.update(caching(etag, terms, state))
    return _ranges(probability, uncertainty)


@router.get("/value")
async def value(
    state: StateOf, store: StoreId, question: Annotated[PlaceQuestion, Query()]
) -> ValueModel:
    """The map at a place."""
    served = state.store(store)
    made = await state.answer(served, question)
    at = served.finder.at(lat=question.lat, lon=question.lon)
    if at < 0:
        return ValueModel(
            lat=question.lat, lon=question.lon, cell=None, probability=None, uncertainty=None,
            csd=None,
        )  # fmt: skip
    cells = served.store.cells
    probability, uncertainty, csd = (number(v) for v in made.values[:, at])
    return ValueModel(
        lat=question.lat,
        lon=question.lon,
        cell=CellModel(lat=float(cells.lat[at]), lon=float(cells.lon[at])),
        probability=probability,
        uncertainty=uncertainty,
        csd=csd,
    )


@router.get("/profile")
async def profile(
    state: StateOf, store: StoreId, question: Annotated[PlaceQuestion, Query()]
) -> ProfileModel:
    """A place through the year and the day, and what else is heard there."""
    served, asked = state.store(store), state.asked(question)
    place = await run_in_threadpool(name_of, lat=question.lat, lon=question.lon)
    at = served.finder.at(lat=question.lat, lon=question.lon)
    where = {"lat": question.lat, "lon": question.lon, "place": place, "label": asked.query.label}
    if at < 0:
        return ProfileModel(**where, land=False, probability=None, uncertainty=None, top=[])  # type: ignore[arg-type]
    times, top = await state.profile(served, at, question, _local(question))
    return ProfileModel(
        **where,  # type: ignore[arg-type]
        land=True,
        probability=rounded(times[0]),
        uncertainty=rounded(times[1]),
        top=[SoundModel(**sound) for sound in top],  # type: ignore[arg-type]
    )


@router.get("/places")
async def best_places(
    state: StateOf, store: StoreId, question: Annotated[PlacesQuestion, Query()]
) -> list[FoundModel]:
    """The places where it is likeliest, no two of them too near."""
    served = state.store(store)
    made = await state.answer(served, question)
    cells = served.store.cells

    def search() -> list[FoundModel]:
        kept = spread_out(
            made.values[0], lat=cells.lat, lon=cells.lon, count=question.count,
            apart_km=question.apart_km,
        )  # fmt: skip
        return [
            FoundModel(
                lat=round(float(cells.lat[at]), 5),
                lon=round(float(cells.lon[at]), 5),
                probability=round(float(made.values[0, at]), 5),
                uncertainty=round(float(made.values[1, at]), 5),
                name=name_of(lat=float(cells.lat[at]), lon=float(cells.lon[at])),
            )
            for at in kept
        ]

    return await run_in_threadpool(search)


@router.get("/frames")
async def frames(
    request: Request, state: StateOf, store: StoreId, question: Annotated[FramesQuestion, Query()]
) -> FramesModel:
    """The tiles of an animation over the hours of a day or the months of a year."""
    served = state.store(store)
    probability, uncertainty = await state.ranges(served, question)
    low, high = probability if question.layer == "probability" else uncertainty
    if question.over == "hours":
        hours = [float(hour) for hour in range(24)]
        is_utc = question.utc is not None
        moments = [
            Moment(month=question.month, utc=h if is_utc else None, hour=None if is_utc else h)
            for h in hours
        ]
    else:
        months = range(1, 13)
        moments = [Moment(month=m, hour=question.hour, utc=question.utc) for m in months]
    words = [
        (name, text) for name in ("text", "without", "audio") for text in getattr(question, name)
    ]
    look: list[tuple[str, str]] = [("colours", question.colours)] if question.colours else []
    look += [("min", f"{low:.6g}"), ("max", f"{high:.6g}")]
    here = request.url_for("tile", store=store, layer=question.layer, z=0, x=0, y=0, form="png")
    path = here.path.removesuffix("/0/0/0.png")

    def address(moment: Moment) -> str:
        times = [("month", moment.month), ("hour", moment.hour), ("utc", moment.utc)]
        asked = [(name, f"{value:g}") for name, value in times if value is not None]
        return f"{path}/{{z}}/{{x}}/{{y}}.png?{urlencode([*words, *asked, *look])}"

    return FramesModel(
        frames=[
            FrameModel(**moment_model(moment).model_dump(), tiles=address(moment))
            for moment in moments
        ],
        range=_ranges(probability, uncertainty),
    )


def _ranges(probability: tuple[float, float], uncertainty: tuple[float, float]) -> RangesModel:
    return RangesModel(probability=list(probability), uncertainty=list(uncertainty))


def _local(question: PlaceQuestion) -> Moment:
    """The moment as a local hour, so that what is remembered serves many questions."""
    hour = float(question.moment.local_hours(np.array([question.lon]))[0])
    return Moment(month=question.month, hour=None if np.isnan(hour) else round(hour, 2) % 24.0)
