"""Linear probes: what is in the features is found, what is not there is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from psm.data.recording import Recording
from psm.earth.soundscape import log_set_probability, sample_sounds
from psm.errors import ConfigError
from psm.evaluation.agreement import spearman
from psm.evaluation.probing.probes import BOX_DEG, Folds, probe_odds, probe_values
from psm.seeding import generator

N, DIM = 400, 12


def spread(recordings: tuple[Recording, ...], count: int) -> list[Recording]:
    """Copies of recordings all over the world."""
    rng = generator(0, "spread")
    lat, lon = rng.uniform(-60, 75, count), rng.uniform(-180, 179, count)
    return [
        replace(recordings[i % len(recordings)], key=f"s{i}", lat=float(lat[i]), lon=float(lon[i]))
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def folds(recordings: tuple[Recording, ...]) -> Folds:
    return Folds.of(spread(recordings, N))


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, the odds of sounds that are linear in them, and sets drawn from those odds."""
    rng = generator(1, "probes")
    features = rng.normal(size=(N, DIM))
    odds = np.exp(features @ rng.normal(size=(DIM, 28)) - 3.0)
    sets = np.stack([sample_sounds(row, rng) for row in odds])
    return features, odds, sets


def likelihood(odds: np.ndarray, sets: np.ndarray) -> float:
    return float(np.diag(log_set_probability(odds, sets)).mean())


def shares_alone(sets: np.ndarray, folds: Folds) -> float:
    """Likelihood under a probe that sees nothing."""
    return likelihood(probe_odds(np.zeros((N, 1)), sets, folds, strengths=(1.0,)), sets)


def test_boxes_are_whole_and_folds_alike(recordings: tuple[Recording, ...], folds: Folds) -> None:
    places = spread(recordings, N)
    boxes: dict[tuple[int, int], set[int]] = {}
    for place, fold in zip(places, folds.number.tolist(), strict=True):
        boxes.setdefault((int(place.lat // BOX_DEG), int(place.lon // BOX_DEG)), set()).add(fold)
    assert {len(found) for found in boxes.values()} == {1}
    assert np.ptp(np.bincount(folds.number)) <= 3
    for train, read in folds:
        assert len(train) + len(read) == N
        assert not set(train) & set(read)


def test_recordings_of_one_place_cannot_be_folded(recordings: tuple[Recording, ...]) -> None:
    with pytest.raises(ConfigError, match="folds"):
        Folds.of([replace(recording, lat=10.0, lon=10.0) for recording in recordings])


def test_a_probe_finds_log_odds_that_are_linear(
    world: tuple[np.ndarray, np.ndarray, np.ndarray], folds: Folds
) -> None:
    features, odds, sets = world
    known, guessed = likelihood(odds, sets), shares_alone(sets, folds)
    read = likelihood(probe_odds(features, sets, folds), sets)
    assert read < known
    assert (read - guessed) / (known - guessed) > 0.55


def test_a_probe_of_noise_knows_the_shares_alone(
    world: tuple[np.ndarray, np.ndarray, np.ndarray], folds: Folds
) -> None:
    _, _, sets = world
    noise = generator(2, "noise").normal(size=(N, DIM))
    read = likelihood(probe_odds(noise, sets, folds, strengths=(1.0,)), sets)
    assert read < shares_alone(sets, folds) + 0.02


def test_a_ridge_probe_reads_what_is_linear_and_not_what_is_known_of_the_box(
    recordings: tuple[Recording, ...], folds: Folds
) -> None:
    rng = generator(3, "ridge")
    features = rng.normal(size=(N, DIM))
    places = spread(recordings, N)
    box = np.unique([f"{p.lat // BOX_DEG} {p.lon // BOX_DEG}" for p in places],
                    return_inverse=True)[1]  # fmt: skip
    linear = features @ rng.normal(size=DIM)
    of_the_box = rng.normal(size=box.max() + 1)[box]
    targets = np.stack([linear, linear + 2.0 * rng.normal(size=N), of_the_box], axis=1)
    named = np.concatenate([features, np.eye(box.max() + 1)[box]], axis=1)
    score = spearman(probe_values(named, targets, folds).T, targets.T)
    assert score[0] > 0.9
    assert 0.5 < score[1] < score[0]
    assert abs(score[2]) < 0.25  # its fold never saw the box
