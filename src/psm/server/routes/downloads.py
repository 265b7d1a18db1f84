"""Routes of downloads: the map as GeoTIFF and as a figure."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from psm.server.problems import documented
from psm.server.questions import QuestionParams
from psm.server.routes.common import StateOf, StoreId, caching, unchanged
from psm.server.state import ServerState

router = APIRouter(prefix="/stores/{store}", tags=["downloads"])

_MEDIA = {".tif": "image/tiff", ".png": "image/png"}
_ERRORS = documented(401, 404, 422, 429, 503)


def _content(media: str) -> dict[str, object]:
    return {"content": {media: {"schema": {"type": "string", "format": "binary"}}}}


@router.get(
    "/map.tif",
    response_class=Response,
    responses={200: _content("image/tiff"), 304: {"description": "As it was."}, **_ERRORS},
)
async def geotiff(
    request: Request, state: StateOf, store: StoreId, question: Annotated[QuestionParams, Query()]
) -> Response:
    """A cloud-optimised GeoTIFF: probability and uncertainty, georeferenced."""
    return await _file(request, state, store, question, ".tif")


@router.get(
    "/map.png",
    response_class=Response,
    responses={200: _content("image/png"), 304: {"description": "As it was."}, **_ERRORS},
)
async def figure(
    request: Request, state: StateOf, store: StoreId, question: Annotated[QuestionParams, Query()]
) -> Response:
    """A figure with legend and attribution."""
    return await _file(request, state, store, question, ".png")


async def _file(
    request: Request, state: ServerState, store: str, question: QuestionParams, suffix: str
) -> Response:
    served, asked = state.store(store), state.answers.resolve(question)
    headers = caching(
        state.etag(served, suffix, asked.key, question.moment), question, state
    )  # fmt: skip
    known = unchanged(request, headers)
    if known is not None:
        return known
    made = await state.answers.map_of(served, question)

    def write() -> bytes:
        soundscape = state.answers.soundscape(served, asked, question.moment, made)
        with tempfile.TemporaryDirectory(prefix="psm-") as folder:
            return soundscape.write(Path(folder) / f"map{suffix}").read_bytes()

    content = await state.files.run(write)
    kept = "".join(c if c.isalnum() else "-" for c in asked.query.slug)[:60].strip("-")
    plain = kept.encode("ascii", "ignore").decode() or "map"
    headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(kept or 'map')}{suffix}"
    )
    return Response(content, headers=headers, media_type=_MEDIA[suffix])
