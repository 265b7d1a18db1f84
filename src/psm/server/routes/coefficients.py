"""Routes of coefficients: what a page draws every map of a small store from, fetched once."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from psm.geodata import gazetteer
from psm.mapping.timetable.storedcoefficients import StoredCoefficients, drawn_rows
from psm.server.coefficients.schemas import CoefficientsModel, NamesModel
from psm.server.problems import Problem, documented
from psm.server.questions import Params
from psm.server.routes.common import AnswerRoute, StateOf, StoreId, caching, unchanged
from psm.server.served import ServedStore
from psm.server.state import ServerState

router = APIRouter(
    prefix="/stores/{store}",
    route_class=AnswerRoute,
    tags=["coefficients"],
    responses={304: {"description": "As it was."}, **documented(401, 404, 422, 429)},
)

NoParams = Annotated[Params, Query()]
_GZIP = {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}


@router.get("/coefficients.json", response_model=CoefficientsModel)
async def header(request: Request, state: StateOf, store: StoreId, _: NoParams) -> object:
    """The header of the coefficients of a store: what stands where in `coefficients.bin`."""
    kept, headers = _kept(state, store)
    known = unchanged(request, headers)
    if known is not None:
        return known
    content = CoefficientsModel.model_validate(kept.file.header).model_dump_json()
    return Response(content, headers=headers, media_type="application/json")


@router.get(
    "/coefficients.bin",
    response_class=Response,
    responses={200: {"content": _GZIP, "description": "All arrays, as one gzip stream."}},
)
async def arrays(request: Request, state: StateOf, store: StoreId, _: NoParams) -> Response:
    """The arrays of the coefficients of a store; the format is that of `docs/coefficients.md`."""
    kept, headers = _kept(state, store)
    known = unchanged(request, headers)
    if known is not None:
        return known
    return Response(kept.file.arrays, headers=headers, media_type="application/gzip")


@router.get("/coefficients.names.json", response_model=NamesModel)
async def names(request: Request, state: StateOf, store: StoreId, _: NoParams) -> object:
    """What the cells of the coefficients of a store are called."""
    kept, headers = _kept(state, store)
    known = unchanged(request, headers)
    if known is not None:
        return known
    content = await run_in_threadpool(_names, state.store(store), kept.id)
    return Response(content, headers=headers, media_type="application/json")


@lru_cache(maxsize=16)
def _names(store: ServedStore, id_: str) -> str:
    cells = store.store.cells.part(drawn_rows(store.store, store.store.zooms[0]))
    found = gazetteer.near_each(lat=cells.lat, lon=cells.lon)
    names = list(dict.fromkeys(name for name in found if name is not None))
    numbers = {name: number for number, name in enumerate(names, start=1)}
    of_cells = np.array([numbers.get(name or "", 0) for name in found], "<u2")
    return NamesModel(
        id=id_, names=names, of_cells=base64.b64encode(of_cells.tobytes()).decode()
    ).model_dump_json()


def _kept(state: ServerState, store: str) -> tuple[StoredCoefficients, dict[str, str]]:
    served = state.store(store)
    kept = served.coefficients
    if kept is None:
        raise Problem(
            404,
            f"{store} has no coefficients: it is not prepared, too large, or no grid of degrees; "
            "take its tiles.",
            kind="no-coefficients",
        )
    return kept, caching(f'"{kept.id}"', None, state)
