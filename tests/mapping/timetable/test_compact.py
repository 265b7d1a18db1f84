"""Coefficients for browsers: nearly the maps of the timetable, in few numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from psm.errors import ConfigError
from psm.gaussian import Gaussian
from psm.inference.batches import text_gaussians
from psm.mapping import Cells, Moment
from psm.mapping.store import Store, embed, plan
from psm.mapping.timetable import Timetable, prepare, storedcoefficients
from psm.mapping.timetable.coefficientfile import pack, unpack
from psm.mapping.timetable.preparation import stored_coefficients
from psm.mapping.timetable.storedcoefficients import StoredCoefficients, drawn_rows
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery

GLOBE = Cells.globe(step_deg=10.0)


def _prepared(model: PSM, path: Path) -> Store:
    imagery = PlaceImagery()
    store = embed(path, model, imagery, GLOBE, plan(model, imagery, GLOBE, unit=64)).store
    prepare(store, model, sample=120, rank=48, seen=12)
    return store


@pytest.fixture(scope="module")
def store(model: PSM, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return _prepared(model, tmp_path_factory.mktemp("compact") / "s.zarr")


@pytest.fixture(scope="module")
def kept(model: PSM, store: Store) -> StoredCoefficients:
    found = stored_coefficients(store, model, 1)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "moment",
    [
        Moment(month=7, hour=5.0),
        Moment(month=1, hour=17.75),
        Moment(month=4, utc=3.3),
        Moment(hour=12.0),
        Moment(),
    ],
    ids=str,
)
def test_maps_are_nearly_those_of_the_timetable(
    model: PSM, store: Store, kept: StoredCoefficients, moment: Moment
) -> None:
    queries = text_gaussians(model, ["frogs", "a train passing"])
    rows = drawn_rows(store, 1)
    exact = [
        part.numpy()[rows] for part in Timetable(store, model).distances(model, queries, moment)
    ]
    hours = moment.local_hours(store.cells.lon[rows])
    timetable, modes = unpack(kept.file), kept.projection(queries)
    for k in range(2):
        found = timetable.distances(
            modes, k, month=moment.month, hours=None if np.isnan(hours).all() else hours
        )
        for a, b in zip(found, exact, strict=True):
            assert spearmanr(a, b[:, k]).statistic > 0.98
            assert np.abs(a - b[:, k]).max() < 0.1 * np.ptp(b[:, k])


def test_what_the_modes_cannot_hold_is_known(model: PSM, kept: StoredCoefficients) -> None:
    known = kept.projection(text_gaussians(model, ["frogs"]))
    assert known.left_over[0] < 1e-3
    narrow = kept.projection.__class__(
        **{
            **vars(kept.projection),
            "csd": kept.projection.csd[:1],
            "reconstruction": kept.projection.reconstruction[:, :1],
        }
    )
    far = Gaussian(torch.eye(16), torch.full((16, 16), -5.0))
    assert narrow(far).left_over.max() > 0.1


def test_a_file_gives_back_what_was_packed(store: Store, kept: StoredCoefficients) -> None:
    timetable = unpack(kept.file)
    again = pack(timetable, store.frame, store.index()[drawn_rows(store, 1)], model="tiny")
    other = unpack(again)
    np.testing.assert_array_equal(other.coefficients, timetable.coefficients)
    for name in ("times", "time_scale", "core", "core_scale"):
        np.testing.assert_array_equal(getattr(other.csd, name), getattr(timetable.csd, name))
    assert timetable.coefficients.shape[0] == kept.file.header["cells"] == len(store)
    header = kept.file.header | {"version": 99}
    with pytest.raises(ConfigError, match="another format"):
        unpack(kept.file._replace(header=header))


def test_large_numbers_survive_in_two_bytes(store: Store, kept: StoredCoefficients) -> None:
    timetable = unpack(kept.file)
    values = np.array([-32767, -129, -128, -1, 0, 127, 128, 32639], np.int16)
    timetable.csd.core[0, 0, : len(values)] = values
    again = pack(timetable, store.frame, store.index()[drawn_rows(store, 1)])
    np.testing.assert_array_equal(unpack(again).csd.core[0, 0, : len(values)], values)


def test_preparing_again_keeps_them_and_other_weights_want_others(
    model: PSM, store: Store, kept: StoredCoefficients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(storedcoefficients, "make", made)
    prepare(store, model, sample=120, rank=48, seen=12)
    again = stored_coefficients(Store.open(store.url), model, 1)
    assert again is not None
    assert again.id == kept.id
    group = store.group["times-1"]
    assert StoredCoefficients.find(store, PSM(model.config).eval(), group) is None


def test_a_store_that_is_large_has_none(
    model: PSM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storedcoefficients, "MOST_CELLS", 10)
    large = _prepared(model, tmp_path / "large.zarr")
    assert stored_coefficients(large, model, 1) is None
    assert Timetable.find(large, model, 1) is not None
