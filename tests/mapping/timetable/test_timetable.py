from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from psm.errors import ConfigError, MissingData, StoreMismatch
from psm.gaussian import Gaussian
from psm.imagery import Reason
from psm.inference.batches import text_gaussians
from psm.mapping import Cells, Moment, Query, SoundscapeMap, map_query
from psm.mapping.store import Store, embed, plan
from psm.mapping.timetable import Timetable, agreement, preparation, prepare
from psm.mapping.timetable.estimate import estimate
from psm.mapping.timetable.preparation import fused
from psm.model import PSM
from psm.uncertainty import ModelUncertainty
from tests.mapping.store.fakes import PlaceImagery, tiny_config

FROGS = Query(texts=("frogs",))


def _store(model: PSM, cells: Cells, path: Path, **imagery: object) -> Store:
    provider = PlaceImagery(**imagery)  # type: ignore[arg-type]
    return embed(path, model, provider, cells, plan(model, provider, cells, unit=64)).store


@pytest.fixture(scope="module")
def store(model: PSM, cells: Cells, tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = _store(model, cells, tmp_path_factory.mktemp("times") / "s.zarr")
    prepare(found, model, sample=200, rank=64, seen=12)
    return found


@pytest.mark.parametrize(
    "moment",
    [
        Moment(month=7, hour=5.0),
        Moment(month=1, hour=17.75),
        Moment(month=4, utc=3.3),
        Moment(hour=12.0),
        Moment(month=11),
        Moment(),
    ],
    ids=str,
)
def test_any_moment_is_nearly_the_exact_map(model: PSM, store: Store, moment: Moment) -> None:
    quick = map_query(model, Timetable(store, model), FROGS, moment)
    exact = map_query(model, store.embedded(), FROGS, moment)
    for name in ("match_probability", "uncertainty", "csd"):
        a, b = quick.values(name), exact.values(name)
        known = np.isfinite(b)
        np.testing.assert_array_equal(np.isfinite(a), known)
        assert np.abs(a - b)[known].max() < 0.05 * np.ptp(b[known])


def test_second_opinions_are_nearly_the_exact_ones(
    model: PSM, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe is a query that lies farther off, and asked like one."""
    known = text_gaussians(model, ["frogs"]).mean
    probes = known + 2.0 * torch.randn(known.shape, generator=torch.Generator().manual_seed(0))
    about = ModelUncertainty(known, probes, torch.tensor([-6.0]), 5.0, 0.01, 0.0, 1.0, 1, "")
    moment = Moment(month=1, hour=17.75)
    before = map_query(model, store.embedded(), FROGS, moment)
    monkeypatch.setattr(model, "uncertainty", about)
    timetable = Timetable(store, model)
    for query in (FROGS, Query.parse("frogs*2", without=["frogs"])):
        quick = map_query(model, timetable, query, moment).values("uncertainty")
        exact = map_query(model, store.embedded(), query, moment).values("uncertainty")
        known_cells = np.isfinite(exact)
        assert np.abs(quick - exact)[known_cells].max() < 0.05 * np.ptp(exact[known_cells])
    after = map_query(model, store.embedded(), FROGS, moment)
    np.testing.assert_allclose(after.values(), before.values(), rtol=1e-5)
    assert not np.allclose(
        after.values("uncertainty"), before.values("uncertainty"), equal_nan=True
    )


def test_several_queries_and_unwanted_terms_are_the_maps_one_by_one(
    model: PSM, store: Store
) -> None:
    timetable = Timetable(store, model, resident=True)
    query = Query.parse("frogs", without=["a", "b", "c", "d", "e"])
    for moment in (Moment(month=3, hour=4.0), Moment(month=3, utc=4.0)):
        quick = map_query(model, timetable, query, moment).values()
        exact = map_query(model, store.embedded(), query, moment).values()
        known = np.isfinite(exact)
        assert np.corrcoef(quick[known], exact[known])[0, 1] > 0.99


def test_coefficients_stay_on_disk_and_answer_as_those_in_memory(
    model: PSM, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = FROGS.gaussian(model)
    mapped = Timetable(store, model, resident=True)
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    moments = (Moment(month=3, hour=4.0), Moment(month=3, utc=4.0))
    answers = [torch.stack(mapped.distances(model, query, moment)) for moment in moments]
    assert mapped.is_mapped
    assert mapped.coefficients is None
    assert mapped.size_bytes == 2 * len(store) * mapped.expansion.rank
    if files:
        assert len(os.listdir("/proc/self/fd")) == files
    # A store elsewhere is held as it lies there, or read at every query.
    monkeypatch.setattr(Store, "mapped_rows", lambda *_: None)
    held, read = Timetable(store, model, resident=True), Timetable(store, model)
    assert held.coefficients is not None
    assert held.coefficients.dtype == torch.float16
    assert not held.is_mapped
    assert not read.is_mapped
    assert read.coefficients is None
    held.coefficients = held.coefficients.float()  # as they were once kept
    for other in (held, read):
        for moment, answer in zip(moments, answers, strict=True):
            found = torch.stack(other.distances(model, query, moment))
            assert torch.equal(found, answer)


def test_a_file_of_coefficients_that_was_cut_short_is_named(
    model: PSM, store: Store, tmp_path: Path
) -> None:
    copied = tmp_path / "s.zarr"
    shutil.copytree(store.url, copied)
    file = copied / "times-1" / "coefficients" / "c.1.0"
    file.write_bytes(file.read_bytes()[:-40])
    broken = Timetable(Store.open(copied), model)
    with pytest.raises(MissingData, match=r"c\.1\.0: cut short"):
        broken.distances(model, FROGS.gaussian(model), Moment(month=3, hour=4.0))
    file.unlink()  # nothing but NaN is not written
    found = Timetable(Store.open(copied), model).distances(
        model, FROGS.gaussian(model), Moment(month=3, hour=4.0)
    )
    assert found.csd.isnan()[64:128].all()
    assert found.csd.isfinite()[:64].all()


def test_many_cells_are_fused_block_by_block(
    model: PSM, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment, query = Moment(month=3, utc=4.0), FROGS.gaussian(model)
    whole = store.embedded().distances(model, query, moment)
    monkeypatch.setattr("psm.mapping.store.embedded.BLOCK_CELLS", 100)
    blocks = store.embedded().distances(model, query, moment)
    torch.testing.assert_close(torch.stack(blocks), torch.stack(whole))


def test_a_killed_preparation_goes_on_and_ends_the_same(
    model: PSM, cells: Cells, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _store(model, cells, tmp_path / "s.zarr")
    import psm.mapping.timetable.expansion as expansion

    taken = expansion.Expansion.coefficients
    count = 0

    def until_third(self: expansion.Expansion, fused: object) -> object:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return taken(self, fused)  # type: ignore[arg-type]

    monkeypatch.setattr(expansion.Expansion, "coefficients", until_third)
    with pytest.raises(KeyboardInterrupt):
        prepare(other, model, sample=200, rank=64, seen=12)
    assert Timetable.find(other, model, 1) is None
    with pytest.raises(MissingData, match="psm prepare"):
        Timetable(other, model)
    monkeypatch.undo()
    prepare(other, model, sample=200, rank=64, seen=12)
    for name in ("coefficients", "basis", "done"):
        np.testing.assert_array_equal(
            np.asarray(other.group["times-1"][name]),  # type: ignore[index]
            np.asarray(store.group["times-1"][name]),  # type: ignore[index]
        )


@pytest.mark.parametrize(
    ("sample", "fusions", "least"), [(2048, 70 * 325, 0.99), (50, 50 * 325 + 20 * 12, 0.9)]
)
def test_no_cell_of_the_sample_is_fused_again_as_it_was_estimated(
    sample: int,
    fusions: int,
    least: float,
    model: PSM,
    cells: Cells,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = _store(model, cells.part(np.arange(70)), tmp_path / "s.zarr")
    count = 0

    def counted(*arguments: Any) -> Gaussian:
        nonlocal count
        found = fused(*arguments)
        count += len(found.mean)
        return found

    monkeypatch.setattr(preparation, "fused", counted)
    prepare(small, model, sample=sample, rank=64, seen=12)
    guess = estimate(small, model, sample=sample, seen=12)
    assert count == guess.fusions == fusions
    assert f"{fusions:,} fusions, about " in str(guess)
    assert ("a sample of 50 of them" in str(guess)) == (sample == 50)
    coefficients = np.asarray(small.group["times-1/coefficients"])  # type: ignore[index]
    assert np.isfinite(coefficients).all()
    assert agreement(Timetable(small, model), model, moments=3).median > least


def test_agreement_is_measured_on_other_cells(model: PSM, store: Store) -> None:
    found = agreement(Timetable(store, model), model, texts=("frogs", "rain"), moments=3)
    assert found.cells == len(store) - 200 or found.cells == len(store)
    assert found.maps == 10
    assert -1.0 <= found.lowest <= found.low <= found.median <= 1.0
    assert found.median > 0.99
    assert "Spearman" in str(found)


def test_cells_without_imagery_stay_without_data(model: PSM, cells: Cells, tmp_path: Path) -> None:
    gone = (round(float(cells.lat[3]), 6), round(float(cells.lon[3]), 6))
    store = _store(model, cells, tmp_path / "s.zarr", missing={gone: Reason.CLOUD})
    prepare(store, model, sample=100, rank=32, seen=8)
    for moment in (Moment(month=7, hour=5.0), Moment(month=7, utc=5.0)):
        found: SoundscapeMap = map_query(model, Timetable(store, model), FROGS, moment)
        assert np.isnan(found.at(lat=gone[0], lon=gone[1])["match_probability"])
        assert np.isfinite(found.values()).sum() == len(cells) - 1


def test_sources_another_model_and_half_a_store_are_refused(
    model: PSM, cells: Cells, store: Store, tmp_path: Path
) -> None:
    asked = Query(texts=("frogs",), audio_source="aporee")
    with pytest.raises(ConfigError, match="--exact"):
        map_query(model, Timetable(store, model), asked)
    with pytest.raises(StoreMismatch, match="another model"):
        prepare(store, PSM(tiny_config()).eval())
    half = _store(model, cells, tmp_path / "s.zarr")
    half.group["zoom-1/status"][64:128] = 0  # type: ignore[index]
    with pytest.raises(ConfigError, match="not complete"):
        prepare(half, model)
