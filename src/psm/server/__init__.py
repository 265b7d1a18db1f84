"""The explorer's server: an HTTP API over stores, and the page that asks it.

::

    app = create_app(Settings(stores=("alps.zarr",)))    # uvicorn module:app
    other_app.include_router(create_router(state), prefix="/sounds")
"""

from psm.server.app import create_app, create_router, open_state
from psm.server.settings import Settings
from psm.server.state import State

__all__ = ["Settings", "State", "create_app", "create_router", "open_state"]
