"""The explorer's server: an HTTP API over stores, and the page that asks it.

::

    app = create_app(Settings(stores=("alps.zarr",)))    # uvicorn module:app
    other_app.include_router(create_router(state), prefix="/sounds")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psm.server.app import create_app, create_router, open_state, openapi_document
    from psm.server.problems import install as install_problems
    from psm.server.settings import Settings
    from psm.server.state import ServerState

__all__ = [
    "ServerState",
    "Settings",
    "create_app",
    "create_router",
    "install_problems",
    "open_state",
    "openapi_document",
]

_HOMES = {
    "Settings": ("settings", "Settings"),
    "ServerState": ("state", "ServerState"),
    "install_problems": ("problems", "install"),
}


def __getattr__(name: str) -> Any:
    # Imported on first use: processes that decode recordings start without PyTorch.
    if name in __all__:
        from importlib import import_module

        module, attribute = _HOMES.get(name, ("app", name))
        return getattr(import_module(f"psm.server.{module}"), attribute)
    raise AttributeError(f"module 'psm.server' has no attribute {name!r}")
