"""Route of the truth beside a map, which only the simulated Earth has."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response

from psm.earth.worlds import world_named
from psm.mapping.timetable.storedcoefficients import drawn_rows
from psm.mapping.truth import agreement, phrase_of, true_map
from psm.server.problems import documented
from psm.server.questions import QuestionParams
from psm.server.routes.common import AnswerRoute, StateOf, StoreId, caching, moment_model, number
from psm.server.schemas import AgreementModel, TruthModel

_STEPS = 65535

router = APIRouter(
    prefix="/stores/{store}",
    route_class=AnswerRoute,
    tags=["answers"],
    responses=documented(401, 404, 422, 429, 503),
)


@router.get("/truth")
async def truth(
    state: StateOf, store: StoreId, question: Annotated[QuestionParams, Query()], response: Response
) -> TruthModel:
    """The true probabilities of one sound of the simulated Earth, and how far the map agrees.

    A model that learnt elsewhere, and a question that is no single sound, have none: 422.
    """
    served, asked = state.store(store), state.answers.resolve(question)
    made = await state.answers.map_of(served, question)

    def compare() -> TruthModel:
        found = state.answers.soundscape(served, asked, question.moment, made, None)
        true = true_map(found)
        rows = drawn_rows(served.store, served.store.zooms[0])
        cells = served.store.cells
        values = true.values()[cells.rows[rows], cells.columns[rows]]
        levels = np.round(_STEPS * np.nan_to_num(values.astype(float))).astype("<u2")
        figures = {name: number(value) for name, value in asdict(agreement(found, true)).items()}
        return TruthModel(
            sound=phrase_of(asked.query, world_named(found.provenance.world)) or "",
            moment=moment_model(question.moment),
            values=base64.b64encode(levels.tobytes()).decode(),
            agreement=AgreementModel.model_validate(figures),
        )

    answer = await state.files.run(compare)
    etag = state.etag(served, "truth", asked.key, question.moment)
    response.headers.update(caching(etag, question, state))
    return answer
