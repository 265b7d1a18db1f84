"""The app, and the router for somebody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request

from psm import __version__, checkpoints
from psm.calibration import Calibration
from psm.model import PSM
from psm.precision import Precision
from psm.server import guard, problems
from psm.server.routes import audio, downloads, maps, pictures, root, stores
from psm.server.served import embedded_earth, open_all
from psm.server.settings import Settings
from psm.server.state import ServerState

API = "/api/v1"
DEMO_MODEL = Path("runs/demo/model")
PRETRAINED = "earth-small"


def open_state(settings: Settings, *, precision: Precision = "float32") -> ServerState:
    """Load the model and open the stores; the embedded Earth is embedded first where it is new.

    Raises:
        PSMError: a model or a store is not there, or they do not belong together.
    """
    source = settings.model or _default_model()
    model = PSM.from_pretrained(source, precision=precision)
    calibration = None if settings.raw else Calibration.find(source)
    if settings.stores:
        served = open_all(settings.stores, model)
    else:
        served = {"earth": embedded_earth(model, settings.step_deg)}
    return ServerState(model, served, settings, calibration=calibration, model_source=source)


def create_router(state: ServerState) -> APIRouter:
    """The API, for an app of any kind; ``state.running()`` has to be around while it runs.

    The guard of :func:`create_app` (limits, key, headers, problems) is not part of it.
    """
    router = APIRouter(dependencies=[Depends(_with(state))])
    for part in (stores, maps, pictures, downloads, audio):
        router.include_router(part.router)
    return router


def create_app(settings: Settings | None = None, *, state: ServerState | None = None) -> FastAPI:
    """The whole server: API, page, guard.

    Args:
        settings: what to open; not with ``state``.
        state: opened already.

    Raises:
        PSMError: as :func:`open_state`.
    """
    opened = state or open_state(settings or Settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with opened.running():
            yield

    app = FastAPI(
        title="PSM",
        version=__version__,
        summary="Where on Earth would you hear this, when, and how sure is that?",
        lifespan=lifespan,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page comes from a CDN
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    app.include_router(create_router(opened), prefix=API)
    app.include_router(root.router, dependencies=[Depends(_with(opened))])
    guard.install(app, opened)
    return app


def _default_model() -> str:
    """The folder of the model of `psm demo`, or else the one that comes with the package."""
    has_demo = (DEMO_MODEL / checkpoints.WEIGHTS_NAME).is_file()
    return str(DEMO_MODEL) if has_demo else PRETRAINED


def _with(state: ServerState) -> Callable[[Request], Awaitable[None]]:
    async def give(request: Request) -> None:
        request.scope["psm_state"] = state

    return give
