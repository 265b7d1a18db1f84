"""Routes of files: map tiles and legend, and the whole map as GeoTIFF and as a figure."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from psm.cartography.style import ends_of
from psm.server import rendering
from psm.server.problems import Problem, documented
from psm.server.questions import LAYERS, Layer, LegendParams, QuestionParams, TileParams
from psm.server.rendering import MEDIA_TYPES, Format, palette
from psm.server.routes.common import (
    AnswerRoute,
    StateOf,
    StoreId,
    attachment,
    caching,
    unchanged,
)
from psm.server.served import ServedStore
from psm.server.state import ServerState
from psm.server.tiling import DEEPEST, TileIndex

router = APIRouter(prefix="/stores/{store}", route_class=AnswerRoute)

FILES = {".tif": "image/tiff", ".png": "image/png"}
_ERRORS = documented(401, 404, 422, 429, 503)
_PICTURE = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
TILE = {**_PICTURE, "image/webp": {"schema": {"type": "string", "format": "binary"}}}
_LOOKS = 3  # raised when the same values come to look otherwise

_BANDS = {band.short_name: band for band in LAYERS}

Number = Annotated[int, Path(ge=0)]


def content_of(media: str) -> dict[str, object]:
    """A file as the result of a route, for OpenAPI."""
    return {"content": {media: {"schema": {"type": "string", "format": "binary"}}}}


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.{form}",
    name="tile",
    tags=["pictures"],
    response_class=Response,
    responses={
        200: {"content": TILE, "description": "256 x 256 pixels, transparent without cells."},
        304: {"description": "As it was."},
        **documented(401, 404, 422, 429, 503),
    },
)
async def tile(
    request: Request,
    state: StateOf,
    store: StoreId,
    layer: Layer,
    z: Annotated[int, Path(ge=0, le=DEEPEST)],
    x: Number,
    y: Number,
    form: Format,
    question: Annotated[TileParams, Query()],
) -> Response:
    """A tile of a map, as web maps number them.

    With `colours=none` it is a greyscale picture of levels: 0 where there is no cell, else 1 at
    `min` to 255 at `max`, so that the value is `min + (level - 1) / 254 * (max - min)`.
    """
    if max(x, y) >= 2**z:
        raise Problem(422, f"x and y: tiles of zoom {z} go from 0 to {2**z - 1}", kind="invalid")
    served, asked = state.store(store), state.answers.resolve(question)
    colours = None if question.colours == "none" else palette(question.colours, _BANDS[layer])
    etag = state.etag(
        served, _LOOKS, asked.key, question.moment, layer, z, x, y, form,
        "none" if colours is None else colours.id, question.min, question.max,
    )  # fmt: skip
    headers = caching(etag, question, state)
    known = unchanged(request, headers)
    if known is not None:
        return known
    drawn = state.pictures.get(etag)
    if drawn is not None:
        return Response(drawn, headers=headers, media_type=MEDIA_TYPES[form])
    made = await state.answers.map_of(served, question)
    scale = await state.answers.scale(question)

    def draw() -> bytes:
        low, high = question.min, question.max
        values = made.layer(layer)
        if low is None or high is None:
            own = None if scale is None else scale.ends(_BANDS[layer])
            found = own or ends_of(values, served.area)
            low, high = found[0] if low is None else low, found[1] if high is None else high
        levels = index_of(state, served, z, x, y).levels(values, low, high)
        return rendering.encode(levels, colours, form)

    content = await run_in_threadpool(draw)
    state.pictures.put(etag, content)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[form])


@router.get(
    "/legend.png",
    tags=["pictures"],
    response_class=Response,
    responses={200: {"content": _PICTURE}, **documented(401, 404, 422, 429)},
)
async def legend(
    state: StateOf, store: StoreId, params: Annotated[LegendParams, Query()]
) -> Response:
    """The colours of a layer as a strip."""
    state.store(store)
    low = 0.0 if params.min is None else params.min
    high = 1.0 if params.max is None else params.max
    if not low < high:
        raise Problem(422, "min: must be below max", kind="invalid")
    colours = palette(params.colours, _BANDS[params.layer])
    content = await run_in_threadpool(
        rendering.legend, colours, _BANDS[params.layer].long_name, low, high
    )
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(content, headers=headers, media_type="image/png")


@router.get(
    "/map.tif",
    tags=["downloads"],
    response_class=Response,
    responses={200: content_of("image/tiff"), 304: {"description": "As it was."}, **_ERRORS},
)
async def geotiff(
    request: Request, state: StateOf, store: StoreId, question: Annotated[QuestionParams, Query()]
) -> Response:
    """A cloud-optimised GeoTIFF: probability and uncertainty, georeferenced."""
    return await _file(request, state, store, question, ".tif")


@router.get(
    "/map.png",
    tags=["downloads"],
    response_class=Response,
    responses={200: content_of("image/png"), 304: {"description": "As it was."}, **_ERRORS},
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
    scale = await state.answers.scale(question)

    def write() -> bytes:
        soundscape = state.answers.soundscape(served, asked, question.moment, made, scale)
        with tempfile.TemporaryDirectory(prefix="psm-") as folder:
            return soundscape.write(FilePath(folder) / f"map{suffix}").read_bytes()

    content = await state.files.run(write)
    headers["Content-Disposition"] = attachment(asked.query.slug, suffix)
    return Response(content, headers=headers, media_type=FILES[suffix])


def index_of(state: ServerState, served: ServedStore, z: int, x: int, y: int) -> TileIndex:
    """The cells of a tile, remembered."""
    key = (served.id, z, x, y)
    found = state.indices.get(key)
    if found is None:
        found = served.finder.tile(z, x, y)
        state.indices.put(key, found)
    return found
