"""FastAPI app of the explorer, and its API as a router for other apps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request

from psm import __version__, checkpoints
from psm.calibration import Calibration
from psm.measures import Measure
from psm.model import PSM
from psm.precision import Precision
from psm.server import guard, problems
from psm.server.routes import (
    captions,
    coefficients,
    images,
    plans,
    quantities,
    root,
    sound,
    stores,
    truth,
    values,
)
from psm.server.served import embedded_earth, open_all
from psm.server.settings import Settings
from psm.server.state import ServerState

API = "/api/v1"
DEMO_MODEL = Path("runs/demo/model")
PRETRAINED = "earth-small"


def open_state(settings: Settings, *, precision: Precision = "float32") -> ServerState:
    """Load the model and open the stores; the embedded Earth is embedded first where it is new.

    Args:
        settings: which model and stores, and how they are served.
        precision: of the model's weights: ``float32``, ``bfloat16`` or ``auto``.

    Returns:
        What :func:`create_app` and :func:`create_router` need.

    Raises:
        MissingData: a model or a store is not there.
        StoreMismatch: a store is of another model.
        CheckpointMismatch: the calibration or a measure is of another model.
        ConfigError: the settings do not fit together.
    """
    source = settings.model or _default_model()
    measures = [Measure.load(path) for path in settings.measures]  # before minutes of work
    model = PSM.from_pretrained(source, precision=precision)
    for measure in measures:
        measure.require_model(model)
    calibration = None if settings.raw else Calibration.find(source)
    if settings.stores:
        served = open_all(settings.stores, model)
    else:
        folder = checkpoints.resolve(source)
        served = {"earth": embedded_earth(model, settings.step_deg, folder)}
    return ServerState(
        model, served, settings,
        calibration=calibration, model_source=source, measures=measures,
    )  # fmt: skip


def create_router(state: ServerState) -> APIRouter:
    """The API as a router, for somebody else's FastAPI app.

    The guard of :func:`create_app` (limits, key, headers) is not part of it, nor is the page.

    Args:
        state: opened by :func:`open_state`. Its :meth:`~ServerState.running` has to be around while
            requests come, usually in the lifespan of the app.

    Returns:
        Routes below ``/stores``, ``/audio`` and so on; the app chooses the prefix.

    Example:
        ::

            state = open_state(Settings(stores=("alps.zarr",), model="runs/alps"))

            @asynccontextmanager
            async def lifespan(app):
                async with state.running():
                    yield

            app = FastAPI(lifespan=lifespan)
            app.include_router(create_router(state), prefix="/sounds")
            install_problems(app)  # errors as application/problem+json
    """
    return _router([Depends(_with(state))])


def create_app(settings: Settings | None = None, *, state: ServerState | None = None) -> FastAPI:
    """The whole server as an ASGI app: API, page, guard.

    Args:
        settings: what to open; not with ``state``.
        state: opened already.

    Returns:
        The app; its lifespan starts and ends all threads and processes.

    Raises:
        PSMError: as :func:`open_state`.

    Example:
        ::

            app = create_app(Settings(stores=("alps.zarr",)))  # uvicorn module:app
    """
    opened = state or open_state(settings or Settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with opened.running():
            yield

    app = _bare_app(lifespan)
    problems.install(app)
    app.include_router(create_router(opened), prefix=API)
    app.include_router(root.router, dependencies=[Depends(_with(opened))])
    guard.install(app, opened)
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI description of the API, which needs neither a model nor a store.

    Returns:
        The document, as ``/api/v1/openapi.json`` has it.
    """
    app = _bare_app()
    app.include_router(_router(), prefix=API)
    return app.openapi()


def _bare_app(lifespan: Callable[[FastAPI], Any] | None = None) -> FastAPI:
    return FastAPI(
        title="PSM",
        version=__version__,
        summary="Where on Earth would you hear this, when, and how sure is that?",
        lifespan=lifespan,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page comes from a CDN
        redoc_url=None,
        redirect_slashes=False,
    )


def _router(dependencies: Sequence[Any] = ()) -> APIRouter:
    router = APIRouter(dependencies=list(dependencies))
    for part in (stores, coefficients, values, captions, truth, images, quantities, plans, sound):
        router.include_router(part.router)
    return router


def _default_model() -> str:
    """The folder of the model of `psm demo`, or else the one that comes with the package."""
    has_demo = (DEMO_MODEL / checkpoints.WEIGHTS_NAME).is_file()
    return str(DEMO_MODEL) if has_demo else PRETRAINED


def _with(state: ServerState) -> Callable[[Request], Awaitable[None]]:
    async def give(request: Request) -> None:
        request.scope["psm_state"] = state

    return give
