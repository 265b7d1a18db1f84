"""Captions of a place over HTTP: those of a file, those of a model, or none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fastapi import FastAPI
from starlette.testclient import TestClient

from psm.calibration import curves_of
from psm.errors import MissingData
from psm.mapping import Moment
from psm.mapping.captionsearch import EncodedCaptions, best_captions
from psm.model import PSM
from psm.server.served import open_all

WORLD = "/api/v1/stores/world"
TEXTS = ["frogs in a pond", "", "traffic in a street", "frogs in a pond", "church bells", "gulls"]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "captions.txt"
    path.write_text("\n".join(TEXTS))
    return path


def test_the_best_captions_of_a_place(
    make: Callable[..., FastAPI], listed: Path, model: PSM, stores: tuple[str, str]
) -> None:
    place = {"lat": 48.2, "lon": 16.4, "month": 4, "hour": 21}
    with TestClient(make(captions=str(listed))) as client:
        found = client.get(f"{WORLD}/captions", params=place)
        assert found.status_code == 200
        three = found.json()["captions"]
        every = client.get(f"{WORLD}/captions", params=place | {"count": 50}).json()["captions"]
        assert client.get(f"{WORLD}/captions", params=place | {"count": 51}).status_code == 422
        sea = client.get(f"{WORLD}/captions", params={"lat": -48.0, "lon": -130.0}).json()
        assert (sea["land"], sea["captions"]) == (False, [])
        later = client.get(f"{WORLD}/captions", params=place | {"month": 12, "hour": 3}).json()
    assert three == every[:3]
    assert found.json()["origin"] == "captions.txt"
    assert {one["text"] for one in every} == set(TEXTS) - {""}
    assert later["captions"] != three
    served = open_all(stores, model)["world"]
    cell = served.finder.at(lat=48.2, lon=16.4)
    captions = EncodedCaptions.of(model, TEXTS)
    with torch.inference_mode():
        best = best_captions(
            model, served.features(cell), captions, curves_of(model, None, captions.gaussians),
            moment=Moment(month=4, hour=21.0), **served.place(cell),
        )  # fmt: skip
    assert [one["text"] for one in every] == [one.caption for one in best]
    chances = [one["probability"] for one in every]
    assert chances == pytest.approx([one.probability for one in best], abs=1e-4)


def test_a_model_without_captions_says_so(client: TestClient) -> None:
    found = client.get(f"{WORLD}/captions", params={"lat": 48.2, "lon": 16.4}).json()
    assert (found["land"], found["captions"], found["origin"]) == (True, [], None)


def test_a_file_without_captions_is_refused(make: Callable[..., FastAPI], tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n")
    with pytest.raises(MissingData, match="no caption in it"):
        make(captions=str(empty))
    with pytest.raises(MissingData, match="no such file"):
        make(captions=str(tmp_path / "nowhere.txt"))
