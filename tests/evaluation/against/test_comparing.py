"""Comparisons whose outcome is known: the true map against itself, known noise, other scales."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from psm.errors import ConfigError
from psm.evaluation.against import Points
from psm.evaluation.against.asking import asked_at
from psm.evaluation.against.comparing import compare
from psm.evaluation.against.judging import of_map, sentence, write_comparison
from psm.evaluation.against.prediction import Prediction
from psm.evaluation.against.truth import Truth
from psm.mapping import Moment, Query, embed_cells, map_query
from psm.seeding import generator
from tests.evaluation.against.fields import scattered, smooth
from tests.mapping.maps import GLOBE, soundscape


def predicted(value: np.ndarray, **about: object) -> Prediction:
    missing = np.where(np.isfinite(value), "", "outside")
    return Prediction("map", "map.tif", value, None, missing, **about)  # type: ignore[arg-type]


def measured(n: int = 300, scale_km: float = 60.0) -> Truth:
    points = scattered(n)
    return Truth("level", "levels.csv", points, smooth(points, scale_km=scale_km))


def test_a_map_with_known_noise_explains_what_it_should() -> None:
    truth = measured()
    noise = generator(0, "errors").normal(0.0, 0.5, len(truth)) * truth.value.std()
    found = compare(truth, predicted(truth.value + noise), baselines=False)
    assert found.scores.of["r2"].value == pytest.approx(0.75, abs=0.06)
    assert not found.baselines
    assert sentence(found) == ""


def test_points_without_a_prediction_are_counted() -> None:
    truth = measured(60)
    value = np.where(np.arange(60) < 20, np.nan, truth.value)
    found = compare(truth, predicted(value), baselines=False)
    assert len(found.truth) == 40
    assert "left out: 20 outside" in found.remarks
    with pytest.raises(ConfigError, match=r"0 points of level .*left out: 60 outside"):
        compare(truth, predicted(np.full(60, np.nan)), baselines=False)


def test_levels_against_a_probability_are_compared_by_their_order() -> None:
    truth = measured(80)
    found = compare(truth, predicted(truth.value**3, is_probability=True), baselines=False)
    assert set(found.scores.of) == {"spearman"}
    assert found.scores.of["spearman"].value == pytest.approx(1.0)
    assert np.abs(found.error).max() == 0.0
    assert any("only their order" in remark for remark in found.remarks)


def test_the_true_map_of_the_simulated_earth_against_itself_is_perfect(tmp_path: Path) -> None:
    from psm.earth.soundscape import true_probability

    rows, columns = (index.ravel() for index in np.indices(GLOBE.shape))
    lat, lon = GLOBE.places(rows, columns)
    true = true_probability(lat=lat, lon=lon, month=5, hour=22.0, sounds=["frogs"])[:, 0]
    moment = Moment(month=5, hour=22.0)
    path = soundscape(true.reshape(GLOBE.shape), moment=moment).write(tmp_path / "true.tif")
    table = tmp_path / "true.csv"
    chosen = generator(0, "chosen").permutation(len(true))[:400]
    lines = [f"{lat[i]},{lon[i]},5,22,{np.float32(true[i])}" for i in chosen]
    table.write_text("\n".join(["lat,lon,month,hour,value", *lines]) + "\n")
    for file in (path, table):
        found = compare(*of_map(file, path), baselines=False)
        of = found.scores.of
        assert of["spearman"].value == pytest.approx(1.0, abs=1e-9)
        assert of["r2"].value == pytest.approx(1.0, abs=1e-9)
        assert of["bias"].value == pytest.approx(0.0, abs=1e-9)
        assert of["ece"].value == pytest.approx(0.0, abs=1e-7)
        assert of["coverage"].value == 1.0
    assert len(found.truth) == 400


def test_errors_of_a_region_are_seen_in_the_variogram_and_widen_the_blocks() -> None:
    truth = measured(300, scale_km=1.0)
    error = smooth(truth.points, scale_km=60.0, seed=5)
    found = compare(truth, predicted(truth.value + error), baselines=False)
    assert 60.0 < found.variogram.range_km < 500.0
    assert found.side_km > 80.0
    assert found.scores.blocks < 50
    few = compare(truth, predicted(truth.value + 0.01 * error**2), baselines=False)
    assert np.isfinite(few.side_km)


def test_everything_is_written_and_says_what_it_stands_on(tmp_path: Path) -> None:
    truth = measured(70)
    about = {"provenance": "Simulated Earth: invented", "when": "May"}
    found = compare(truth, predicted(truth.value + 0.3, **about))
    files = write_comparison(found, tmp_path / "out")
    assert sorted(path.name for path in files) == [
        "against-errors.csv", "against-residuals.png", "against-scatter.png",
        "against-variogram.png", "against.html", "against.json",
    ]  # fmt: skip
    told = json.loads((tmp_path / "out" / "against.json").read_text())
    assert told["scores"]["bias"]["value"] == pytest.approx(0.3)
    assert told["map"]["provenance"] == "Simulated Earth: invented"
    assert set(told["baselines"]) == {
        "mean", "month and hour", "kriging", "place and time boosted",
    }  # fmt: skip
    assert told["gains"]["kriging"]["value"] == pytest.approx(
        told["scores"]["r2"]["value"] - told["baselines"]["kriging"]["r2"]["value"]
    )
    page = (tmp_path / "out" / "against.html").read_text()
    assert "Simulated Earth: invented" in page
    assert page.count("data:image/png") == 3
    assert (tmp_path / "out" / "against-errors.csv").read_text().count("\n") == 71


def test_a_model_says_at_points_what_its_map_says_there() -> None:
    from psm.config import ImageryConfig
    from psm.imagery import BlueMarble
    from psm.mapping import Cells
    from psm.model import PSM
    from tests.tiny import tiny_experiment

    imagery = {"view_px": 16, "zooms": [1, 3], "gsd_m": 4000.0}  # 64 km, as Blue Marble has it
    model = PSM(
        tiny_experiment().model.model_copy(update={"imagery": ImageryConfig(**imagery)})
    ).eval()
    cells = Cells.globe(10.0)
    cells = cells.part(np.arange(0, len(cells), max(1, len(cells) // 12)))
    drawn = map_query(
        model,
        embed_cells(model, BlueMarble(), cells),
        Query.parse("frogs"),
        Moment(month=4, hour=22),
    )
    points = Points.of(lat=cells.lat, lon=cells.lon, month=4, hour=22.0)
    found = asked_at(model, BlueMarble(), Query.parse("frogs"), points)
    expected = drawn.values()[cells.rows, cells.columns]
    assert found.value == pytest.approx(expected, abs=2e-3)
    assert (found.missing == "").all()
