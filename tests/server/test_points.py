"""A model of points is asked: the API answers with no uncertainty, rather than with one of zero."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from starlette.testclient import TestClient

from psm.config import HeadConfig
from psm.mapping import Cells
from psm.mapping.store import embed
from psm.model import PSM
from psm.server import ServerState, Settings, create_app
from psm.server.served import open_all
from tests.mapping.store.fakes import PlaceImagery, tiny_config

API = "/api/v1"
ASKED = {"text": "bells", "month": 6, "hour": 5}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        heads = HeadConfig(probabilistic=False)
        model = PSM(tiny_config().model_copy(update={"heads": heads})).eval()
    path: Path = tmp_path_factory.mktemp("points") / "world.zarr"
    embed(path, model, PlaceImagery(), Cells.globe(step_deg=20.0))
    state = ServerState(model, open_all((str(path),), model), Settings(rate_per_s=1e6, burst=1e6))
    with TestClient(create_app(state=state)) as opened:
        yield opened


def test_uncertainty_is_null_and_no_layer(points: TestClient) -> None:
    assert [layer["id"] for layer in points.get(f"{API}/layers").json()] == ["probability"]
    store = points.get(f"{API}/stores").json()[0]["id"]
    found = points.get(f"{API}/stores/{store}/places", params={**ASKED, "count": 3}).json()
    assert len(found) == 3
    assert all(place["uncertainty"] is None and place["probability"] > 0 for place in found)
    place = {"lat": found[0]["lat"], "lon": found[0]["lon"]}
    value = points.get(f"{API}/stores/{store}/value", params={**ASKED, **place}).json()
    assert value["uncertainty"] is None
    times = points.get(f"{API}/stores/{store}/profile", params={**ASKED, **place}).json()
    assert times["uncertainty"] is None
    assert len(times["probability"]) == 12
    answer = points.get(f"{API}/stores/{store}/answer", params=ASKED)
    assert answer.status_code == 200
    assert answer.json()["numbers"] is None
