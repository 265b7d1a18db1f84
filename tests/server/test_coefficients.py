"""Coefficients of a store and questions in numbers: with both, a page draws every map itself."""

from __future__ import annotations

import base64
import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from psm.config import Experiment
from psm.mapping.timetable.coefficientfile import CoefficientFile, unpack
from psm.mapping.timetable.queryprojection import QueryModes
from psm.model import PSM
from psm.server.served import ServedStore

WORLD = "/api/v1/stores/world"


def _modes(of: dict[str, object]) -> np.ndarray:
    whole = np.frombuffer(base64.b64decode(str(of["values"])), "<i2")
    return whole[None] * float(str(of["step"]))


def test_header_and_arrays_are_a_file_that_is_fetched_once(client: TestClient) -> None:
    about = client.get("/api/v1/stores").json()
    ids = {store["id"]: store["coefficients"] for store in about}
    header = client.get(f"{WORLD}/coefficients.json")
    assert header.json()["id"] == ids["world"]
    assert ids["slow"] is None
    arrays = client.get(f"{WORLD}/coefficients.bin")
    assert arrays.headers["content-type"] == "application/gzip"
    assert len(gzip.decompress(arrays.content)) == header.json()["bytes"]
    assert unpack(CoefficientFile(header.json(), arrays.content)).coefficients.shape[0] > 100
    for name in ("json", "bin", "names.json"):
        etag = client.get(f"{WORLD}/coefficients.{name}").headers["etag"]
        again = client.get(f"{WORLD}/coefficients.{name}", headers={"If-None-Match": etag})
        assert again.status_code == 304
        assert again.content == b""


def test_a_store_prepared_before_there_were_any_gets_them_and_stays_as_it_is(
    model: PSM, stores: tuple[str, str], tmp_path: Path
) -> None:
    copied = tmp_path / "world.zarr"
    shutil.copytree(stores[0], copied)
    shutil.rmtree(copied / "times-1" / "browser")
    before = ServedStore.open(f"{copied}", model, name="World", id_="world")
    assert before.is_interactive
    assert not before.is_complete
    model.save_pretrained(tmp_path / "model", Experiment(model=model.config))
    settings = before.store.group["times-1"].attrs["settings"]
    run = [sys.executable, "-m", "psm.server.preparing", f"{copied}", f"{tmp_path / 'model'}"]
    subprocess.run(run, check=True)
    after = ServedStore.open(f"{copied}", model, name="World", id_="world")
    assert after.is_complete
    assert after.coefficients is not None
    assert after.store.group["times-1"].attrs["settings"] == settings


def test_a_store_without_coefficients_says_so(client: TestClient) -> None:
    found = client.get("/api/v1/stores/slow/coefficients.json")
    assert found.status_code == 404
    assert "take its tiles" in found.json()["detail"]
    answer = client.get("/api/v1/stores/slow/answer", params={"text": "frogs"})
    assert answer.json()["numbers"] is None


@pytest.mark.parametrize("moment", [{"month": 5, "hour": 4}, {"month": 5, "utc": 4}, {}])
def test_numbers_and_coefficients_are_the_map(client: TestClient, moment: dict[str, int]) -> None:
    numbers = client.get(f"{WORLD}/answer", params={"text": "frogs"}).json()["numbers"]
    header = client.get(f"{WORLD}/coefficients.json").json()
    assert numbers["coefficients"] == header["id"]
    timetable = unpack(CoefficientFile(header, client.get(f"{WORLD}/coefficients.bin").content))
    (term,) = numbers["terms"]
    spread = term["csd_variance"]
    modes = QueryModes(
        _modes(term["csd"]), np.array([term["csd"]["offset"]]), _modes(spread),
        np.array([spread["offset"]]), np.zeros(1),
    )  # fmt: skip
    lat, lon = 45.0, 15.0
    hours = np.full(header["cells"], moment.get("hour", moment.get("utc", 0) + lon / 15.0))
    distance, _ = timetable.distances(
        modes, 0, month=moment.get("month"), hours=hours if moment else None
    )
    curve = numbers["curve"]
    chance = 1.0 / (1.0 + np.exp(curve["scale"] * (distance + term["offset"]) - curve["shift"]))
    value = client.get(
        f"{WORLD}/value", params={"text": "frogs", "lat": lat, "lon": lon, **moment}
    ).json()
    frame = header["frame"]
    pixel = int((frame["north"] - lat) / frame["step_lat"]) * frame["columns"] + int(
        (lon - frame["west"]) / frame["step_lon"]
    )
    content = gzip.decompress(client.get(f"{WORLD}/coefficients.bin").content)
    bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
    cell = int(bits[:pixel].sum())
    assert bits[pixel]
    spread_of_map = np.ptp(chance)
    assert chance[cell] == pytest.approx(value["probability"], abs=0.05 * spread_of_map + 1e-5)


def test_composed_questions_have_a_term_each(client: TestClient) -> None:
    params = {"text": ["frogs", "rain"], "without": "traffic*2"}
    numbers = client.get(f"{WORLD}/answer", params=params).json()["numbers"]
    assert [(term["is_wanted"], term["power"]) for term in numbers["terms"]] == [
        (True, 1.0),  # what is wanted is one blend
        (False, 2.0),
    ]


def test_cells_have_names(client: TestClient) -> None:
    found = client.get(f"{WORLD}/coefficients.names.json").json()
    of_cells = np.frombuffer(base64.b64decode(found["of_cells"]), "<u2")
    assert len(of_cells) == client.get(f"{WORLD}/coefficients.json").json()["cells"]
    assert of_cells.max() == len(found["names"])
    assert all(name.startswith("near ") for name in found["names"])
