"""Map truth on maps of known quality, and end to end with a model that knows the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from psm.data.context import Context
from psm.earth.worlds import OUR_EARTH
from psm.evaluation import maptruth
from psm.evaluation.mapreport import MapReport, map_table
from psm.evaluation.maptruth import HOURS, MONTHS, compare_maps, evaluate_maps
from psm.gaussian import Gaussian
from psm.model import PSM

SOUNDS = ("owls", "cicadas", "waves")
RNG = np.random.default_rng(0)
LAT = RNG.uniform(-60, 70, 80)
LON = RNG.uniform(-180, 180, 80)


def probability(lat: NDArray[np.float64], month: float, hour: float) -> NDArray[np.float64]:
    """(n, 3): night in the north, noon in local summer, and always near the equator."""
    summer = np.cos(2 * np.pi * (month - 7) / 12) * np.sign(lat)
    night = np.cos(2 * np.pi * hour / 24)
    high = np.abs(lat) / 90
    return np.stack(
        [
            0.3 + 0.2 * night * high + 0.05 * high,
            0.3 - 0.15 * night + 0.1 * summer * high,
            0.4 * (1 - high),
        ],
        axis=-1,
    )


def truth() -> NDArray[np.float64]:
    times = [[probability(LAT, month, hour).T for hour in HOURS] for month in MONTHS]
    return np.array(times).transpose(2, 0, 1, 3)


def test_the_truth_scores_perfectly() -> None:
    report = compare_maps(truth(), truth(), None, sounds=SOUNDS, lat=LAT)
    for score in report.sounds:
        assert score.spearman == pytest.approx(1.0)
        assert score.spearman_single_time == pytest.approx(1.0)
        assert score.ece == pytest.approx(0.0, abs=1e-9)
    assert report.sign_correct("day_night") == 1.0
    assert report.sign_correct("north", "south") == 1.0
    assert report.sounds_correct("day_night") == (2, 2)
    assert report.sounds_correct("north", "south") == (2, 2)
    assert report.median("diurnal_peak_error_h") == pytest.approx(0.0, abs=1e-9)
    assert report.likely == 0.1
    assert report.sounds[2].auc == pytest.approx(1.0)


def test_the_opposite_of_the_truth_scores_worst() -> None:
    report = compare_maps(1.0 - truth(), truth(), None, sounds=SOUNDS, lat=LAT)
    assert report.median("spearman") == pytest.approx(-1.0)
    assert report.sounds[2].auc == pytest.approx(0.0)
    assert report.sign_correct("day_night", "north", "south") == 0.0
    assert report.sounds_correct("day_night")[0] == 0
    assert report.sounds[0].diurnal_peak_error_h == pytest.approx(12.0)
    assert report.sounds[1].seasonal_peak_error_months == pytest.approx(6.0)


def test_a_still_map_ranks_places_but_not_times() -> None:
    still = np.broadcast_to(truth().mean(axis=(1, 2), keepdims=True), truth().shape)
    report = compare_maps(still, truth(), None, sounds=SOUNDS, lat=LAT)
    assert report.sounds[2].spearman == pytest.approx(1.0)
    assert report.sounds[0].spearman < 0.7
    assert report.sign_correct("day_night") == 0.0


def test_uncertainty_is_held_against_the_errors() -> None:
    predicted = truth() + RNG.normal(0, 0.1, truth().shape)
    predicted = predicted.clip(0, 1)
    report = compare_maps(predicted, truth(), np.abs(predicted - truth()), sounds=SOUNDS, lat=LAT)
    assert report.risk["uncertainty"].gain == pytest.approx(1.0)
    assert report.risk["p(1-p)"].gain < 0.9
    assert 0.3 < report.rank_risk["uncertainty"].gain < 1.0
    assert "uncertainty" not in compare_maps(predicted, truth(), sounds=SOUNDS, lat=LAT).risk


def test_report_is_json_without_nan_and_fits_a_table() -> None:
    flat = np.full_like(truth(), 0.02)
    for report in (
        compare_maps(truth(), flat, None, sounds=SOUNDS, lat=LAT),
        compare_maps(truth(), truth(), truth(), sounds=SOUNDS, lat=LAT),
    ):
        content = json.loads(json.dumps(report.to_json(), allow_nan=False))
        assert content["spearman"].keys() == set(SOUNDS)
        assert {"spearman_median", "diurnal_sign_correct", "ece"} <= content.keys()
        output = StringIO()
        console = Console(width=120, file=output)
        console.print(map_table(report))
        assert "cicadas" in output.getvalue()


class AllKnowing(nn.Module):
    """Places every location so that its dot product with text k is the true probability."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(name="all-knowing", heads=SimpleNamespace(probabilistic=True))
        self.negative_scale, self.shift = torch.tensor(5.0), torch.tensor(5.0)
        self.device = torch.device("cpu")
        self.uncertainty = None
        self.knows_uncertainty = True

    def encode_text(self, texts: list[str]) -> Gaussian:
        assert texts == [f"the sound of {sound}" for sound in SOUNDS]
        return Gaussian(torch.eye(4)[:3], torch.full((3, 4), -8.0))

    def fuse(self, image: Tensor, context: Context) -> Gaussian:
        assert context.valid[:, :3].all()
        assert not context.valid[:, 3:].any()
        lat, month, hour = context.latlon[:, 0], context.month[0].item(), context.hour[0].item()
        known = torch.from_numpy(probability(lat.numpy(), round(month), round(hour))).float()
        rest = (1.0 - known.square().sum(-1, keepdim=True)).sqrt()
        mean = torch.cat([known, rest], dim=-1)
        assert len(image) == len(mean)
        return Gaussian(mean, torch.full_like(mean, -8.0))


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> MapReport:
    def true_probability(
        *,
        lat: NDArray[np.float64],
        lon: object,
        month: float,
        hour: float,
        sounds: object,
        world: object,
    ) -> NDArray[np.float64]:
        assert lon is LON
        assert world is OUR_EARTH
        assert list(sounds) == list(SOUNDS)
        return probability(lat, month, hour)

    monkeypatch.setattr(maptruth, "true_probability", true_probability)
    model: PSM = AllKnowing()
    queries = {sound: f"the sound of {sound}" for sound in SOUNDS}
    return evaluate_maps(model, torch.zeros(len(LAT), 4), lat=LAT, lon=LON, queries=queries)


