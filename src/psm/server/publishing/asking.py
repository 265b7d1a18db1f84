"""Client of the API in the same process: published files hold what the server would have sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI

from psm.errors import ConfigError
from psm.server.app import create_router
from psm.server.problems import install
from psm.server.state import ServerState


class Asker:
    """Asks the API of a server's state for answers, without a network or limits.

    Args:
        state: of the server; running while it is asked.
    """

    def __init__(self, state: ServerState) -> None:
        self._app = FastAPI()
        self._app.include_router(create_router(state))
        install(self._app)

    async def content(self, *path: str, **params: str | Sequence[str]) -> bytes:
        """The answer to a request.

        Args:
            path: parts of the address, as ``"stores", "earth", "answer"``.
            params: of the request.

        Raises:
            ConfigError: the API refuses it.
        """
        address = "/" + "/".join(path)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": address,
            "raw_path": quote(address).encode(),
            "query_string": urlencode(params, doseq=True).encode(),
            "root_path": "",
            "headers": [],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        if sent[0]["status"] != 200:
            why = json.loads(body).get("detail", "refused")
            raise ConfigError(f"{address} {params or ''}: {why}")
        return body

    async def json(self, *path: str, **params: str | Sequence[str]) -> Any:
        """The answer to a request, as JSON."""
        return json.loads(await self.content(*path, **params))
