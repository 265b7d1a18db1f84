"""Measures: fitted, judged, kept, and drawn like any map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from psm.cartography.style import COLOURS
from psm.errors import CheckpointMismatch, ConfigError, MissingData, RowsLeftOut
from psm.imagery import Reason
from psm.mapping import EmbeddedCells, Moment, Store, embed_cells
from psm.mapping.outputs import write_moments
from psm.mapping.region import Region
from psm.mapping.search import best_places
from psm.mapping.store import embed
from psm.mapping.timetable import Timetable, prepare
from psm.measures import (
    ColumnSettings,
    FittedMeasure,
    Measure,
    fit_measures,
    map_measure,
    map_measures,
    profile_measure,
)  # fmt: skip
from psm.measures.measure import folder_name
from psm.measures.report import answer, write_measure
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery
from tests.measures.conftest import ROWS, table

NOON = Moment(month=6, hour=12.0)


@pytest.fixture(scope="module")
def region(model: PSM, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedCells:
    cells = Region.parse("2,42,22,54").grid(200_000.0).cells()
    return embed_cells(model, PlaceImagery(), cells, store=tmp_path_factory.mktemp("store"))


def test_a_fitted_column_beats_its_mean_at_places_left_out(levels: FittedMeasure) -> None:
    scores = levels.fitted.scores
    assert set(scores) == {
        "measure", "mean", "month and hour", "kriging", "place and time boosted"
    }  # fmt: skip
    assert scores["measure"].of["r2"].value > 0.7
    assert scores["measure"].of["r2"].value > scores["mean"].of["r2"].value
    assert 0.85 <= scores["measure"].of["coverage"].value <= 0.97
    about = levels.measure.about
    assert (about.name, about.unit, about.link) == ("laeq_db", "dB", "identity")
    assert about.fitted.rows == about.fitted.places == ROWS
    assert "R²" in answer(levels)


def test_a_measure_is_kept_whole_and_found_by_its_name(
    levels: FittedMeasure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_measure(levels, Path("runs/measures/laeq_db"))
    found = Measure.load("laeq_db")
    assert found.about == levels.measure.about
    for ours, theirs in (
        (found.predictor.posterior.weights, levels.measure.predictor.posterior.weights),
        (found.predictor.axes, levels.measure.predictor.axes),
    ):
        assert torch.equal(ours, theirs)
    numbers = json.loads(Path("runs/measures/laeq_db/report.json").read_text())
    assert numbers["fitted"]["rows"] == ROWS
    assert "laeq_db" in Path("runs/measures/laeq_db/report.html").read_text()
    with pytest.raises(MissingData, match=r"no measure; .* there are laeq_db"):
        Measure.load("l90")
    Path("runs/measures/laeq_db/measure.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointMismatch, match="fit the measure again"):
        Measure.load("runs/measures/laeq_db/measure.yaml")


def test_a_map_of_a_measure_is_a_map(
    levels: FittedMeasure, model: PSM, region: EmbeddedCells, tmp_path: Path
) -> None:
    found = map_measure(levels.measure, model, region, NOON)
    value, low, high = (found.values(name) for name in ("value", "lower", "upper"))
    there = np.isfinite(value)
    assert ((low <= value) & (value <= high))[there].all()
    # The level grows to the east.
    _, lon = found.frame.places(*np.nonzero(there))
    assert np.corrcoef(lon, value[there])[0, 1] > 0.8
    found.write(tmp_path / "level.tif")
    with rasterio.open(tmp_path / "level.tif") as raster:
        assert raster.descriptions[0] == "laeq db"
        assert (raster.count, raster.units) == (3, ("dB", "dB", "dB"))
        assert raster.tags()["measure"] == "laeq_db"
        assert raster.tags()["fitted_on"].startswith("levels.csv, 60 measurements")
    table_ = found.sample(lat=[48.0], lon=[12.0])
    assert {"value", "lower", "upper"} <= set(table_.columns)
    (best,) = best_places(found, 1)
    assert list(best.row)[:3] == ["value", "lower", "upper"]
    assert best.row["value"] == pytest.approx(float(np.nanmax(value)), abs=1e-3)
    assert not found.quantity.is_diverging
    assert found.quantity.label == "laeq db (dB)"
    assert found.quantity.colours in COLOURS
    with pytest.raises(ConfigError, match="algebra is of match probabilities"):
        found - found
    hours = [Moment(month=6, hour=hour) for hour in (0.0, 12.0)]
    maps = map_measures(levels.measure, model, region, hours)
    assert write_moments(maps, hours, tmp_path / "day.nc").stat().st_size > 1000


def test_a_prepared_store_maps_as_exact_fusion_does(
    levels: FittedMeasure, model: PSM, tmp_path: Path
) -> None:
    region = Region.parse("2,42,22,54").grid(200_000.0)
    report = embed(tmp_path / "s.zarr", model, PlaceImagery(), region)
    prepare(report.store, model)
    timetable = Timetable(Store.open(tmp_path / "s.zarr"), model)
    for moment in (NOON, Moment(), Moment(month=2, utc=5.5)):
        exact = map_measure(levels.measure, model, report.store.embedded(), moment).values()
        quick = map_measure(levels.measure, model, timetable, moment).values()
        assert np.nanmax(np.abs(exact - quick)) < 0.15 * np.nanstd(exact)


def test_a_profile_of_a_place_is_the_map_there(
    levels: FittedMeasure, model: PSM, region: EmbeddedCells
) -> None:
    lat, lon = float(region.cells.lat[10]), float(region.cells.lon[10])
    value, low, high = profile_measure(levels.measure, model, PlaceImagery(), lat=lat, lon=lon)
    found = map_measure(levels.measure, model, region, NOON).at(lat=lat, lon=lon)
    assert value[5, 12] == pytest.approx(found["value"], abs=0.02)
    assert (low <= high).all()
    assert value[:, 12].mean() > value[:, 0].mean()


def test_another_model_is_refused(levels: FittedMeasure, region: EmbeddedCells) -> None:
    from tests.mapping.store.fakes import tiny_config

    with torch.random.fork_rng():
        torch.manual_seed(8)
        other = PSM(tiny_config()).eval()
    with pytest.raises(CheckpointMismatch, match="fit the measure again"):
        map_measure(levels.measure, other, region)


def test_shares_floors_and_places_without_imagery(tmp_path: Path, model: PSM) -> None:
    path = table(tmp_path / "t.csv")
    first = path.read_text().splitlines()[1].split(",")
    imagery = PlaceImagery()
    with pytest.warns(RowsLeftOut, match="1 row is left out of 'share' .1: no imagery"):
        (made,) = fit_measures(
            path, ["share"], model, _Without(imagery, float(first[0]), float(first[1])),
            baselines=False,
        )  # fmt: skip
    assert made.measure.about.link == "logit"
    assert made.fitted.best == "measure"
    (levels,) = fit_measures(
        path, ["laeq_db"], model, imagery, baselines=False,
        settings=ColumnSettings(unit="dB", floor=-50.0),
    )  # fmt: skip
    assert 5 < levels.measure.about.fitted.censored < ROWS - 5
    assert levels.fitted.predicted[levels.fitted.censored].mean() < -48.0
    with pytest.raises(ConfigError, match="60 of 60 numbers lie at the floor"):
        fit_measures(
            path, ["laeq_db"], model, imagery, settings=ColumnSettings(unit="dB", floor=0.0)
        )


class _Without(PlaceImagery):
    """All places but one."""

    def __init__(self, imagery: PlaceImagery, lat: float, lon: float) -> None:
        super().__init__(flavour=1)
        self.inner, self.lat, self.lon = imagery, lat, lon

    def read(self, *, lat, lon, view):  # type: ignore[no-untyped-def]
        from psm.imagery import NoImagery

        near = np.hypot(lat - self.lat, lon - self.lon) < 0.001
        for is_hidden, seen in zip(near, super().read(lat=lat, lon=lon, view=view), strict=True):
            yield NoImagery(Reason.OUTSIDE) if is_hidden else seen


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("laeq_db", "laeq_db"),
        ("LAeq (dB/m)", "LAeq-dB-m"),
        ("../x", "x"),
        ("Lärm", "Lärm"),
        ("/", "measure"),
    ],
)
def test_a_column_of_any_name_has_one_folder(name: str, folder: str) -> None:
    assert folder_name(name) == folder
