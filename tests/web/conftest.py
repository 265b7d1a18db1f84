"""The real page in a real browser: Chromium, and a server of a tiny random model on loopback."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import uvicorn

from psm.extras import install_line
from psm.mapping import Cells, prepare
from psm.mapping.store import embed
from psm.model import PSM
from psm.provenance import SIMULATED, DataSet, Provenance
from psm.server import ServerState, Settings, create_app
from psm.server.served import open_all
from tests.mapping.store.fakes import PlaceImagery, tiny_config
from tests.web.explorer import Explorer

try:
    from playwright.sync_api import Browser, sync_playwright
except ModuleNotFoundError:
    Browser = sync_playwright = None  # type: ignore[assignment, misc]

BROWSER = "PSM_BROWSER"
"""``required``: a missing browser fails; ``none``: the page is left out though there is one."""
SCALE = 0.5
"""Drawn pixels a pixel of the page: WebGL is drawn by a processor, whose time goes with them."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = [
    "--no-sandbox",  # as root, in containers
    "--use-gl=angle",
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def chromium() -> str:
    """Path of a Chromium; without one the test is left out, or fails where one is required."""
    asked = os.environ.get(BROWSER, "")
    if asked == "none":
        pytest.skip(f"the page: {BROWSER}=none")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is not None and sync_playwright is not None:
        return found
    missing = (
        "no Chromium (apt-get update && apt-get install -y chromium)"
        if found is None
        else f"no Playwright ({install_line('dev')})"
    )
    if asked == "required":
        pytest.fail(f"the page: {missing}", pytrace=False)
    pytest.skip(f"the page: {missing}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    path = chromium()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def world(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> tuple[PSM, str]:
    """A model and its globe of 10 degrees; only made where there is a browser."""
    del browser
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = PSM(tiny_config()).eval()
    earth = DataSet(name=SIMULATED, is_simulated=True, recordings=12, licences={"CC0-1.0": 12})
    model.provenance = Provenance(trained_on=(earth,))
    url = str(tmp_path_factory.mktemp("stores") / "world.zarr")
    store = embed(url, model, PlaceImagery(), Cells.globe(step_deg=10.0)).store
    prepare(store, model, sample=64, rank=24, seen=8)
    return model, url


@pytest.fixture(scope="session")
def server(world: tuple[PSM, str]) -> Iterator[str]:
    """Address of a server of the globe."""
    model, url = world
    settings = Settings(rate_per_s=1e6, burst=1e6)
    with serving(ServerState(model, open_all((url,), model), settings)) as address:
        yield address


@contextmanager
def serving(state: ServerState) -> Iterator[str]:
    """Address of a server on loopback, in a thread, while the block runs."""
    running = uvicorn.Server(
        uvicorn.Config(
            create_app(state=state), host="127.0.0.1", port=0, log_level="warning", lifespan="on"
        )
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    end = time.monotonic() + 30.0
    while not running.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < end, "the server did not start within 30 s"
        time.sleep(0.02)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    running.should_exit = True
    thread.join(20.0)


@pytest.fixture
def explorer(browser: Browser, server: str) -> Iterator[Callable[..., Explorer]]:
    """Opens the page; afterwards nothing may have gone wrong in it unnoticed."""
    opened: list[Explorer] = []

    def make(hash_: str = "", **options: object) -> Explorer:
        settings = {
            "viewport": {"width": 1280, "height": 800},
            "device_scale_factor": SCALE,
            "color_scheme": "light",
            "reduced_motion": "reduce",
            **options,
        }
        context = browser.new_context(**settings)  # type: ignore[arg-type]
        context.grant_permissions(
            ["clipboard-read", "clipboard-write", "microphone"], origin=server
        )
        context.set_default_timeout(60_000)  # software WebGL on a busy machine
        explorer = Explorer(context.new_page(), server)
        opened.append(explorer)
        explorer.open(hash_)
        return explorer

    yield make
    for explorer in opened:
        explorer.page.context.close()
    for explorer in opened:
        assert not explorer.errors, explorer.errors


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Half a second of noise as a WAV."""
    import numpy as np
    import soundfile

    path = tmp_path / "dawn.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    soundfile.write(path, noise.astype(np.float32), 32_000, subtype="PCM_16")
    return path
