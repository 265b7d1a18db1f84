"""Routes of quantities: measures and indicators as maps, at a place, through time, as files."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from psm.cartography.style import ends_of
from psm.geodata import gazetteer
from psm.mapping.search import spread_out
from psm.server import rendering
from psm.server.problems import Problem, documented
from psm.server.quantities.answers import LAYERS, QuantityLayer, QuantityMap
from psm.server.quantities.kinds import Quantity, ServedMeasure
from psm.server.quantities.schemas import (
    QuantityAnswerModel,
    QuantityBestParams,
    QuantityFoundModel,
    QuantityId,
    QuantityModel,
    QuantityPlaceParams,
    QuantityProfileModel,
    QuantityRangeModel,
    QuantityTileParams,
    QuantityValueModel,
)
from psm.server.questions import MomentParams, Params, PlaceParams
from psm.server.rendering import MEDIA_TYPES, Format, palette
from psm.server.routes.common import (
    AnswerRoute,
    StateOf,
    StoreId,
    attachment,
    caching,
    moment_model,
    significant,
    unchanged,
)
from psm.server.routes.images import FILES, TILE, content_of, index_of
from psm.server.schemas import CellModel
from psm.server.served import ServedStore
from psm.server.state import ServerState
from psm.server.tiling import DEEPEST

router = APIRouter(
    prefix="/stores/{store}/quantities",
    route_class=AnswerRoute,
    tags=["quantities"],
    responses=documented(401, 404, 422, 429, 503),
)

_AS_BEFORE: dict[int | str, dict[str, Any]] = {304: {"description": "As it was."}}


@router.get("")
async def list_quantities(
    state: StateOf, store: StoreId, _: Annotated[Params, Query()]
) -> list[QuantityModel]:
    """The numbers that can be mapped, and which of them this store can answer."""
    served = state.store(store)
    quantities = state.quantities.quantities.values()
    return [_described(quantity, served, state) for quantity in quantities]


def _described(quantity: Quantity, store: ServedStore, state: ServerState) -> QuantityModel:
    band, about = quantity.band, None
    if isinstance(quantity, ServedMeasure):
        about = quantity.measure.about
    low, high = band.value_range
    fitted = about and about.fitted
    return QuantityModel.model_validate(
        {
            "id": quantity.id,
            "kind": quantity.kind,
            "name": quantity.name,
            "unit": band.unit,
            "description": band.description,
            "low": low if math.isfinite(low) else None,
            "high": high if math.isfinite(high) else None,
            "is_diverging": band.is_diverging,
            "method": about.method
            if about
            else "of the probabilities of all sounds that the model"
            " names; the interval from the uncertainty of each",
            "fitted_on": fitted.table if fitted else None,
            "n": fitted.rows if fitted else None,
            "places": fitted.places if fitted else None,
            "r2": about.scores.get("r2") if about else None,
            "coverage": about.scores.get("coverage") if about else None,
            "provenance": state.model.provenance.statement,
            "refusal": quantity.refusal(store),
        }
    )


@router.get("/{quantity}/answer")
async def answer(
    state: StateOf,
    store: StoreId,
    quantity: QuantityId,
    when: Annotated[MomentParams, Query()],
    response: Response,
) -> QuantityAnswerModel:
    """The map of a quantity in numbers, and its tiles are ready after that."""
    served, found = _asked(state, store, quantity)
    made = await state.quantities.map_of(served, found, when.moment)

    def summary() -> tuple[QuantityRangeModel, float | None]:
        value = made.layer("value")
        known = np.isfinite(value)
        mean = np.average(value[known], weights=served.area[known]) if known.any() else np.nan
        ends = {layer: ends_of(made.layer(layer), served.area) for layer in LAYERS}
        return QuantityRangeModel.model_validate(ends), significant(float(mean))

    ranges, mean = await run_in_threadpool(summary)
    etag = state.etag(served, found.id, found.version, when.moment)
    response.headers.update(caching(etag, None, state))
    return QuantityAnswerModel(
        label=found.name, unit=found.band.unit, moment=moment_model(when.moment), range=ranges,
        mean=mean, etag=etag, seconds=round(made.seconds, 4),
    )  # fmt: skip


@router.get("/{quantity}/range")
async def stable_range(
    state: StateOf,
    store: StoreId,
    quantity: QuantityId,
    _: Annotated[Params, Query()],
    response: Response,
) -> QuantityRangeModel:
    """Ends of colours that stay as time moves, at round numbers."""
    served, found = _asked(state, store, quantity)
    ends = await state.quantities.ends(served, found)
    etag = state.etag(served, "range", found.id, found.version)
    response.headers.update(caching(etag, None, state))
    return QuantityRangeModel.model_validate(ends)


@router.get("/{quantity}/value")
async def value(
    state: StateOf,
    store: StoreId,
    quantity: QuantityId,
    place: Annotated[QuantityPlaceParams, Query()],
) -> QuantityValueModel:
    """A quantity at a place, with the interval that holds 90 %."""
    served, found = _asked(state, store, quantity)
    made = await state.quantities.map_of(served, found, place.moment)
    at = served.finder.at(lat=place.lat, lon=place.lon)
    centre = CellModel(**served.place(at)) if at >= 0 else None
    return QuantityValueModel(
        lat=place.lat, lon=place.lon, cell=centre, unit=found.band.unit, **_interval(made, at)
    )


def _interval(made: QuantityMap, at: int) -> dict[str, float | None]:
    names = ("value", "lower", "upper")
    if at < 0:
        return dict.fromkeys(names)
    return {name: significant(float(made.values[row, at])) for row, name in enumerate(names)}


@router.get("/{quantity}/profile")
async def profile(
    state: StateOf, store: StoreId, quantity: QuantityId, place: Annotated[PlaceParams, Query()]
) -> QuantityProfileModel:
    """A place through the year and the day."""
    served, found = _asked(state, store, quantity)
    name = await run_in_threadpool(gazetteer.near, lat=place.lat, lon=place.lon)
    at = served.finder.at(lat=place.lat, lon=place.lon)
    tables: list[list[list[float]] | None] = [None, None, None]
    if at >= 0:
        times = await state.quantities.through_time(served, found, at)
        if np.isfinite(times).all():
            tables = [[[float(f"{x:.6g}") for x in row] for row in part] for part in times]
    return QuantityProfileModel(
        lat=place.lat, lon=place.lon, place=name, label=found.name, unit=found.band.unit,
        land=at >= 0, value=tables[0], lower=tables[1], upper=tables[2],
    )  # fmt: skip


@router.get("/{quantity}/places")
async def best_places(
    state: StateOf,
    store: StoreId,
    quantity: QuantityId,
    wanted: Annotated[QuantityBestParams, Query()],
) -> list[QuantityFoundModel]:
    """The places where it is highest, or lowest, no two of them too near."""
    served, found = _asked(state, store, quantity)
    made = await state.quantities.map_of(served, found, wanted.moment)
    cells, sign = served.store.cells, 1.0 if wanted.order == "highest" else -1.0

    def search() -> list[QuantityFoundModel]:
        kept = spread_out(
            sign * made.layer("value"), lat=cells.lat, lon=cells.lon, count=wanted.count,
            apart_km=wanted.apart_km,
        )  # fmt: skip
        places = []
        for at in kept:
            lat, lon = float(cells.lat[at]), float(cells.lon[at])
            about = {"lat": round(lat, 5), "lon": round(lon, 5), **_interval(made, at)}
            name = gazetteer.near(lat=lat, lon=lon)
            places.append(QuantityFoundModel.model_validate({**about, "name": name}))
        return places

    return await run_in_threadpool(search)


@router.get(
    "/{quantity}/tiles/{layer}/{z}/{x}/{y}.{form}",
    response_class=Response,
    responses={200: {"content": TILE, "description": "256 x 256 pixels."}, **_AS_BEFORE},
)
async def tile(
    request: Request,
    state: StateOf,
    store: StoreId,
    quantity: QuantityId,
    layer: QuantityLayer,
    z: Annotated[int, Path(ge=0, le=DEEPEST)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
    form: Format,
    params: Annotated[QuantityTileParams, Query()],
) -> Response:
    """A tile of a map of a quantity, as those of sounds; without `min` and `max` as of `range`."""
    if max(x, y) >= 2**z:
        raise Problem(422, f"x and y: tiles of zoom {z} go from 0 to {2**z - 1}", kind="invalid")
    served, found = _asked(state, store, quantity)
    band = found.bands[3] if layer == "width" else found.band
    colours = None if params.colours == "none" else palette(params.colours, band)
    etag = state.etag(
        served, found.id, found.version, params.moment, layer, z, x, y, form,
        "none" if colours is None else colours.id, params.min, params.max,
    )  # fmt: skip
    headers = caching(etag, None, state)
    known = unchanged(request, headers)
    if known is not None:
        return known
    drawn = state.pictures.get(etag)
    if drawn is not None:
        return Response(drawn, headers=headers, media_type=MEDIA_TYPES[form])
    made = await state.quantities.map_of(served, found, params.moment)
    low, high = params.min, params.max
    if low is None or high is None:
        ends = (await state.quantities.ends(served, found))[layer]
        low, high = ends[0] if low is None else low, ends[1] if high is None else high

    def draw() -> bytes:
        levels = index_of(state, served, z, x, y).levels(made.layer(layer), low, high)
        return rendering.encode(levels, colours, form)

    content = await run_in_threadpool(draw)
    state.pictures.put(etag, content)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[form])


@router.get(
    "/{quantity}/map.tif",
    response_class=Response,
    responses={200: content_of(FILES[".tif"]), **_AS_BEFORE},
)
async def geotiff(
    request: Request,
    state: StateOf,
    store: StoreId,
    quantity: QuantityId,
    when: Annotated[MomentParams, Query()],
) -> Response:
    """A cloud-optimised GeoTIFF: value, lower and upper end of the interval, georeferenced."""
    return await _file(request, state, store, quantity, when, ".tif")


@router.get(
    "/{quantity}/map.png",
    response_class=Response,
    responses={200: content_of(FILES[".png"]), **_AS_BEFORE},
)
async def figure(
    request: Request,
    state: StateOf,
    store: StoreId,
    quantity: QuantityId,
    when: Annotated[MomentParams, Query()],
) -> Response:
    """A figure with legend, unit and attribution."""
    return await _file(request, state, store, quantity, when, ".png")


async def _file(
    request: Request, state: ServerState, store: str, quantity: str, when: MomentParams, suffix: str
) -> Response:
    served, found = _asked(state, store, quantity)
    etag = state.etag(served, suffix, found.id, found.version, when.moment)
    headers = caching(etag, None, state)
    known = unchanged(request, headers)
    if known is not None:
        return known
    made = await state.quantities.map_of(served, found, when.moment)

    def write() -> bytes:
        drawn = found.drawn(served.places, when.moment, made.values)
        with tempfile.TemporaryDirectory(prefix="psm-") as folder:
            return drawn.write(FilePath(folder) / f"map{suffix}").read_bytes()

    content = await state.files.run(write)
    headers["Content-Disposition"] = attachment(found.slug, suffix)
    return Response(content, headers=headers, media_type=FILES[suffix])


def _asked(state: ServerState, store: str, quantity: str) -> tuple[ServedStore, Quantity]:
    served = state.store(store)
    return served, state.quantities.quantity(quantity, served)
