"""Routes outside /api/v1: the page, its base map, health and metrics."""

from __future__ import annotations

import gzip
import hashlib
import html
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from psm.server import basemap
from psm.server.problems import Problem
from psm.server.routes.common import StateOf, unchanged
from psm.server.schemas import HealthModel

router = APIRouter(include_in_schema=False)

STATIC = FilePath(__file__).parent.parent / "static"

_TITLE = re.compile(r"<title>([^<]*)</title>")
_DESCRIPTION = re.compile(r'<meta name="description" content="([^"]*)" ?/?>')

_NO_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>PSM</title>
<body><h1>PSM is running</h1><p>Its page was not built: run <code>npm ci</code> and
<code>npm run build</code> in <code>web/</code>. The API is at
<a href="/api/v1/openapi.json">/api/v1</a>.</p></body></html>"""


@router.get("/")
async def page(request: Request, state: StateOf) -> Response:
    """The page, whose preview in a message says what its maps stand on."""
    index = STATIC / "index.html"
    if not index.is_file():
        return HTMLResponse(_NO_PAGE)
    content = with_preview(index.read_text(encoding="utf-8"), state.model.provenance.statement)
    etag = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    headers = {"Cache-Control": "no-cache", "ETag": f'"{etag}"'}
    return unchanged(request, headers) or HTMLResponse(content, headers=headers)


def with_preview(page: str, statement: str) -> str:
    """A page with what others show of a link to it (the Open Graph protocol), at its title.

    Args:
        page: HTML with a title and a description.
        statement: what its maps stand on.
    """
    title, description = _TITLE.search(page), _DESCRIPTION.search(page)
    assert title is not None
    assert description is not None
    told = f"{description[1]} {html.escape(statement)}"
    tags = {"og:title": title[1], "og:description": told, "og:type": "website"}
    metas = "".join(f'<meta property="{name}" content="{words}" />' for name, words in tags.items())
    said = page.replace(description[0], description[0].replace(description[1], told))
    return said.replace(title[0], title[0] + metas)


@dataclass(frozen=True)
class PageFile:
    """A file of the page, in memory: what is not among them cannot be reached."""

    content: bytes
    squeezed: bytes
    media_type: str
    etag: str


@lru_cache(maxsize=1)
def assets() -> dict[str, PageFile]:
    """The files of the page by name."""
    found = {}
    for path in sorted((STATIC / "assets").glob("*")):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        found[path.name] = PageFile(
            content, gzip.compress(content, 9, mtime=0), kind, f'"{digest}"'
        )
    return found


@router.get("/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    """A file of the page; its name changes with it, so that it may be kept for good."""
    found = assets().get(name)
    if found is None:
        raise HTTPException(404)
    headers = {
        "ETag": found.etag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
    }
    known = unchanged(request, headers)
    if known is not None:
        return known
    content = found.content
    if "gzip" in request.headers.get("accept-encoding", "") and len(found.squeezed) < len(content):
        content, headers["Content-Encoding"] = found.squeezed, "gzip"
    return Response(content, headers=headers, media_type=found.media_type)


@router.get("/base/{z}/{x}/{y}.webp")
async def base_tile(
    request: Request,
    z: Annotated[int, Path(ge=0, le=basemap.DEEPEST)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
) -> Response:
    """A tile of the Blue Marble."""
    if max(x, y) >= 2**z:
        raise Problem(422, f"x and y: tiles of zoom {z} go from 0 to {2**z - 1}", kind="invalid")
    headers = {"ETag": f'"marble-1-{z}-{x}-{y}"', "Cache-Control": "public, max-age=604800"}
    known = unchanged(request, headers)
    if known is not None:
        return known
    content = await run_in_threadpool(basemap.tile, z, x, y)
    return Response(content, headers=headers, media_type="image/webp")


@router.get("/health/live")
async def live() -> Response:
    """The process answers."""
    return JSONResponse({"is_live": True}, headers={"Cache-Control": "no-store"})


@router.get("/health/ready")
async def ready(state: StateOf) -> Response:
    """Whether requests may come: 503 until the model is there, and again at the end."""
    health = HealthModel(is_ready=state.is_ready, preparing=state.preparing.names)
    return JSONResponse(
        health.model_dump(), 200 if state.is_ready else 503, {"Cache-Control": "no-store"}
    )


@router.get("/metrics")
async def metrics(state: StateOf) -> Response:
    """What Prometheus reads."""
    return state.metrics.response()
