"""Shared by the routes: the state, conditional answers, numbers for JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
from fastapi import Depends, Path, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from psm.familiarity import QueryFamiliarity
from psm.mapping.moment import Moment
from psm.server.questions import TermsParams
from psm.server.schemas import FamiliarityModel, MomentModel, SoundModel
from psm.server.state import ServerState

StoreId = Annotated[str, Path(max_length=80, description="Id of a store.", examples=["earth"])]

MAX_AGE_S = 300
PROVENANCE_HEADER = "PSM-Provenance"
"""Says of every answer, tiles and files too, what the model learnt from."""


def _state(request: Request) -> ServerState:
    state: ServerState = request.scope["psm_state"]
    return state


StateOf = Annotated[ServerState, Depends(_state)]


class AnswerRoute(APIRoute):
    """A route whose answers carry :data:`PROVENANCE_HEADER`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, and the header."""
        handler = super().get_route_handler()

        async def with_provenance(request: Request) -> Response:
            response = await handler(request)
            provenance = _state(request).model.provenance
            response.headers[PROVENANCE_HEADER] = provenance.ascii_tag
            return response

        return with_provenance


def caching(etag: str, terms: TermsParams | None, state: ServerState) -> dict[str, str]:
    """Headers of what may be remembered: by anybody, unless it hangs on a key or a recording."""
    is_private = state.settings.key is not None or bool(terms is not None and terms.audio)
    who = "private" if is_private else "public"
    return {"ETag": etag, "Cache-Control": f"{who}, max-age={MAX_AGE_S}"}


def attachment(slug: str, suffix: str) -> str:
    """A ``Content-Disposition`` for a file that is called by a slug, whatever letters it has."""
    kept = "".join(c if c.isalnum() else "-" for c in slug)[:60].strip("-")
    plain = kept.encode("ascii", "ignore").decode() or "map"
    return (
        f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(kept or 'map')}{suffix}"
    )


def unchanged(request: Request, headers: dict[str, str]) -> Response | None:
    """304, where the client has this very answer."""
    given = request.headers.get("if-none-match", "")
    known = [part.strip().removeprefix("W/") for part in given.split(",")]
    is_known = headers["ETag"] in known or given.strip() == "*"
    return Response(status_code=304, headers=headers) if is_known else None


def moment_model(moment: Moment) -> MomentModel:
    """A moment, with words for it."""
    return MomentModel(month=moment.month, hour=moment.hour, utc=moment.utc, label=f"{moment}")


def local_moment(moment: Moment, lon: float) -> Moment:
    """The moment as a local hour, so that what is remembered serves many questions."""
    hour = float(moment.local_hours(np.array([lon]))[0])
    return Moment(month=moment.month, hour=None if np.isnan(hour) else round(hour, 2) % 24.0)


def familiarity_model(known: QueryFamiliarity | None) -> FamiliarityModel | None:
    """How familiar a question is, where the model says."""
    return None if known is None else FamiliarityModel.model_validate(known.summary)


def sound_models(sounds: Iterable[tuple[str, float]]) -> list[SoundModel]:
    """Sounds and their probabilities."""
    return [SoundModel(text=text, probability=chance) for text, chance in sounds]


def number(value: float, digits: int = 5) -> float | None:
    """For JSON: rounded, and ``None`` where it is no number."""
    return round(float(value), digits) if math.isfinite(value) else None


def significant(value: float) -> float | None:
    """For JSON: a number of any size, with six digits, and ``None`` where it is no number."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def rounded(values: np.ndarray[Any, Any]) -> list[list[float]]:
    """A table for JSON."""
    table: list[list[float]] = values.astype(float).round(4).tolist()
    return table
