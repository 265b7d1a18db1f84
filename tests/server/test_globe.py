"""The globe of a model folder: served at once, with nothing embedded and nothing prepared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from psm.mapping.store import Store
from psm.mapping.timetable import compactstore
from psm.mapping.timetable.compactstore import CompactStore
from psm.mapping.timetable.preparation import stored_coefficients
from psm.model import PSM
from psm.server import ServerState, Settings, create_app, served
from psm.server.memory import in_words
from psm.server.served import embedded_earth
from tests.mapping.store.fakes import PlaceImagery

API = "/api/v1/stores"
FROGS = {"text": "frogs", "month": 5, "hour": 4}


@pytest.fixture(scope="module", autouse=True)
def imagery() -> Iterator[None]:
    """That of the tests stands for the one of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compactstore, "BlueMarble", PlaceImagery)
        patch.setattr(served, "BlueMarble", PlaceImagery)
        yield


@pytest.fixture(scope="module")
def folder(model: PSM, stores: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    store, folder = Store.open(stores[0]), tmp_path_factory.mktemp("model")
    kept = stored_coefficients(store, model, 1)
    assert kept is not None
    CompactStore.write(folder, store, kept)
    return folder


@pytest.fixture(scope="module")
def globe(model: PSM, folder: Path) -> Iterator[TestClient]:
    earth = embedded_earth(model, 10.0, folder)
    state = ServerState(model, {"earth": earth}, Settings(rate_per_s=1e6, burst=1e6))
    with TestClient(create_app(state=state)) as opened:
        yield opened


def test_nothing_is_left_to_do(model: PSM, folder: Path) -> None:
    earth = embedded_earth(model, 10.0, folder)
    assert earth.is_interactive
    assert earth.is_complete
    assert in_words(earth.store, earth.places).startswith("321 cells, any month and hour at once")


def test_a_globe_of_other_cells_is_embedded(
    model: PSM, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSM_CACHE", f"{tmp_path}")
    earth = embedded_earth(model, 30.0, folder)
    assert isinstance(earth.store, Store)
    assert not earth.is_interactive


def test_it_answers_as_the_store_that_it_was_made_of(globe: TestClient, client: TestClient) -> None:
    (about,) = globe.get(API).json()
    assert about["coefficients"]
    assert about["is_interactive"]
    of_store = next(s for s in client.get(API).json() if s["id"] == "world")
    assert {name: about[name] for name in ("cells", "bounds", "attribution", "zooms")} == {
        name: of_store[name] for name in ("cells", "bounds", "attribution", "zooms")
    }
    at = FROGS | {"lat": 47.0, "lon": 8.0}
    pairs = [
        [each.json() for each in (globe.get(f"{API}/earth/{path}", params=asked),
                                  client.get(f"{API}/world/{path}", params=asked))]
        for path, asked in (
            ("answer", FROGS), ("value", at), ("profile", at), ("places", FROGS),
        )
    ]  # fmt: skip
    (answer, exact), (value, exact_value), (profile, exact_profile), (places, _) = pairs
    assert answer["mean"] == pytest.approx(exact["mean"], rel=0.05)
    assert answer["numbers"]["terms"] == exact["numbers"]["terms"]
    assert value["cell"] == exact_value["cell"]
    assert value["probability"] == pytest.approx(exact_value["probability"], rel=0.1)
    assert profile["land"]
    np.testing.assert_allclose(profile["probability"], exact_profile["probability"], rtol=0.02)
    assert len(places) > 2
    tile = globe.get(f"{API}/earth/tiles/probability/0/0/0.png", params=FROGS)
    assert tile.status_code == 200
