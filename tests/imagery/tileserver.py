"""A tile server on the loopback that can misbehave."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

from tests.imagery.scene import from_origin, pixels_of

HALF = 20037508.342789244
Answer = Callable[["Handler", int, int, int], bool]


def scene_tile(z: int, x: int, y: int) -> bytes:
    """The scene as PNG."""
    side = 2 * HALF / 2**z
    transform = from_origin(x * side - HALF, HALF - y * side, side / 256, side / 256)
    pixels = pixels_of("EPSG:3857", transform, (256, 256))
    buffer = io.BytesIO()
    Image.fromarray(np.moveaxis(pixels, 0, -1)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Serves /z/x/y.png; what misbehaves is asked first."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        z, x, y = (int(part) for part in path.strip("/").partition(".")[0].split("/")[-3:])
        self.server.asked.append((time.monotonic(), self.path, self.headers["User-Agent"]))
        self.server.count[(z, x, y)] += 1
        if self.server.misbehave is None or not self.server.misbehave(self, z, x, y):
            self.answer(200, self.server.draw(z, x, y))

    def answer(self, status: int, body: bytes = b"", **headers: str) -> bool:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        return True

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.misbehave: Answer | None = None
        self.draw: Callable[[int, int, int], bytes] = scene_tile
        self.asked: list[tuple[float, str, str]] = []
        self.count: Counter[tuple[int, int, int]] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{{z}}/{{x}}/{{y}}.png"

    def handle_error(self, *_: Any) -> None:
        """Clients that go away are no news."""


@contextmanager
def tile_server() -> Iterator[Server]:
    """A running server."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
