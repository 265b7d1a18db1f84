"""Bodies over the network: cut off, slow, endless, of absurd length; and methods without one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from psm.server import Settings
from psm.server.guard.arrivals import Arrivals
from psm.server.problems import Problem
from psm.server.running import listen

Make = Callable[..., FastAPI]
FORM = "Content-Type: multipart/form-data; boundary=b"
OPENING = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n"
)
QUICK: dict[str, Any] = {"rate_per_s": 1e6, "burst": 1e6}


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """The port of a server of the app, in a thread."""
    place = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield place.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30.0)


def begin(
    port: int, *headers: str, path: str = "/api/v1/audio", body: bytes = b""
) -> socket.socket:
    """A POST whose body only begins."""
    sent = socket.create_connection(("127.0.0.1", port), timeout=20.0)
    lines = [f"POST {path} HTTP/1.1", "Host: a", *headers, "", ""]
    sent.sendall("\r\n".join(lines).encode() + body)
    return sent


def answer(sent: socket.socket) -> str:
    """Status line of what comes back; empty where the server only hangs up."""
    try:
        return sent.recv(4096).decode("latin-1").partition("\r\n")[0]
    except ConnectionError:
        return ""


@pytest.mark.parametrize("path", ["/api/v1/audio", "/api/v1/stores", "/nothing"])
@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_client_that_leaves_is_no_error(
    make: Make, caplog: pytest.LogCaptureFixture, path: str, framing: str
) -> None:
    body = OPENING + b"x" * 1000
    if "chunked" in framing:
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    with caplog.at_level(logging.WARNING), serving(make(**QUICK)) as port:
        for _ in range(3):
            begin(port, FORM, framing, path=path, body=body).close()
        time.sleep(0.3)
        assert httpx.get(f"http://127.0.0.1:{port}/api/v1/stores").status_code == 200
    assert [record.message for record in caplog.records] == []


def test_dripping_bodies_keep_nobody_from_asking(make: Make, recording: bytes) -> None:
    """Many more of them than requests may be under way; each is dropped in the end."""
    app = make(requests=4, arrivals=24, arrivals_a_client=16, stall_s=3.0, **QUICK)
    with serving(app) as port:
        coming = [begin(port, FORM, "Content-Length: 100000", body=OPENING) for _ in range(40)]
        base = f"http://127.0.0.1:{port}/api/v1"
        assert httpx.get(f"{base}/stores/world/answer?text=frogs").status_code == 200
        time.sleep(2.1)  # by now they are known to drip
        for each in coming:
            each.send(b"x")
        files = {"file": ("noise.wav", recording)}
        assert httpx.post(f"{base}/audio", files=files).status_code == 201
        found = [answer(each) for each in coming]
        assert len([line for line in found if " 408 " in line]) == 16
        assert len([line for line in found if " 429 " in line]) == 24
        assert httpx.post(f"{base}/audio", files=files).status_code == 201
        for each in coming:
            each.close()


def test_a_body_of_a_byte_now_and_then_is_given_up(make: Make) -> None:
    with (
        serving(make(stall_s=0.5, **QUICK)) as port,
        begin(port, FORM, "Content-Length: 100000", body=OPENING) as sent,
    ):
        started, line = time.monotonic(), ""
        sent.settimeout(0.1)
        while not line and time.monotonic() < started + 10.0:
            try:
                sent.send(b"x")
                line = answer(sent)
            except TimeoutError:
                continue
        assert " 408 " in line
        assert time.monotonic() - started < 5.0


def test_chunks_without_end_are_too_large(make: Make) -> None:
    with (
        serving(make(upload_mb=0.1, **QUICK)) as port,
        begin(port, FORM, "Transfer-Encoding: chunked") as sent,
    ):
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        with contextlib.suppress(ConnectionError):  # it hangs up in the middle
            sent.sendall(f"{len(OPENING):x}\r\n".encode() + OPENING + b"\r\n")
            for _ in range(100):
                sent.sendall(chunk)
        assert " 413 " in answer(sent)


@pytest.mark.parametrize("length", ["9" * 20, "9" * 5000, "-1", "1e3", "0x10", "12 34"])
def test_absurd_lengths_are_refused(
    make: Make, caplog: pytest.LogCaptureFixture, length: str
) -> None:
    with serving(make(**QUICK)) as port:
        with begin(port, FORM, f"Content-Length: {length}", body=OPENING) as sent:
            line = answer(sent)
        assert line.split(" ")[1] in {"400", "413"}
        assert httpx.get(f"http://127.0.0.1:{port}/api/v1/stores").status_code == 200
    assert "Traceback" not in caplog.text


def test_head_is_get_without_a_body_and_options_say_what_there_is(make: Make) -> None:
    with serving(make(**QUICK)) as port:
        base = f"http://127.0.0.1:{port}"
        for path in ("/", "/health/live", "/api/v1/stores", "/api/v1/stores/world/answer?text=a"):
            whole, head = httpx.get(f"{base}{path}"), httpx.head(f"{base}{path}")
            assert head.status_code == 200
            assert head.content == b""
            for name in ("content-type", "content-length", "etag"):
                assert head.headers.get(name) == whole.headers.get(name)
        assert httpx.head(f"{base}/api/v1/nothing").status_code == 404
        assert httpx.head(f"{base}/api/v1/audio").status_code == 405
        options = httpx.options(f"{base}/api/v1/stores")
        assert (options.status_code, options.headers["allow"]) == (405, "GET")
        counted = httpx.get(f"{base}/metrics").text
        assert 'psm_requests_total{method="HEAD",route="/api/v1/stores",status="200"}' in counted


def test_bodies_at_a_fair_pace_do_not_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psm.server.guard.arrivals._PATIENCE_S", 0.0)

    async def arrive() -> None:
        arrivals = Arrivals(Settings(arrivals=3, arrivals_a_client=2))
        async with asyncio.timeout(60.0) as clock:
            with arrivals.coming("a", clock) as first, arrivals.coming("a", clock) as second:
                arrivals.more(first, 10**7)
                arrivals.more(second, 10**7)
                with pytest.raises(Problem) as raised, arrivals.coming("a", clock):
                    pass
                assert raised.value.status_code == 429
                with arrivals.coming("b", clock) as third:
                    arrivals.more(third, 10**7)
                    with pytest.raises(Problem) as raised, arrivals.coming("c", clock):
                        pass
                    assert raised.value.status_code == 503
            assert len(arrivals) == 0

    asyncio.run(arrive())
