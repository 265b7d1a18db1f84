"""The API against its own description, and the server as a process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from psm.config import Experiment
from psm.errors import ConfigError
from psm.model import PSM
from psm.server import ServerState, Settings, create_app, create_router
from psm.server.app import API
from psm.server.running import listen
from psm.server.served import open_all
from tests.mapping.store.fakes import tiny_config

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the packages that it loads
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as rules

_CHECKS = [
    checks.not_a_server_error,
    rules.status_code_conformance,
    rules.content_type_conformance,
    rules.response_schema_conformance,
    rules.response_headers_conformance,
    rules.negative_data_rejection,
    rules.unsupported_method,
]
_OPERATIONS = [
    ("GET", "/stores"), ("GET", "/models"), ("GET", "/colours"), ("GET", "/layers"),
    ("GET", "/suggestions"),
    ("GET", "/base"), ("POST", "/audio"), ("GET", "/listen"),
    *(("GET", f"/stores/{{store}}/{rest}") for rest in (
        "answer", "truth", "coefficients.json", "coefficients.bin", "coefficients.names.json",
        "range", "value", "profile", "sounds", "captions", "places", "legend.png", "map.tif",
        "map.png",
        "tiles/{layer}/{z}/{x}/{y}.{form}", "quantities", "plan", "plan.{form}",
        *(f"quantities/{{quantity}}/{rest}" for rest in (
            "answer", "range", "value", "profile", "places", "map.tif", "map.png",
            "tiles/{layer}/{z}/{x}/{y}.{form}",
        )),
    )),
]  # fmt: skip


@pytest.fixture(scope="module")
def address(model: PSM, stores: tuple[str, str]) -> Iterator[str]:
    """A server of its own on loopback, in a thread."""
    state = ServerState(model, open_all(stores, model), Settings(rate_per_s=1e6, burst=1e6))
    place = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(state=state), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{place.getsockname()[1]}"
    server.should_exit = True
    thread.join(20.0)
    place.close()
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def description(address: str) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{address}{API}/openapi.json")


def test_every_operation_is_described(client: TestClient) -> None:
    paths = client.get(f"{API}/openapi.json").json()["paths"]
    found = {
        (method.upper(), path.removeprefix(API))
        for path, methods in paths.items()
        for method in methods
    }
    assert found == set(_OPERATIONS)


@pytest.mark.parametrize(("method", "path"), _OPERATIONS)
@pytest.mark.parametrize("is_right", [True, False])
def test_the_api_is_as_described(
    description: schemathesis.BaseSchema, method: str, path: str, is_right: bool
) -> None:
    operation = description[f"{API}{path}"][method]
    mode = schemathesis.GenerationMode
    strategy = operation.as_strategy(generation_mode=mode.POSITIVE if is_right else mode.NEGATIVE)
    is_slow = path.endswith(("map.png", "listen", "audio"))

    @settings(
        max_examples=5 if is_slow else 12, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def holds(case: schemathesis.Case) -> None:
        if is_right and "store" in case.path_parameters:
            case.path_parameters["store"] = "world"
        case.validate_response(case.call(), checks=_CHECKS)

    holds()


def test_the_router_can_be_mounted_elsewhere(model: PSM) -> None:
    state = ServerState(model, {}, Settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with state.running():
            yield

    app = FastAPI(lifespan=lifespan)
    app.include_router(create_router(state), prefix="/sounds")
    with TestClient(app) as opened:
        assert opened.get("/sounds/stores").json() == []
        assert opened.get("/sounds/models").json()[0]["name"] == "tiny"


def test_psm_serve_ends_well(model: PSM, stores: tuple[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model.save_pretrained(folder, Experiment(model=tiny_config()))
    command = [sys.executable, "-m", "psm.cli", "serve", stores[0], "--model", f"{folder}"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-prepare"], stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        found = None
        for line in process.stderr:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                break
        assert found is not None
        with urlopen(f"{found[0]}/health/ready") as answer:
            assert answer.status == 200
        with urlopen(f"{found[0]}{API}/stores/world/answer?text=frogs") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20.0) in (0, -signal.SIGTERM)


def test_a_port_that_is_taken_is_said_at_once() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(ConfigError, match="--port"),
    ):
        listen("127.0.0.1", other.getsockname()[1])
