"""Routes of plans: where another recorder would teach most, within what the map shows."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from numpy.typing import NDArray

from psm.errors import ConfigError
from psm.planning import Plan, plan_sites, write_plan
from psm.planning.plan import looks_of
from psm.server.planning.jobs import PlanJob
from psm.server.planning.schemas import PlanModel, PlanParams, SiteModel
from psm.server.problems import Problem, documented
from psm.server.quantities.kinds import ServedMeasure, means_refusal
from psm.server.questions import QuestionParams
from psm.server.routes.common import AnswerRoute, StateOf, StoreId, attachment
from psm.server.served import ServedStore
from psm.server.state import ServerState

router = APIRouter(
    prefix="/stores/{store}",
    route_class=AnswerRoute,
    tags=["plans"],
    responses=documented(401, 404, 422, 429, 503),
)

MOST_CELLS = 200_000
_PATIENCE_S, _FILE_PATIENCE_S = 1.5, 40.0
_MEDIA = {".csv": "text/csv", ".gpx": "application/gpx+xml", ".geojson": "application/geo+json"}


@router.get("/plan", responses={202: {"description": "Not done yet.", "model": PlanModel}})
async def plan(
    state: StateOf, store: StoreId, wanted: Annotated[PlanParams, Query()], response: Response
) -> PlanModel:
    """Sites in the order of what they add; 202 with progress until the plan is done.

    Other answers go on meanwhile. Ask for the same address again; the work is done once.
    """
    job, target, cells = await _begun(state, store, wanted)
    found = await _result(job, _PATIENCE_S)
    if found is None:
        response.status_code = 202
    response.headers["Cache-Control"] = "no-store"
    return PlanModel(
        is_done=found is not None,
        progress=round(job.progress, 3),
        seconds_left=None if job.seconds_left is None else round(job.seconds_left, 1),
        target=target,
        cells=cells,
        known=None if found is None else round(found.known, 6),
        left=None if found is None else round(found.sites[-1].left, 6),
        sites=[] if found is None else [SiteModel.model_validate(row) for row in found.rows],
    )


@router.get(
    "/plan.{form}",
    response_class=Response,
    responses={200: {
        "content": {media: {"schema": {"type": "string"}} for media in _MEDIA.values()},
        "description": "Sites as a table, as waypoints for a navigator, or as points.",
    }},
)  # fmt: skip
async def plan_file(
    state: StateOf,
    store: StoreId,
    form: Literal["csv", "gpx", "geojson"],
    wanted: Annotated[PlanParams, Query()],
) -> Response:
    """The same as a file."""
    job, _, _ = await _begun(state, store, wanted)
    found = await _result(job, _FILE_PATIENCE_S)
    if found is None:
        raise Problem(
            503, "The plan is not done yet; ask again after the time in Retry-After.", kind="busy",
            retry_after_s=job.seconds_left or 10.0,
        )  # fmt: skip

    def write() -> bytes:
        with tempfile.TemporaryDirectory(prefix="psm-") as folder:
            return write_plan(found, FilePath(folder) / f"plan.{form}").read_bytes()

    content = await state.files.run(write)
    headers = {"Content-Disposition": attachment(f"plan {store}", f".{form}")}
    return Response(content, headers=headers, media_type=_MEDIA[f".{form}"])


async def _begun(state: ServerState, store: str, wanted: PlanParams) -> tuple[PlanJob, str, int]:
    """The job of a plan, what it is for, and among how many cells."""
    served = state.store(store)
    refusal = means_refusal(state.model, served)
    if refusal is not None:
        raise Problem(422, f"{served.name}: {refusal}", kind="no-plan")
    rows = _rows(served, wanted)
    measure, weight, target = None, None, "any sound"
    if wanted.quantity is not None:
        quantity = state.quantities.quantity(wanted.quantity, served)
        target = quantity.name
        if isinstance(quantity, ServedMeasure):
            measure = quantity.measure
        else:
            made = await state.quantities.map_of(served, quantity, wanted.moment)
            weight = np.nan_to_num(made.layer("width"))[rows] ** 2
    elif (terms := wanted.terms) is not None:
        asked = {**terms.model_dump(), "month": wanted.month, "hour": wanted.hour}
        question = QuestionParams(**asked, utc=wanted.utc)
        answered = await state.answers.map_of(served, question)
        weight = np.nan_to_num(answered.layer("uncertainty"))[rows] ** 2
        target = state.answers.resolve(terms).query.label
    if weight is not None and not weight.any():
        raise Problem(422, "The map is equally certain everywhere there.", kind="no-plan")
    model, places = state.model, served.places
    part = places if len(rows) == len(places.cells) else places.part(rows)
    about = {
        "region": served.name, "for": target, "model": model.config.name,
        "statement": model.provenance.statement,
    }  # fmt: skip
    key = (served.id, served.version, wanted.model_dump_json(exclude={"key"}))
    job = state.plans.job(
        key, part, looks_of(wanted.survey),
        lambda seen: plan_sites(
            model, seen, sites=wanted.recorders, months=wanted.survey, measure=measure,
            weight=weight, apart_km=wanted.min_distance_km, objective=wanted.objective,
            about=about,
        ),
    )  # fmt: skip
    return job, target, len(rows)


def _rows(store: ServedStore, wanted: PlanParams) -> NDArray[np.int64]:
    """The cells of the extent that is asked for; east of 180 degrees an extent goes on.

    Raises:
        Problem: 422, there are none, or too many.
    """
    cells, box = store.store.cells, wanted.box
    inside = np.ones(len(cells), bool)
    if box is not None:
        west, south, east, north = box
        width = min(east - west, 360.0) if east >= west else east - west + 360.0
        inside = (cells.lat >= south) & (cells.lat <= north)
        inside &= np.mod(cells.lon - west, 360.0) <= width
    rows = np.flatnonzero(inside)
    if not len(rows):
        raise Problem(422, "No cell of this map lies there: show another part.", kind="no-plan")
    if len(rows) > MOST_CELLS:
        raise Problem(
            422, f"A plan is made among at most {MOST_CELLS:,} cells, and {len(rows):,} lie there: "
            "show a smaller part, or use psm plan.", kind="no-plan",
        )  # fmt: skip
    return rows


async def _result(job: PlanJob, patience_s: float) -> Plan | None:
    """The plan, or ``None`` if it is not done soon.

    Raises:
        Problem: 422, it cannot be made.
    """
    waited = asyncio.shield(asyncio.wrap_future(job.future))
    try:
        return await asyncio.wait_for(waited, patience_s)
    except TimeoutError:
        return None
    except ConfigError as problem:
        words = str(problem)
        if "there is room for" in words:
            words = f"{words.partition(':')[0]}: ask for fewer, nearer ones, or a larger part"
        raise Problem(422, words, kind="no-plan") from None
