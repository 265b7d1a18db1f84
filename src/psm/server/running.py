"""The server as a process: uvicorn around the app."""

from __future__ import annotations

import logging
import socket
import sys

import uvicorn

from psm.errors import ConfigError
from psm.precision import Precision
from psm.progress import console
from psm.server.app import create_app, open_state
from psm.server.settings import Settings

_GRACE_S = 10


def run(
    settings: Settings,
    *,
    host: str,
    port: int,
    proxy: str | None = None,
    precision: Precision = "auto",
) -> None:
    """Serve until somebody ends it.

    Raises:
        ConfigError: the address is taken, or not this machine's.
        PSMError: a model or a store is not there, or they do not belong together.
    """
    place = _listen(host, port)  # before minutes of work that may end in nothing
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    state = open_state(settings, precision=precision)
    app = create_app(state=state)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=15,
    )
    _Announcing(config).run(sockets=[place])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as problem:
        raise ConfigError(
            f"{host}:{port}: cannot listen there ({problem.strerror}); choose another --port"
        ) from None


class _Announcing(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for place in sockets or ():
            host, port = place.getsockname()[:2]
            console().print(f"PSM is at http://{f'[{host}]' if ':' in host else host}:{port}")
