"""Maps, profiles, the server and prepared stores agree about a query that has a share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from psm import checkpoints
from psm.calibration import Calibration, curves_of
from psm.gallery import Gallery, Matching, compact
from psm.gaussian import Gaussian
from psm.mapping import Moment, Query, map_query
from psm.mapping.profile import through_time
from psm.model import PSM
from psm.server import ServerState, Settings, create_app
from psm.server.served import ServedStore, open_all
from tests.test_calibration import calibration

QUERY = Query.parse("frogs*2", "rain|drizzle", without=["traffic"])
ASKED = {"text": ["frogs*2", "rain|drizzle"], "without": "traffic", "lat": 48.2, "lon": 16.4}


@pytest.fixture(scope="module")
def shared(model: PSM) -> Calibration:
    """A calibration of the tiny model with a gallery of noise around its own texts."""
    texts = ["frogs", "rain", "traffic", "wind"] * 60
    with torch.inference_mode():
        known = model.encode_text(texts)
        noise = torch.randn(known.mean.shape, generator=torch.Generator().manual_seed(0))
        places = torch.randn((200, known.mean.shape[1]), generator=torch.Generator().manual_seed(1))
        mean = known.mean + 0.2 * noise
    gallery = Gallery(
        sounds=compact(Gaussian(mean.clone(), known.log_var.clone())),
        weights={"archives": torch.ones(240), "land": torch.linspace(0.5, 1.5, 240)},
        matching=Matching(20.0, 0.1),
        recordings=240,
        data="",
        model=checkpoints.weights_fingerprint(model),
        places=compact(Gaussian(places, torch.full_like(places, -4.0))),
    )
    share = {
        "base": "land", "slopes": {"archives": 0.02, "land": 0.05},
        "gallery": gallery.fingerprint, "recordings": 240, "effective": 222.0,
    }  # fmt: skip
    about = {"method": "platt", "negative_scale": 3.0, "shift": 1.0, "distances": ()}
    made = calibration(gallery.model, schema_version=2, share=share, probabilities=(), **about)
    return made.with_gallery(gallery)


@pytest.fixture(scope="module")
def served(
    model: PSM, stores: tuple[str, str], shared: Calibration
) -> Iterator[tuple[TestClient, dict[str, ServedStore]]]:
    settings = Settings(rate_per_s=1e6, burst=1e6)
    state = ServerState(model, open_all(stores, model), settings, calibration=shared)
    with TestClient(create_app(state=state)) as client:
        yield client, state.stores


@pytest.mark.parametrize("store", ["slow", "world"])
def test_server_and_library_agree_to_the_last_digits(
    served: tuple[TestClient, dict[str, ServedStore]],
    model: PSM,
    shared: Calibration,
    store: str,
) -> None:
    client, stores = served
    places = stores[store].places
    found = map_query(model, places, QUERY, Moment(month=5, hour=4.0), calibration=shared)
    wanted = found.at(lat=48.2, lon=16.4)
    address = f"/api/v1/stores/{store}"
    value = client.get(f"{address}/value", params={**ASKED, "month": 5, "hour": 4}).json()
    for name, band in (("probability", "match_probability"), ("uncertainty", "uncertainty")):
        assert value[name] == pytest.approx(wanted[band], abs=1e-5)
    # The distance is that in the space; what a share does to it is not shown.
    plain = map_query(model, places, QUERY, Moment(month=5, hour=4.0))
    assert wanted["csd"] == plain.at(lat=48.2, lon=16.4)["csd"]
    assert wanted["match_probability"] != plain.at(lat=48.2, lon=16.4)["match_probability"]
    assert "the land and the hours as they are" in found.data.attrs["calibration"]


def test_a_profile_is_the_map_at_every_hour(
    served: tuple[TestClient, dict[str, ServedStore]], model: PSM, shared: Calibration
) -> None:
    client, stores = served
    slow = stores["slow"]
    cell = slow.finder.at(lat=48.2, lon=16.4)
    query = QUERY.encode(model)
    curves = curves_of(model, shared, query.gaussians)
    times = through_time(model, slow.features(cell), [query], curves, **slow.place(cell))
    found = map_query(model, slow.places, QUERY, Moment(month=5, hour=4.0), calibration=shared)
    wanted = found.at(lat=48.2, lon=16.4)
    for name in ("match_probability", "uncertainty", "csd"):
        assert times[name][0, 4, 4] == pytest.approx(wanted[name], abs=1e-5)
    told = client.get("/api/v1/stores/slow/profile", params={**ASKED, "month": 5, "hour": 4}).json()
    np.testing.assert_allclose(
        np.array(told["probability"]), times["match_probability"][0], atol=1e-4
    )


def test_what_is_not_known_of_a_share_widens_the_map(
    served: tuple[TestClient, dict[str, ServedStore]], model: PSM, shared: Calibration
) -> None:
    _, stores = served
    one = Query(texts=("frogs",))
    moment = Moment(month=5, hour=4.0)
    found = map_query(model, stores["slow"].places, one, moment, calibration=shared)
    gallery = shared._gallery
    assert gallery is not None
    share = shared.share
    assert share is not None
    # The same recordings, a hundred times as many: their weights say more.
    larger = Gallery(
        sounds=Gaussian(*(x.repeat(100, 1) for x in gallery.sounds)),
        weights={base: weight.repeat(100) for base, weight in gallery.weights.items()},
        matching=gallery.matching, recordings=24_000, data="", model=gallery.model,
    )  # fmt: skip
    surer = map_query(
        model, stores["slow"].places, one, moment, calibration=shared.with_gallery(larger)
    )
    wide, narrow = (each.values("uncertainty") for each in (found, surer))
    assert np.nanmean(wide) > np.nanmean(narrow)


def test_colours_of_a_sound_are_the_same_in_every_store_and_file(
    served: tuple[TestClient, dict[str, ServedStore]], model: PSM, shared: Calibration
) -> None:
    client, stores = served
    terms = {name: ASKED[name] for name in ("text", "without")}
    found = [client.get(f"/api/v1/stores/{store}/range", params=terms).json() for store in stores]
    assert found[0] == found[1]
    scale = map_query(model, stores["slow"].places, QUERY, calibration=shared).scale
    assert scale is not None
    assert found[0]["probability"] == [0.0, scale.top]
    assert found[0]["base_rate"] == pytest.approx(scale.base_rate, abs=1e-5)
    assert [each["word"] for each in found[0]["words"]] == ["rare", "now and then", "often"]
    own = client.get("/api/v1/stores/slow/range", params={**terms, "scale": "own"}).json()
    assert own["words"] == []
    assert own["base_rate"] is None
    assert own["probability"][0] > 0.0
    listed = client.get("/api/v1/stores").json()
    assert all(store["has_scale"] for store in listed)
