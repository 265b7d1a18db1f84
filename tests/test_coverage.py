"""Coverage: the places that a model has learnt about, kept beside its weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from psm import PSM, checkpoints
from psm.coverage import FILE_NAME, Coverage, percent
from psm.errors import CheckpointMismatch, StaleCoverage
from psm.inference.coveragefit import LEAST_REACH_KM, fit_from_shards, thinned
from psm.seeding import generator
from tests.tiny import tiny_experiment, write_tiny_shards


def known(weights: str = "of nobody") -> Coverage:
    """Two places on both sides of the antimeridian, which look alike, and one in Vienna."""
    return Coverage(
        places=torch.tensor([[0.0, 179.5], [0.0, -179.0], [48.2, 16.4]]),
        reach_km=500.0,
        looks=torch.eye(4)[:2],
        least_likeness=0.9,
        weights=weights,
    )


def covered(features: list[list[float]], lat: list[float], lon: list[float]) -> list[bool]:
    found = known().covers(torch.tensor(features), lat=np.array(lat), lon=np.array(lon))
    return list(found)


@pytest.fixture(scope="module")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return PSM(tiny_experiment().model).eval()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards"))


def test_a_place_is_covered_where_it_is_near_and_looks_alike() -> None:
    alike, strange = [0.0, 3.0, 0.1, 0.0], [0.0, 0.0, 1.0, 0.0]
    assert covered([alike, strange], [48.0, 48.0], [16.0, 16.0]) == [True, False]
    assert covered([alike] * 3, [0.0, 0.0, -80.0], [-176.0, 175.5, 16.0]) == [True, True, False]


def test_many_places_are_judged_as_one_by_one() -> None:
    rng = generator(0, "places")
    features = torch.from_numpy(rng.normal(size=(5000, 4))).float()
    lat, lon = rng.uniform(44.0, 52.0, 5000), rng.uniform(10.0, 22.0, 5000)
    together = known().covers(features, lat=lat, lon=lon)
    assert 0 < together.sum() < 5000
    for row in range(0, 5000, 611):
        own = slice(row, row + 1)
        alone = known().covers(features[own], lat=lat[own], lon=lon[own])
        assert alone[0] == together[row]


def test_it_is_kept_and_read_again(tmp_path: Path) -> None:
    made = known()
    made.save(tmp_path)
    found = Coverage.load(tmp_path)
    assert found is not None
    torch.testing.assert_close(found.places, made.places)
    torch.testing.assert_close(found.looks, made.looks)
    assert (found.reach_km, found.least_likeness, found.weights) == (500.0, 0.9, "of nobody")
    assert Coverage.load(tmp_path / "nowhere") is None
    path = tmp_path / FILE_NAME
    again = path.read_bytes()
    made.save(tmp_path)
    assert path.read_bytes() == again


@pytest.mark.parametrize("damage", ["cut short", "not finite"])
def test_a_broken_file_is_refused_in_words(tmp_path: Path, damage: str) -> None:
    made = known()
    if damage == "not finite":
        made = replace(made, places=torch.full((2, 2), torch.nan))
    path = made.save(tmp_path)
    if damage == "cut short":
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointMismatch, match="psm calibrate"):
        Coverage.load(tmp_path)


def test_a_model_keeps_it_and_does_not_use_that_of_other_weights(
    model: PSM, tmp_path: Path
) -> None:
    model.coverage = known(checkpoints.weights_fingerprint(model))
    try:
        model.save_pretrained(tmp_path, is_half=True)
    finally:
        model.coverage = None
    assert PSM.from_pretrained(tmp_path).coverage is not None
    known().save(tmp_path)
    with pytest.warns(StaleCoverage, match=f"{FILE_NAME}: of other weights; run `psm calib"):
        assert PSM.from_pretrained(tmp_path).coverage is None


def test_a_model_learns_what_it_covers_from_shards(model: PSM, shards: Path) -> None:
    found = fit_from_shards(model, shards, "val")
    assert found is not None
    assert found.weights == checkpoints.weights_fingerprint(model)
    assert found.reach_km >= LEAST_REACH_KM
    assert found.looks.shape == (40, model.config.dim)
    assert -1.0 <= found.least_likeness <= 1.0
    lat, lon = found.places[:1].double().numpy().T
    assert found.covers(found.looks[:1], lat=lat, lon=lon).all()
    assert fit_from_shards(model, shards, "train") is None


def test_places_are_thinned_to_as_many_as_are_kept() -> None:
    places = generator(1, "places").uniform(-60.0, 80.0, (3000, 2))
    assert len(thinned(places, most=3000)) == 3000
    few = thinned(places, most=200)
    assert 1 <= len(few) <= 200
    assert {tuple(place) for place in few} <= {tuple(place) for place in places}


@pytest.mark.parametrize(
    ("share", "words"), [(0.004, "0.4 %"), (0.125, "12 %"), (0.99, "99 %"), (0.999, "100 %")]
)
def test_shares_are_told_in_few_digits(share: float, words: str) -> None:
    assert percent(share) == words
