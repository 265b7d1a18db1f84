"""Compact store: the globe of a model folder draws what the prepared store draws, without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from psm.errors import CheckpointMismatch, ConfigError
from psm.inference.batches import text_gaussians
from psm.mapping import Cells, Moment
from psm.mapping.moment import Sources
from psm.mapping.store import Store, embed
from psm.mapping.store.status import NOT_COVERED
from psm.mapping.timetable import Timetable, compactstore, prepare
from psm.mapping.timetable.compactstore import FILE_NAME, CompactStore
from psm.mapping.timetable.preparation import stored_coefficients
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery, tiny_config

MOMENTS = [Moment(month=7, hour=5.0), Moment(month=4, utc=3.3), Moment(hour=12.5), Moment()]
LEFT_OUT = [3, 40, 41, 300]


@pytest.fixture(scope="module", autouse=True)
def imagery() -> None:
    """That of the tests stands for the one of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compactstore, "BlueMarble", PlaceImagery)
        yield


@pytest.fixture(scope="module")
def store(model: PSM, tmp_path_factory: pytest.TempPathFactory) -> Store:
    url = tmp_path_factory.mktemp("compact") / "s.zarr"
    store = embed(url, model, PlaceImagery(), Cells.globe(step_deg=10.0)).store
    status = store.group["zoom-1/status"]
    codes = store.status(1)
    codes[LEFT_OUT] = NOT_COVERED
    status[:] = codes
    prepare(store, model, sample=120, rank=48, seen=12)
    return store


@pytest.fixture(scope="module")
def folder(model: PSM, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = stored_coefficients(store, model, 1)
    assert kept is not None
    folder = tmp_path_factory.mktemp("model")
    CompactStore.write(folder, store, kept)
    return folder


@pytest.fixture
def compact(model: PSM, folder: Path) -> CompactStore:
    found = CompactStore.find(folder, model)
    assert found is not None
    return found


def test_it_is_the_store_that_it_was_made_of(compact: CompactStore, store: Store) -> None:
    order = np.argsort(store.index())
    np.testing.assert_array_equal(compact.index(), store.index()[order])
    np.testing.assert_array_equal(compact.status(1), store.status(1)[order])
    assert len(compact) == len(store)
    assert compact.header == store.header
    left_out = compact.places.not_covered
    assert left_out is not None
    assert set(compact.index()[left_out]) == set(store.index()[LEFT_OUT])


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_its_maps_are_nearly_those_of_the_timetable(
    model: PSM, compact: CompactStore, store: Store, moment: Moment
) -> None:
    queries = text_gaussians(model, ["frogs", "a train passing"])
    order = np.argsort(store.index())
    exact = Timetable(store, model).distances(model, queries, moment)
    found = compact.places.distances(model, queries, moment)
    drawn = compact.places.is_drawn
    for a, b in zip(found, exact, strict=True):
        assert a[~drawn].isnan().all()
        for query in range(2):
            pair = a[drawn, query], b.numpy()[order][drawn, query]
            assert spearmanr(*pair).statistic > 0.98


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_part_is_asked_alone(model: PSM, compact: CompactStore, moment: Moment) -> None:
    queries = text_gaussians(model, ["frogs"])
    rows = np.array([7, 300, 2, 3, 150, 40])
    whole = compact.places.distances(model, queries, moment)
    part = compact.places.part(rows)
    for few in (part, part.part(np.array([5, 1, 0]))):
        at = [int(np.flatnonzero(compact.cells.flat == pixel)[0]) for pixel in few.cells.flat]
        for a, b in zip(few.distances(model, queries, moment), whole, strict=True):
            torch.testing.assert_close(a, b[at], equal_nan=True)


def test_it_keeps_too_little_for_the_means_of_locations(model: PSM, compact: CompactStore) -> None:
    axes = torch.eye(model.config.dim)[:, :2]
    with pytest.raises(ConfigError, match="answers queries alone; embed a region"):
        compact.places.components(model, Moment(), axes, slice(0, 5))


def test_cells_are_seen_anew(compact: CompactStore, store: Store) -> None:
    at = int(np.flatnonzero(store.index() == compact.index()[5])[0])
    seen = compact.features(1, slice(5, 6)), store.features(1, slice(at, at + 1))
    np.testing.assert_allclose(*seen, atol=2e-3)
    first = int(np.flatnonzero(compact.status(1) == NOT_COVERED)[0])
    assert np.isnan(compact.features(1, slice(first, first + 1))).all()
    with pytest.raises(ConfigError, match="zoom 3 is not embedded, only 1"):
        compact.features(3, slice(0, 1))


def test_sources_are_not_known(model: PSM, compact: CompactStore) -> None:
    with pytest.raises(ConfigError, match="does not know sources"):
        compact.places.distances(
            model, text_gaussians(model, ["rain"]), Moment(), Sources(audio="iNat")
        )


def test_other_weights_and_broken_files_are_told(model: PSM, folder: Path, tmp_path: Path) -> None:
    assert CompactStore.find(tmp_path, model) is None
    with torch.random.fork_rng():
        torch.manual_seed(8)
        other = PSM(tiny_config()).eval()
    assert CompactStore.find(folder, other) is None
    (tmp_path / FILE_NAME).write_bytes((folder / FILE_NAME).read_bytes()[:1000])
    with pytest.raises(CheckpointMismatch, match=FILE_NAME):
        CompactStore.find(tmp_path, model)


def test_a_globe_of_own_imagery_is_refused(
    model: PSM, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = stored_coefficients(store, model, 1)
    assert kept is not None
    monkeypatch.undo()
    monkeypatch.setattr(compactstore.BlueMarble, "name", "blue-marble")
    with pytest.raises(ConfigError, match="only blue-marble is at hand again"):
        CompactStore.write(tmp_path, store, kept)
