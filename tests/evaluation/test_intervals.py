"""The cluster bootstrap against theory."""

from __future__ import annotations

import numpy as np
import pytest

from psm.evaluation.intervals import CellBootstrap


def test_interval_of_independent_cells_is_that_of_the_mean() -> None:
    values = np.random.default_rng(0).random(400) < 0.3
    low, high = CellBootstrap(range(400)).interval(values) or (0.0, 0.0)
    half = 1.96 * np.sqrt(values.mean() * (1 - values.mean()) / 400)
    assert low == pytest.approx(values.mean() - half, abs=0.006)
    assert high == pytest.approx(values.mean() + half, abs=0.006)


def test_clustering_widens_the_interval() -> None:
    cells = np.repeat(np.arange(40), 10)
    values = np.repeat(np.random.default_rng(0).random(40) < 0.5, 10)
    clustered = CellBootstrap(cells.tolist()).interval(values) or (0.0, 0.0)
    independent = CellBootstrap(range(400)).interval(values) or (0.0, 0.0)
    assert np.ptp(clustered) > 2.5 * np.ptp(independent)


def test_weights_are_those_of_resampled_recordings() -> None:
    # With constant values every draw gives the constant, however the cells are drawn.
    cells = ["a", "a", "b", "c", "c", "c"]
    assert CellBootstrap(cells, draws=50).means(np.full(6, 0.25)) == pytest.approx(0.25)


def test_a_subset_is_averaged_over_itself() -> None:
    bootstrap = CellBootstrap(range(200))
    among = np.arange(200) < 100
    values = np.where(among, 1.0, -5.0)
    assert bootstrap.interval(values, among) == (1.0, 1.0)
    assert bootstrap.interval(values, np.zeros(200, bool)) is None


def test_draws_are_seeded() -> None:
    values = np.arange(30) % 2
    same = [CellBootstrap(range(30), seed=3).interval(values) for _ in range(2)]
    assert same[0] == same[1]
    assert CellBootstrap(range(30), seed=4, draws=99).interval(values) != same[0]
