"""Routes of answers: a map in numbers, at a place, through time, and its best places."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from psm.cartography.style import ends_of
from psm.earth.worlds import world_named
from psm.geodata import gazetteer
from psm.mapping.bands import BANDS
from psm.mapping.scale import WORDS
from psm.mapping.search import spread_out
from psm.mapping.truth import phrase_of
from psm.server.problems import documented
from psm.server.questions import (
    LAYERS,
    BestPlacesParams,
    PlaceMomentParams,
    PlaceQuestionParams,
    QuestionParams,
    RangeParams,
)
from psm.server.routes.common import (
    AnswerRoute,
    StateOf,
    StoreId,
    caching,
    familiarity_model,
    local_moment,
    moment_model,
    number,
    rounded,
    sound_models,
)
from psm.server.schemas import (
    AnswerModel,
    CellModel,
    FoundModel,
    ProfileModel,
    ProvenanceModel,
    RangesModel,
    ScaleModel,
    SoundsModel,
    ValueModel,
    WordModel,
)

router = APIRouter(
    route_class=AnswerRoute,
    prefix="/stores/{store}",
    tags=["answers"],
    responses=documented(401, 404, 422, 429, 503),
)


@router.get("/answer")
async def answer(
    state: StateOf, store: StoreId, question: Annotated[QuestionParams, Query()], response: Response
) -> AnswerModel:
    """The map of a question in numbers, and its tiles are ready after that."""
    served = state.store(store)
    asked = state.answers.resolve(question)
    made = await state.answers.map_of(served, question)
    numbers = await state.answers.numbers(served, question)
    etag = state.etag(served, asked.key, question.moment)

    def summary() -> tuple[RangesModel, float | None]:
        probability = made.values[0]
        known = np.isfinite(probability)
        mean = np.average(probability[known], weights=served.area[known]) if known.any() else np.nan
        ends = {
            band.short_name: ends_of(made.layer(band.short_name), served.area) for band in LAYERS
        }
        return RangesModel.model_validate(ends), number(mean)

    ranges, mean = await run_in_threadpool(summary)
    response.headers.update(caching(etag, question, state))
    return AnswerModel(
        label=asked.query.label,
        moment=moment_model(question.moment),
        range=ranges,
        mean=mean,
        calibration="none" if state.calibration is None else state.calibration.summary,
        provenance=ProvenanceModel(**state.model.provenance.summary),
        familiarity=familiarity_model(made.familiarity),
        true_sound=phrase_of(asked.query, world_named(state.model.provenance.world))
        if state.model.provenance.is_simulated
        else None,
        etag=etag,
        seconds=round(made.seconds, 4),
        numbers=numbers,
    )


@router.get("/range")
async def stable_range(
    state: StateOf, store: StoreId, terms: Annotated[RangeParams, Query()], response: Response
) -> ScaleModel:
    """Ends of colours that stay as time moves.

    Those of the sound, or the ends of what the store holds over 12 months and every third hour.
    """
    served = state.store(store)
    scale = await state.answers.scale(terms) if terms.scale == "sound" else None
    if scale is None:
        ends = await state.answers.ranges(served, terms)
    else:
        ends = {band.short_name: scale.ends(band) or (0.0, 1.0) for band in LAYERS}
    base_rate = None if scale is None else scale.base_rate
    etag = state.etag(served, "range", terms.scale, state.answers.resolve(terms).key)
    response.headers.update(caching(etag, terms, state))
    return ScaleModel(
        **ends,
        words=[] if scale is None else [WordModel(least=p, word=word) for p, word in WORDS],
        base_rate=None if base_rate is None else number(base_rate),
        is_rare=scale is not None and scale.is_rare,
    )


@router.get("/value")
async def value(
    state: StateOf, store: StoreId, question: Annotated[PlaceQuestionParams, Query()]
) -> ValueModel:
    """The map at a place."""
    served = state.store(store)
    made = await state.answers.map_of(served, question)
    at = served.finder.at(lat=question.lat, lon=question.lon)
    cells = served.store.cells
    cell = CellModel(lat=float(cells.lat[at]), lon=float(cells.lon[at])) if at >= 0 else None
    found = {
        band.short_name: number(made.layer(band.short_name)[at]) if at >= 0 else None
        for band in BANDS
    }
    return ValueModel.model_validate(
        {"lat": question.lat, "lon": question.lon, "cell": cell, **found}
    )


@router.get("/profile")
async def profile(
    state: StateOf, store: StoreId, question: Annotated[PlaceQuestionParams, Query()]
) -> ProfileModel:
    """A place through the year and the day, and what else is heard there."""
    served, asked = state.store(store), state.answers.resolve(question)
    place = await run_in_threadpool(gazetteer.near, lat=question.lat, lon=question.lon)
    at = served.finder.at(lat=question.lat, lon=question.lon)
    about = {
        "lat": question.lat, "lon": question.lon, "place": place, "label": asked.query.label,
        "land": at >= 0,
        "familiarity": familiarity_model(await state.answers.familiarity(question)),
    }  # fmt: skip
    if at < 0:
        nothing = dict.fromkeys((band.short_name for band in LAYERS), None)
        return ProfileModel.model_validate({**about, **nothing, "top": []})
    times = await state.answers.profile(served, at, question)
    top = await state.answers.likeliest(served, at, local_moment(question.moment, question.lon))
    tables = {
        band.short_name: rounded(times[band.name][0])
        if np.isfinite(times[band.name][0]).all()
        else None
        for band in LAYERS
    }
    return ProfileModel.model_validate({**about, **tables, "top": sound_models(top)})


@router.get("/sounds")
async def likeliest_sounds(
    state: StateOf, store: StoreId, params: Annotated[PlaceMomentParams, Query()]
) -> SoundsModel:
    """The sounds of the vocabulary that are likeliest at a place, whatever else is asked."""
    served = state.store(store)
    name = await run_in_threadpool(gazetteer.near, lat=params.lat, lon=params.lon)
    at = served.finder.at(lat=params.lat, lon=params.lon)
    top = (
        await state.answers.likeliest(served, at, local_moment(params.moment, params.lon))
        if at >= 0
        else []
    )
    return SoundsModel(
        lat=params.lat, lon=params.lon, place=name, land=at >= 0, top=sound_models(top)
    )


@router.get("/places")
async def best_places(
    state: StateOf, store: StoreId, question: Annotated[BestPlacesParams, Query()]
) -> list[FoundModel]:
    """The places where it is likeliest, no two of them too near."""
    served = state.store(store)
    made = await state.answers.map_of(served, question)
    cells = served.store.cells

    def search() -> list[FoundModel]:
        kept = spread_out(
            made.values[0], lat=cells.lat, lon=cells.lon, count=question.count,
            apart_km=question.apart_km,
        )  # fmt: skip
        return [
            FoundModel.model_validate(
                {
                    "lat": round(float(cells.lat[at]), 5),
                    "lon": round(float(cells.lon[at]), 5),
                    **{band.short_name: number(made.layer(band.short_name)[at]) for band in LAYERS},
                    "name": gazetteer.near(lat=float(cells.lat[at]), lon=float(cells.lon[at])),
                }
            )
            for at in kept
        ]

    return await run_in_threadpool(search)
