"""A server of a tiny random model: a globe of 10 degrees, prepared, and one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from fastapi import FastAPI
from starlette.testclient import TestClient

from psm import checkpoints
from psm.calibration import Calibration
from psm.mapping import Cells, prepare
from psm.mapping.store import embed
from psm.measures import ColumnSettings, Measure, fit_measures
from psm.model import PSM
from psm.server import ServerState, Settings, create_app
from psm.server.served import open_all
from tests.mapping.store.fakes import PlaceImagery, tiny_config
from tests.measures.conftest import table
from tests.test_calibration import calibration

ROWS = 30


@pytest.fixture(scope="session")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return PSM(tiny_config()).eval()


@pytest.fixture(scope="session")
def stores(model: PSM, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("stores")
    cells = Cells.globe(step_deg=10.0)
    for name in ("world", "slow"):
        store = embed(folder / f"{name}.zarr", model, PlaceImagery(), cells).store
        if name == "world":
            prepare(store, model, sample=64, rank=24, seen=8)
    return f"{folder / 'world.zarr'}", f"{folder / 'slow.zarr'}"


@pytest.fixture
def make(model: PSM, stores: tuple[str, str]) -> Callable[..., FastAPI]:
    """An app with some settings."""

    def made(**settings: object) -> FastAPI:
        state = ServerState(model, open_all(stores, model), Settings(**settings))  # type: ignore[arg-type]
        return create_app(state=state)

    return made


@pytest.fixture(scope="session")
def client(model: PSM, stores: tuple[str, str]) -> Iterator[TestClient]:
    state = ServerState(model, open_all(stores, model), Settings(rate_per_s=1e6, burst=1e6))
    with TestClient(create_app(state=state)) as opened:
        yield opened


@pytest.fixture
def recording(tmp_path: Path) -> bytes:
    """Half a second of noise as a WAV."""
    import numpy as np
    import soundfile

    path = tmp_path / "noise.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    soundfile.write(path, noise.astype(np.float32), 32_000, subtype="PCM_16")
    return path.read_bytes()


@pytest.fixture(scope="session")
def level(model: PSM, tmp_path_factory: pytest.TempPathFactory) -> Measure:
    path = table(tmp_path_factory.mktemp("levels") / "levels.csv")
    path.write_text("\n".join(path.read_text().splitlines()[: ROWS + 1]))
    settings = ColumnSettings(unit="dB")
    (made,) = fit_measures(
        path, ["laeq_db"], model, PlaceImagery(), settings=settings, baselines=False
    )
    return made.measure


@pytest.fixture(scope="session")
def curve(model: PSM) -> Calibration:
    about = {"method": "platt", "negative_scale": 3.0, "shift": 1.0, "distances": ()}
    weights = checkpoints.weights_fingerprint(model)
    return calibration(weights, probabilities=(), **about)


@pytest.fixture(scope="session")
def state(model: PSM, stores: tuple[str, str], level: Measure, curve: Calibration) -> ServerState:
    settings = Settings(rate_per_s=1e6, burst=1e6)
    served = open_all(stores, model)
    return ServerState(model, served, settings, calibration=curve, measures=[level])


@pytest.fixture(scope="session")
def asked(state: ServerState) -> Iterator[TestClient]:
    with TestClient(create_app(state=state)) as opened:
        yield opened
