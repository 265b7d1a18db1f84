"""Routes of what there is: stores, models, palettes, suggestions, the base map of the page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from psm.mapping.bands import UNCERTAINTY
from psm.server import basemap
from psm.server.problems import documented
from psm.server.questions import LAYERS, Params, SuggestionsParams
from psm.server.rendering import all_colours, usual_colours
from psm.server.routes.common import AnswerRoute, StateOf
from psm.server.schemas import (
    BaseMapModel,
    ColoursModel,
    LayerModel,
    ModelModel,
    ProvenanceModel,
    StoreModel,
)
from psm.server.settings import BLUE_MARBLE

router = APIRouter(
    tags=["what there is"], responses=documented(401, 422, 429), route_class=AnswerRoute
)

NoParams = Annotated[Params, Query()]


@router.get("/stores")
async def list_stores(state: StateOf, _: NoParams) -> list[StoreModel]:
    """The stores that can be asked."""
    return await run_in_threadpool(_stores, state)


def _stores(state: StateOf) -> list[StoreModel]:
    return [
        StoreModel(
            id=store.id,
            name=store.name,
            model=store.model_name,
            cells=len(store.store),
            bounds=list(store.bounds),
            is_globe=store.store.frame.is_globe,
            crs=store.store.frame.crs,
            spacing_m=store.spacing_m,
            spacing_deg=store.spacing_deg,
            zooms=list(store.store.zooms),
            attribution=store.store.attribution,
            licence=store.store.licence,
            month=store.store.month,
            is_interactive=store.is_interactive,
            is_preparing=store.is_preparing,
            has_scale=state.calibration is not None and state.calibration.places is not None,
            is_calibrated=state.calibration is not None,
            coefficients=store.coefficients.id if store.coefficients else None,
            is_simulated=state.model.provenance.is_simulated,
        )
        for store in state.stores.values()
    ]


@router.get("/models")
async def list_models(state: StateOf, _: NoParams) -> list[ModelModel]:
    """The model that answers."""
    model = state.model
    return [
        ModelModel(
            id=model.config.name,
            name=model.config.name,
            dim=model.config.dim,
            parameters=sum(each.numel() for each in model.parameters()),
            precision=model.precision,
            calibration="none" if state.calibration is None else state.calibration.summary,
            provenance=ProvenanceModel(**state.model.provenance.summary),
            data=list(state.model.provenance.trained_on),
            limits=" ".join(state.model.provenance.limits.split()),
            known_faults=list(state.model.provenance.known_faults),
        )
    ]


@router.get("/colours")
async def list_colours(_: NoParams) -> list[ColoursModel]:
    """The palettes of tiles."""
    return [
        ColoursModel(id=c.id, name=c.name, css=c.css, hex=c.hex) for c in all_colours().values()
    ]


@router.get("/layers")
async def list_layers(state: StateOf, _: NoParams) -> list[LayerModel]:
    """What tiles show: the bands of a map, the first is what the map is of.

    No uncertainty where it is not known: of a model that gives points, without second opinions.
    """
    return [
        LayerModel(
            id=band.short_name, name=band.long_name, description=band.description,
            colours=usual_colours(band),
        )
        for band in LAYERS
        if band != UNCERTAINTY or state.model.knows_uncertainty
    ]  # fmt: skip


@router.get("/suggestions")
async def suggest(state: StateOf, params: Annotated[SuggestionsParams, Query()]) -> list[str]:
    """Sounds that begin so, at most 8."""
    return state.vocabulary.suggest(params.prefix)


@router.get("/base")
async def base_map(state: StateOf, _: NoParams) -> BaseMapModel:
    """Where the page takes its base map from; this server fetches nothing."""
    base = state.settings.base
    if base == BLUE_MARBLE:
        tiles = "/base/{z}/{x}/{y}.webp"
        return BaseMapModel(tiles=tiles, attribution=basemap.ATTRIBUTION, max_zoom=basemap.DEEPEST)
    attribution = state.settings.base_attribution
    return BaseMapModel(
        tiles=None if base == "none" else base, attribution=attribution, max_zoom=19
    )
