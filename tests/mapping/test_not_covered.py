"""Places that a model does not cover: left out of stores, maps and profiles, and said to be so."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from psm.coverage import Coverage
from psm.errors import MissingData, NotCovered
from psm.mapping import Cells, EmbeddedCells, MixedZooms, Query, Timetable, embed_cells, map_query
from psm.mapping.algebra import mean
from psm.mapping.profile import profile
from psm.mapping.store import cached_store
from psm.mapping.store.status import LABELS, NOT_COVERED
from psm.mapping.timetable import prepare
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery

BELLS = Query(texts=("church bells",))


def around_vienna(reach_km: float) -> Coverage:
    """Covers whatever lies around Vienna, however it looks."""
    return Coverage(torch.tensor([[48.2, 16.4]]), reach_km, torch.eye(16)[:1], -2.0, "any")


@pytest.fixture
def european(model: PSM) -> Iterator[PSM]:
    """A model that learnt in the north of the Old World."""
    model.coverage = around_vienna(5000.0)
    yield model
    model.coverage = None


@pytest.fixture
def world(european: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path) -> EmbeddedCells:
    return embed_cells(european, imagery, cells, zoom=1, store=tmp_path / "store")


def test_cells_that_are_not_covered_have_no_features(world: EmbeddedCells) -> None:
    assert world.not_covered is not None
    assert 0 < world.not_covered.sum() < len(world.cells)
    blank = world.features[:, 0].isnan().numpy()
    assert (blank >= world.not_covered).all()
    assert world.cells.lat[~world.not_covered].min() > 0.0
    some = np.flatnonzero(world.not_covered)[:3]
    assert world.part(some).not_covered.all()  # type: ignore[union-attr]


def test_a_store_counts_them_and_one_of_another_coverage_is_another(
    european: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path
) -> None:
    store = cached_store(european, imagery, cells, store=tmp_path)
    assert store.counts(1)[LABELS[NOT_COVERED]] > 0
    assert store.url == cached_store(european, imagery, cells, store=tmp_path).url
    european.coverage = around_vienna(20_015.0)  # to the other side of the Earth
    wider = cached_store(european, imagery, cells, store=tmp_path)
    assert wider.url != store.url
    assert LABELS[NOT_COVERED] not in wider.counts(1)
    assert wider.embedded().not_covered is None


def test_a_map_leaves_them_out_and_says_so(european: PSM, world: EmbeddedCells) -> None:
    with pytest.warns(NotCovered, match=r"\d+ % of the area is not covered by what .* 5,000 km"):
        found = map_query(european, world, BELLS)
    values = found.values()[world.cells.rows, world.cells.columns]
    assert world.not_covered is not None
    assert np.isnan(values[world.not_covered]).all()
    assert 0.5 < found.not_covered_share < 1.0
    assert found.tags["not_covered"] == f"{found.not_covered_share}"
    assert "of the area not covered" in found.when
    assert mean([found, found]).not_covered_share == found.not_covered_share
    part = found.crop(west=0.0, south=30.0, east=40.0, north=60.0)
    assert part.not_covered_share == 0.0


def test_a_map_of_nothing_that_is_covered_is_one_line(european: PSM, world: EmbeddedCells) -> None:
    assert world.not_covered is not None
    far = world.part(np.flatnonzero(world.not_covered))
    with pytest.raises(MissingData, match="none of these places is covered"):
        map_query(european, far, BELLS)


def test_a_prepared_store_says_the_same(
    european: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path
) -> None:
    store = cached_store(european, imagery, cells, store=tmp_path)
    prepare(store, european, sample=64, rank=16)
    timetable = Timetable(store, european)
    exact = store.embedded()
    np.testing.assert_array_equal(timetable.not_covered, exact.not_covered)
    with pytest.warns(NotCovered):
        found = map_query(european, timetable, BELLS)
    assert found.not_covered_share > 0.5
    rows = np.flatnonzero(exact.not_covered)[:2]
    assert timetable.part(rows).not_covered.all()  # type: ignore[union-attr]


def test_what_one_zoom_leaves_out_is_left_out_of_the_mixture(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path
) -> None:
    plain = [embed_cells(model, imagery, cells, zoom, store=tmp_path) for zoom in (1, 3)]
    assert MixedZooms(tuple(plain)).not_covered is None
    left_out = np.arange(len(cells)) < 2
    part = EmbeddedCells(cells, plain[1].features, 3, "", "", left_out)
    np.testing.assert_array_equal(MixedZooms((plain[0], part)).not_covered, left_out)


def test_a_profile_of_such_a_place_is_one_line(european: PSM, imagery: PlaceImagery) -> None:
    with pytest.raises(MissingData, match=r"-40, 100: not covered by what .* within 5,000 km"):
        profile(european, imagery, ["bells"], lat=-40.0, lon=100.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert profile(european, imagery, ["bells"], lat=48.0, lon=16.0).texts == ("bells",)
