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
from psm.server.memory import in_words
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
    place = listen(host, port)  # before minutes of work that may end in nothing
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    state = open_state(settings, precision=precision)
    for store in state.stores.values():
        console().print(f"{store.id}: {in_words(store.store, store.places)}")
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


def listen(host: str, port: int) -> socket.socket:
    """A socket for the server.

    Raises:
        ConfigError: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named: 40 ms an answer.
    place = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((host, port))
        return place
    except OSError as problem:
        place.close()
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
