"""Answers over HTTP: the same as the library gives."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from starlette.testclient import TestClient

from psm.mapping import EmbeddedCells, Moment, Query, Store, map_query
from psm.mapping.bands import BANDS
from psm.mapping.truth import agreement, true_map
from psm.model import PSM
from psm.provenance import SIMULATED, DataSet, Provenance

WORLD, SLOW = "/api/v1/stores/world", "/api/v1/stores/slow"


@pytest.fixture(scope="module")
def exact(stores: tuple[str, str]) -> EmbeddedCells:
    return Store.open(stores[1]).embedded()


def test_stores_say_what_they_are(client: TestClient) -> None:
    world, slow = client.get("/api/v1/stores").json()
    assert (world["id"], slow["id"]) == ("world", "slow")
    assert world["is_interactive"]
    assert not slow["is_interactive"]
    assert world["is_globe"]
    assert (world["spacing_deg"], world["spacing_m"]) == (10.0, None)
    assert world["zooms"] == [1]
    assert world["bounds"] == [-180.0, -90.0, 180.0, 90.0]
    assert world["attribution"] == "nobody"
    assert not world["is_simulated"]


def test_values_are_those_of_the_library(
    client: TestClient, model: PSM, exact: EmbeddedCells
) -> None:
    query = Query.parse("frogs*2", "rain|drizzle", without=["traffic"])
    found = map_query(model, exact, query, Moment(month=5, utc=4.0))
    asked = {
        "text": ["frogs*2", "rain|drizzle"], "without": "traffic", "month": 5, "utc": 4,
        "lat": 48.2, "lon": 16.4,
    }  # fmt: skip
    wanted = found.at(lat=48.2, lon=16.4)
    value = client.get(f"{SLOW}/value", params=asked).json()
    assert value["cell"] == {"lat": 45.0, "lon": 15.0}
    assert value["probability"] == pytest.approx(wanted["match_probability"], abs=1e-5)
    assert value["uncertainty"] == pytest.approx(wanted["uncertainty"], abs=1e-5)
    assert value["csd"] == pytest.approx(wanted["csd"], abs=1e-5)
    near = client.get(f"{WORLD}/value", params=asked).json()  # by its timetable
    assert near["csd"] == pytest.approx(wanted["csd"], abs=0.02)


def test_answer_sums_up_a_map(client: TestClient, model: PSM, exact: EmbeddedCells) -> None:
    found = map_query(model, exact, Query.parse("frogs"), Moment(month=5)).values()
    answer = client.get(f"{SLOW}/answer", params={"text": "frogs", "month": 5}).json()
    assert answer["label"] == "“frogs”"
    assert answer["moment"] == {"month": 5, "hour": None, "utc": None, "label": "May · any hour"}
    low, high = answer["range"]["probability"]
    assert np.nanmin(found) <= low < high <= np.nanmax(found)
    assert low < answer["mean"] < high
    again = client.get(f"{SLOW}/answer", params={"text": "frogs", "month": 5}).json()
    assert again["etag"] == answer["etag"]
    other = client.get(f"{SLOW}/answer", params={"text": "frogs", "month": 6}).json()
    assert other["etag"] != answer["etag"]


def test_ranges_of_a_timetable_are_those_of_exact_fusion(client: TestClient) -> None:
    quick = client.get(f"{WORLD}/range", params={"text": "frogs"}).json()
    exact = client.get(f"{SLOW}/range", params={"text": "frogs"}).json()
    for layer in ("probability", "uncertainty"):
        assert quick[layer] == pytest.approx(exact[layer], rel=0.15)


def test_profile_agrees_with_the_map_at_every_hour(client: TestClient) -> None:
    place = {"text": "frogs", "lat": 48.2, "lon": 16.4}
    profile = client.get(f"{SLOW}/profile", params=place | {"month": 4, "hour": 21}).json()
    assert np.array(profile["probability"]).shape == (12, 24)
    assert np.array(profile["uncertainty"]).shape == (12, 24)
    assert profile["land"]
    assert profile["place"].startswith("near ")
    assert len(profile["top"]) == 5
    chances = [sound["probability"] for sound in profile["top"]]
    assert chances == sorted(chances, reverse=True)
    value = client.get(f"{SLOW}/value", params=place | {"month": 4, "hour": 21}).json()
    assert profile["probability"][3][21] == pytest.approx(value["probability"], abs=1e-4)


def test_there_is_nothing_at_sea(client: TestClient) -> None:
    place = {"text": "frogs", "lat": -48.0, "lon": -130.0}
    value = client.get(f"{WORLD}/value", params=place).json()
    assert value["cell"] is None
    assert value["probability"] is None
    profile = client.get(f"{WORLD}/profile", params=place).json()
    assert not profile["land"]
    assert profile["probability"] is None
    assert profile["top"] == []


def test_best_places_are_apart_and_best_first(client: TestClient) -> None:
    params = {"text": "frogs", "count": 5, "apart_km": 2000}
    found = client.get(f"{WORLD}/places", params=params).json()
    chances = [place["probability"] for place in found]
    assert len(found) == 5
    assert chances == sorted(chances, reverse=True)
    best = client.get(f"{WORLD}/answer", params={"text": "frogs"}).json()["range"]
    assert chances[0] >= best["probability"][1]


def test_what_sounds_at_a_place_needs_no_question(client: TestClient) -> None:
    place = {"lat": 48.2, "lon": 16.4, "month": 4, "hour": 21}
    found = client.get(f"{SLOW}/sounds", params=place).json()
    profile = client.get(f"{SLOW}/profile", params=place | {"text": "frogs"}).json()
    assert found["land"]
    assert (found["place"], found["top"]) == (profile["place"], profile["top"])
    # 21 h at 16.4 degrees east is 19:54:24 UTC.
    utc = place | {"utc": 21 - 16.4 / 15}
    del utc["hour"]
    assert client.get(f"{SLOW}/sounds", params=utc).json()["top"] == found["top"]
    sea = client.get(f"{SLOW}/sounds", params={"lat": -48.0, "lon": -130.0}).json()
    assert (sea["land"], sea["top"]) == (False, [])


def test_suggestions(client: TestClient) -> None:
    found = client.get("/api/v1/suggestions", params={"prefix": "Church"}).json()
    assert found[0] == "church bells ringing"
    assert len(found) <= 8
    assert len(client.get("/api/v1/suggestions").json()) == 8
    assert client.get("/api/v1/suggestions", params={"prefix": "zzz"}).json() == []


def test_layers_are_the_bands_that_files_hold(client: TestClient) -> None:
    layers = client.get("/api/v1/layers").json()
    palettes = {each["id"] for each in client.get("/api/v1/colours").json()}
    assert [layer["id"] for layer in layers] == [b.short_name for b in BANDS if b.is_standard]
    assert {layer["colours"] for layer in layers} <= palettes
    ranges = client.get(f"{WORLD}/answer", params={"text": "frogs"}).json()["range"]
    assert list(ranges) == [layer["id"] for layer in layers]


def test_models_and_colours(client: TestClient, model: PSM) -> None:
    (only,) = client.get("/api/v1/models").json()
    assert only["name"] == "tiny"
    assert only["dim"] == model.config.dim
    colours = client.get("/api/v1/colours").json()
    assert {"magma", "slate"} <= {each["id"] for each in colours}
    assert all(len(each["css"]) == 16 and each["css"][0][0] == "#" for each in colours)
    for each in colours:
        assert len(each["hex"]) == 6 * 255
        assert each["css"][0] == f"#{each['hex'][:6]}"
        assert each["css"][-1] == f"#{each['hex'][-6:]}"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"{WORLD}/answer", 422, "ask for something"),
        (f"{WORLD}/answer?text=frogs&month=13", 422, "month"),
        (f"{WORLD}/answer?text=frogs&hour=24", 422, "hour"),
        (f"{WORLD}/answer?text=frogs&hour=nan", 422, "hour"),
        (f"{WORLD}/answer?text=frogs&hour=1&utc=1", 422, "not both"),
        (f"{WORLD}/answer?text=frogs&muonth=1", 422, "muonth"),
        (f"{WORLD}/answer?text=%20", 422, "empty"),
        (f"{WORLD}/answer?text=frogs*two", 422, "weight"),
        (f"{WORLD}/answer?text=frogs*1e300", 422, "weight"),
        (f"{WORLD}/answer?text=frogs*nan", 422, "weight"),
        (f"{WORLD}/answer?text=frogs&without=-rain", 422, "twice"),
        (f"{WORLD}/answer?text=a%00b", 422, "text"),
        (f"{WORLD}/answer?text={'a' * 201}", 422, "text"),
        (f"{WORLD}/answer?{'text=a&' * 9}", 422, "text"),
        (f"{WORLD}/answer?audio=../../etc/passwd", 422, "audio"),
        (f"{WORLD}/answer?audio={'0' * 32}", 404, "upload it again"),
        (f"{WORLD}/value?text=frogs&lat=91&lon=0", 422, "lat"),
        (f"{WORLD}/value?text=frogs", 422, "lat"),
        (f"{WORLD}/places?text=frogs&count=1000", 422, "count"),
        (f"{WORLD}/sounds?lat=0&lon=0&text=frogs", 422, "text"),
        (f"{WORLD}/sounds?lat=0&lon=0&hour=1&utc=1", 422, "not both"),
        ("/api/v1/stores/nowhere/answer?text=frogs", 404, "there are world, slow"),
        ("/api/v1/stores/..%2f..%2fetc/answer?text=frogs", 404, ""),
        ("/api/v1/nothing", 404, "nothing at this address"),
        ("/nothing", 404, "nothing at this address"),
        ("/assets/..%2f..%2fapp.py", 404, ""),
    ],
)
def test_mistakes_are_problems(client: TestClient, path: str, status: int, words: str) -> None:
    found = client.get(path)
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"
    problem = found.json()
    assert problem["status"] == status
    assert problem["title"]
    assert words in problem["detail"]


def test_the_truth_is_that_of_the_library_where_there_is_one(
    client: TestClient, model: PSM, exact: EmbeddedCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"text": "frogs", "month": 5, "utc": 4}
    real = client.get(f"{WORLD}/truth", params=asked)
    assert real.status_code == 422
    assert "learnt from recordings" in real.json()["detail"]
    assert client.get(f"{WORLD}/answer", params=asked).json()["true_sound"] is None
    earth = DataSet(name=SIMULATED, is_simulated=True, recordings=12)
    monkeypatch.setattr(model, "provenance", Provenance(trained_on=(earth,)))
    said = client.get(f"{WORLD}/truth", params=asked).json()
    known = map_query(model, exact, Query.parse("frogs"), Moment(month=5, utc=4.0))
    true = true_map(known)
    values = np.frombuffer(base64.b64decode(said["values"]), "<u2") / 65535
    np.testing.assert_allclose(values, true.values()[np.isfinite(true.values())], atol=1e-5)
    figures = agreement(known, true)
    assert said["sound"] == "frogs croaking"
    assert said["agreement"]["true_mean"] == pytest.approx(figures.true_mean, abs=1e-5)
    assert said["agreement"]["spearman"] == pytest.approx(figures.spearman, abs=0.05)
    assert client.get(f"{WORLD}/answer", params=asked).json()["true_sound"] == "frogs croaking"
    several = asked | {"text": ["frogs", "wind"]}
    assert client.get(f"{WORLD}/truth", params=several).status_code == 422
    assert client.get(f"{WORLD}/answer", params=several).json()["true_sound"] is None


def test_other_methods_are_refused(client: TestClient) -> None:
    found = client.delete(f"{WORLD}/answer")
    assert found.status_code == 405
    assert found.headers["allow"] == "GET"
    assert found.headers["content-type"] == "application/problem+json"


ASKED = {"text": "frogs", "month": 5, "hour": 4}
PLACE = {"lat": 48.2, "lon": 16.4}


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/api/v1/stores", {}),
        ("/api/v1/models", {}),
        (f"{WORLD}/answer", ASKED),
        (f"{WORLD}/value", ASKED | PLACE),
        (f"{WORLD}/profile", ASKED | PLACE),
        (f"{WORLD}/places", ASKED),
        (f"{WORLD}/tiles/probability/0/0/0.png", ASKED),
        (f"{WORLD}/map.tif", ASKED),
        (f"{WORLD}/map.png", ASKED),
        ("/api/v1/listen", PLACE | {"month": 5, "hour": 4, "seconds": 5}),
    ],
)
def test_every_answer_says_what_the_model_learnt_from(
    client: TestClient,
    model: PSM,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    params: dict[str, object],
) -> None:
    earth = DataSet(name=SIMULATED, is_simulated=True, recordings=12)
    monkeypatch.setattr(model, "provenance", Provenance(trained_on=(earth,)))
    found = client.get(path, params=params)
    assert found.status_code == 200, found.text
    said = json.loads(found.headers["PSM-Provenance"])
    assert said == model.provenance.summary
    if path.endswith(("models", "answer")):
        content = found.json()
        assert (content[0] if path.endswith("models") else content)["provenance"] == said
    if path.endswith("stores"):
        assert all(store["is_simulated"] for store in found.json())


def test_what_is_shown_of_a_link_says_what_its_maps_stand_on(
    client: TestClient, model: PSM, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {}
    for name, data in (
        ("simulated", DataSet(name=SIMULATED, is_simulated=True, recordings=12)),
        ("real", DataSet(name="Bells & <frogs>", recordings=12)),
    ):
        monkeypatch.setattr(model, "provenance", Provenance(trained_on=(data,)))
        page = client.get("/")
        assert page.text.count('<meta property="og:description"') == 1
        shown[name] = page
    assert "Simulated Earth: synthesised sounds" in shown["simulated"].text
    assert "Simulated Earth" not in shown["real"].text
    assert "Bells &amp; &lt;frogs&gt;" in shown["real"].text
    assert shown["simulated"].headers["etag"] != shown["real"].headers["etag"]
    known = {"If-None-Match": shown["real"].headers["etag"]}
    assert client.get("/", headers=known).status_code == 304


def test_a_model_of_real_recordings_has_nothing_to_listen_to(client: TestClient) -> None:
    found = client.get("/api/v1/listen", params=PLACE | {"month": 5, "hour": 4})
    assert (found.status_code, found.json()["type"].endswith("not-simulated")) == (404, True)