def test_a_model_that_knows_the_truth_is_found_to_know_it(report: MapReport) -> None:
    assert report.model == "all-knowing"
    assert [score.spearman for score in report.sounds] == pytest.approx([1.0] * 3, abs=1e-3)
    assert report.sign_correct("day_night", "north", "south") == pytest.approx(1.0)
    assert report.cells == len(LAT)
    # Its slope and offset are not the world's: the order is right, the numbers are not.
    assert report.reliability.ece > 0.05
    assert "uncertainty" in report.risk


def test_a_calibration_is_judged_beside_the_probability_as_learnt(report: MapReport) -> None:
    better = compare_maps(truth(), truth(), sounds=SOUNDS, lat=LAT)
    both = replace(report, calibrated=better)
    assert both.to_json()["calibrated"]["ece"] == pytest.approx(0.0, abs=1e-9)
    output = StringIO()
    Console(width=120, file=output).print(map_table(both))
    assert "calibrated: ECE 0.0000" in output.getvalue()
    assert "calibrated" not in report.to_json()


def test_sounds_are_reported_apart() -> None:
    """The third sound is drawn as a constant: its group alone explains nothing."""
    maps = truth()
    maps[2] = maps[2].mean()
    report = compare_maps(maps, truth(), None, sounds=SOUNDS, lat=LAT, apart=["waves"])
    held, others = report.groups["held out of the captions"], report.groups["the others"]
    assert held.sounds == ("waves",)
    assert others.sounds == ("owls", "cicadas")
    assert (held.skill, others.skill) == pytest.approx((0.0, 1.0), abs=1e-6)
    assert (held.skill_median, others.skill_median) == pytest.approx((0.0, 1.0), abs=1e-6)
    assert (held.spearman_median, others.spearman_median) == (None, pytest.approx(1.0))
    content = json.loads(json.dumps(report.to_json()))
    assert content["groups"]["the others"]["sounds"] == ["owls", "cicadas"]
    console = Console(file=StringIO(), width=120)
    console.print(map_table(report))
    assert "held out of the captions (waves)" in console.file.getvalue()
    assert not compare_maps(maps, truth(), None, sounds=SOUNDS, lat=LAT).groups
