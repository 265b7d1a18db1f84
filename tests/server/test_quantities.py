"""Measures and indicators over HTTP: the same as the library gives, with units and intervals."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rasterio
from PIL import Image
from starlette.testclient import TestClient

from psm.calibration import Calibration
from psm.errors import CheckpointMismatch
from psm.indicators import INDICATORS, map_indicator
from psm.mapping import EmbeddedCells, Moment, Store
from psm.measures import Measure, map_measure
from psm.model import PSM
from psm.server import ServerState, Settings
from psm.server.quantities.answers import rounded_ends
from tests.mapping.store.fakes import tiny_config
from tests.server.conftest import ROWS

WORLD, SLOW = "/api/v1/stores/world/quantities", "/api/v1/stores/slow/quantities"
WHEN = {"month": 5, "hour": 8}
VIENNA = {"lat": 48.2, "lon": 16.4}


@pytest.fixture(scope="module")
def exact(stores: tuple[str, str]) -> EmbeddedCells:
    return Store.open(stores[1]).embedded()


def test_what_can_be_mapped_is_listed_with_unit_and_origin(asked: TestClient) -> None:
    first, *others = asked.get(WORLD).json()
    assert first["id"] == "laeq-db"
    assert (first["kind"], first["name"], first["unit"]) == ("measure", "laeq db", "dB")
    assert (first["fitted_on"], first["n"], first["refusal"]) == ("levels.csv", ROWS, None)
    assert first["low"] is first["high"] is None
    assert 0.0 < first["coverage"] <= 1.0
    assert [other["id"] for other in others] == list(INDICATORS)
    assert {other["refusal"] for other in others} == {None}
    ndsi = next(other for other in others if other["id"] == "predicted_ndsi")
    assert (ndsi["low"], ndsi["high"], ndsi["is_diverging"]) == (-1.0, 1.0, True)


def test_values_and_intervals_are_those_of_the_library(
    asked: TestClient, model: PSM, exact: EmbeddedCells, level: Measure, curve: Calibration
) -> None:
    moment = Moment(month=5, hour=8.0)
    maps = {
        "laeq-db": map_measure(level, model, exact, moment),
        "tranquillity": map_indicator(
            model, exact, INDICATORS["tranquillity"], moment, calibration=curve
        ),
    }
    for id_, found in maps.items():
        wanted = found.at(**VIENNA)
        value = asked.get(f"{SLOW}/{id_}/value", params={**WHEN, **VIENNA}).json()
        assert "value" in value, value
        for name in ("value", "lower", "upper"):
            assert value[name] == pytest.approx(wanted[name], rel=1e-4), (id_, name)
        assert value["lower"] < value["value"] < value["upper"]
        near = asked.get(f"{WORLD}/{id_}/value", params={**WHEN, **VIENNA}).json()
        assert near["value"] == pytest.approx(wanted["value"], rel=0.05)
        answer = asked.get(f"{SLOW}/{id_}/answer", params=WHEN).json()
        values = found.values()
        area = found.frame.row_km2[:, None] * np.isfinite(values)
        assert answer["mean"] == pytest.approx(np.nansum(values * area) / area.sum(), rel=1e-4)
        profile = asked.get(f"{SLOW}/{id_}/profile", params=VIENNA).json()
        assert np.asarray(profile["upper"]).shape == (12, 24)
        assert profile["value"][4][8] == pytest.approx(wanted["value"], rel=1e-3)
    assert asked.get(f"{SLOW}/laeq-db/value", params=VIENNA).json()["unit"] == "dB"


def test_places_come_from_either_end(asked: TestClient) -> None:
    most, least = (
        asked.get(f"{WORLD}/laeq-db/places", params={**WHEN, "count": 3, "order": order}).json()
        for order in ("highest", "lowest")
    )
    values = [place["value"] for place in most]
    assert values == sorted(values, reverse=True)
    assert least[0]["value"] == min(place["value"] for place in least) < values[-1]
    assert most[0]["lower"] < most[0]["value"] < most[0]["upper"]


def test_tiles_are_levels_between_ends_that_stay(asked: TestClient) -> None:
    ends = asked.get(f"{WORLD}/laeq-db/range").json()
    low, high = ends["value"]
    assert ends["lower"] == ends["value"]
    assert ends["width"][0] == 0.0
    assert all(f"{end:.6g}" == f"{round(end, 3):.6g}" for end in (low, high))
    params = {**WHEN, "colours": "none"}
    got = asked.get(f"{WORLD}/laeq-db/tiles/value/0/0/0.png", params=params)
    levels = np.asarray(Image.open(io.BytesIO(got.content)))
    value = asked.get(f"{WORLD}/laeq-db/value", params={**WHEN, "lat": 0.2, "lon": 0.2}).json()
    shown = low + (levels[128, 128] - 1) / 254 * (high - low)
    assert shown == pytest.approx(value["value"], abs=0.06 * (high - low))
    again = asked.get(got.url, headers={"If-None-Match": got.headers["ETag"]})
    assert again.status_code == 304
    other = asked.get(f"{WORLD}/laeq-db/tiles/width/0/0/0.png", params=params)
    assert not np.array_equal(np.asarray(Image.open(io.BytesIO(other.content))), levels)
    colours = asked.get(f"{WORLD}/biophony/tiles/value/0/0/0.webp", params=WHEN)
    assert Image.open(io.BytesIO(colours.content)).mode == "RGBA"
    assert asked.get(f"{WORLD}/biophony/range").json()["value"] == [0.0, 1.0]


def test_maps_are_downloaded_with_their_interval(asked: TestClient) -> None:
    got = asked.get(f"{WORLD}/laeq-db/map.tif", params=WHEN)
    assert got.headers["Content-Disposition"].startswith('attachment; filename="laeq-db.tif"')
    with rasterio.open(io.BytesIO(got.content)) as raster:
        assert raster.count == 3
        assert raster.units[0] == "dB"
    figure = asked.get(f"{WORLD}/predicted_ndsi/map.png", params=WHEN)
    assert Image.open(io.BytesIO(figure.content)).size[0] > 600


def test_what_cannot_be_answered_is_said_in_one_line(
    asked: TestClient, client: TestClient, state: ServerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = asked.get(f"{WORLD}/loudness/value", params=VIENNA)
    assert gone.status_code == 404
    assert gone.json()["type"] == "/problems/unknown-quantity"
    raw = client.get(f"{WORLD}/biophony/value", params=VIENNA)  # without a calibration
    assert raw.status_code == 422
    assert "psm calibrate" in raw.json()["detail"]
    listed = client.get(WORLD).json()
    assert all("calibrat" in each["refusal"] for each in listed)
    line = "answers queries alone; embed a region"
    measure = state.quantities.quantities["laeq-db"]
    monkeypatch.setattr(type(measure), "refusal", lambda *_: line)
    refused = asked.get(f"{WORLD}/laeq-db/answer", params=WHEN)
    assert refused.status_code == 422
    assert line in refused.json()["detail"]
    assert asked.get(f"{WORLD}/biophony/answer", params=WHEN).status_code == 200


def test_a_measure_of_another_model_is_refused_at_the_start(level: Measure) -> None:
    other = PSM(tiny_config()).eval()
    with pytest.raises(CheckpointMismatch, match="laeq_db was fitted with"):
        ServerState(other, {}, Settings(), measures=[level])


def test_ends_of_legends_are_round_numbers() -> None:
    assert rounded_ends(31.27, 58.93, (-np.inf, np.inf)) == (30.0, 60.0)
    assert rounded_ends(0.012, 0.087, (0.0, 1.0)) == (0.01, 0.09)
    assert rounded_ends(-3.0, 0.4, (0.0, 1.0)) == (0.0, 0.5)
