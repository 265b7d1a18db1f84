"""Greedy choice: its quick updates are those of the book, its gain is as good as promised."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from psm.errors import ConfigError
from psm.geodata.sphere import unit_vectors
from psm.planning.choosing import GUARANTEED, Field, choose
from psm.seeding import generator

NOISE = 0.3


def field(count: int = 40, rank: int = 6, name: str = "field") -> tuple[Field, np.ndarray]:
    rng = generator(0, name)
    features = rng.normal(size=(count, rank)) / np.sqrt(rank)
    return Field(features, np.full(count, 0.05), np.ones(count)), features


def places(count: int = 40) -> np.ndarray:
    rng = generator(0, "places")
    return unit_vectors(lat=rng.uniform(46, 48, count), lon=rng.uniform(9, 12, count))


def left_of(features: np.ndarray, cells: list[int]) -> float:
    """Expected squared error by the equation, all measurements at once."""
    own = np.diag(1.0 / np.full(len(cells), NOISE + 0.05))
    known = np.linalg.inv(np.eye(features.shape[1]) + features[cells].T @ own @ features[cells])
    return float(np.einsum("nd,de,ne->n", features, known, features).mean()) + 0.05


def test_quick_updates_are_those_of_the_equation() -> None:
    known, features = field()
    sites = choose(known, places(), count=5, noise=NOISE)
    whole = left_of(features, [])
    for number, site in enumerate(sites, start=1):
        cells = [each.cell for each in sites[:number]]
        assert site.left == pytest.approx(left_of(features, cells) / whole, rel=1e-9)
        others = [left_of(features, [*cells[:-1], c]) for c in range(40) if c not in cells[:-1]]
        assert left_of(features, cells) == pytest.approx(min(others), rel=1e-9)
    assert sum(site.adds for site in sites) == pytest.approx(1.0 - sites[-1].left)


def test_information_is_at_least_what_is_promised() -> None:
    known, features = field(14, 4, "small")
    sites = choose(known, places(14), count=3, noise=NOISE, objective="information")

    def gained(cells: tuple[int, ...]) -> float:
        chosen = features[list(cells)]
        inner = np.eye(len(cells)) + chosen @ chosen.T / (NOISE + 0.05)
        return 0.5 * float(np.linalg.slogdet(inner)[1])

    best = max(gained(cells) for cells in combinations(range(14), 3))
    ours = gained(tuple(site.cell for site in sites))
    assert sites[-1].information == pytest.approx(ours, rel=1e-9)
    assert ours >= GUARANTEED * best
    gains = np.diff([0.0, *(site.information for site in sites)])
    assert (np.diff(gains) <= 1e-12).all()


def test_what_is_known_already_is_not_measured_again() -> None:
    known, features = field()
    fresh, _ = field()
    first = choose(fresh, places(), count=1, noise=NOISE)[0].cell
    known.told(np.repeat(features[[first]], 50, axis=0), NOISE)
    assert choose(known, places(), count=1, noise=NOISE)[0].cell != first


def test_sites_keep_their_distance_and_stand_where_they_may() -> None:
    at = places()
    may = np.arange(40) % 2 == 0
    sites = choose(field()[0], at, count=4, noise=NOISE, may=may, taken=[0], apart_km=30.0)
    cells = [0, *(site.cell for site in sites)]
    assert all(cell % 2 == 0 for cell in cells)
    away = np.linalg.norm(at[cells][:, None] - at[cells], axis=-1) * 6371.0
    assert away[~np.eye(5, dtype=bool)].min() >= 30.0
    with pytest.raises(ConfigError, match=r"room for \d+ of 40 sites"):
        choose(field()[0], at, count=40, noise=NOISE, apart_km=60.0)
    with pytest.raises(ConfigError, match="choose error, information"):
        choose(field()[0], at, count=1, noise=NOISE, objective="luck")  # type: ignore[arg-type]
