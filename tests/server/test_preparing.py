"""A store that is prepared while it is served: exact answers first, then the same ones at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from psm.mapping import Cells
from psm.mapping.store import embed
from psm.model import PSM
from psm.server import Settings, create_app, open_state
from tests.mapping.store.fakes import PlaceImagery

STORE = "/api/v1/stores/globe"
QUESTION = {"text": "frogs", "month": 5, "hour": 4}
LONGEST_S = 240.0


@pytest.fixture
def settings(model: PSM, tmp_path: Path) -> Settings:
    """Of a server with one store that nobody has prepared, and a model that it can be with."""
    model.save_pretrained(tmp_path / "model")
    cells = Cells.globe(step_deg=30.0)
    embed(tmp_path / "globe.zarr", model, PlaceImagery(), cells)
    return Settings(
        stores=(f"{tmp_path / 'globe.zarr'}",), model=f"{tmp_path / 'model'}", base="none"
    )


def test_a_served_store_becomes_interactive(settings: Settings) -> None:
    place = QUESTION | {"lat": 47.0, "lon": 12.0}
    with TestClient(create_app(state=open_state(settings))) as client:
        (about,) = client.get("/api/v1/stores").json()
        assert not about["is_interactive"]
        assert about["is_preparing"]
        assert client.get("/health/ready").json() == {"is_ready": True, "preparing": ["globe"]}
        exact = client.get(f"{STORE}/value", params=place)
        tile = client.get(f"{STORE}/tiles/probability/0/0/0.png", params=QUESTION)

        started = time.monotonic()
        while (about := client.get("/api/v1/stores").json()[0])["is_preparing"]:
            assert time.monotonic() < started + LONGEST_S
            time.sleep(0.2)

        assert about["is_interactive"]
        assert client.get("/health/ready").json() == {"is_ready": True, "preparing": []}
        quick = client.get(f"{STORE}/value", params=place)
        assert quick.json()["probability"] == pytest.approx(exact.json()["probability"], rel=0.02)
        # What a browser kept of the exact map is not taken for the other.
        known = {"If-None-Match": tile.headers["ETag"]}
        again = client.get(f"{STORE}/tiles/probability/0/0/0.png", params=QUESTION, headers=known)
        assert again.status_code == 200
        assert again.headers["ETag"] != tile.headers["ETag"]

    # The next start has nothing left to do.
    with TestClient(create_app(state=open_state(settings))) as client:
        (about,) = client.get("/api/v1/stores").json()
        assert about["is_interactive"]
        assert not about["is_preparing"]


def test_a_store_that_cannot_be_prepared_stays_exact(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    state = open_state(settings)
    state.preparing.model_source = f"{settings.model}-gone"
    with TestClient(create_app(state=state)) as client:
        started = time.monotonic()
        while client.get("/api/v1/stores").json()[0]["is_preparing"]:
            assert time.monotonic() < started + LONGEST_S
            time.sleep(0.2)
        assert not client.get("/api/v1/stores").json()[0]["is_interactive"]
        assert client.get(f"{STORE}/value", params=QUESTION | {"lat": 47.0, "lon": 12.0}).is_success
    assert "answers stay exact and slow" in caplog.text
