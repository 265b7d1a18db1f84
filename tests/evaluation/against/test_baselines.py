"""Baselines find what they are made to find, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from psm.evaluation.against import BASELINES, Kriging, Points, out_of_fold, spatial_folds
from psm.geodata.sphere import chord_to_km
from psm.seeding import generator
from tests.evaluation.against.fields import scattered, smooth


def _explained(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(1.0 - ((truth - predicted) ** 2).mean() / truth.var())


def test_a_smooth_field_is_kriged_and_its_interval_holds() -> None:
    points = scattered(200)
    signal = smooth(points, scale_km=150.0)
    values = signal + generator(0, "nugget").normal(0.0, 0.4, 200)
    kriging = Kriging().fit(points.part(slice(0, 120)), values[:120])
    rest = points.part(slice(120, None))
    # The best linear predictor knows the covariance.
    gap = chord_to_km(np.linalg.norm(points.vectors[:, None] - points.vectors[None], axis=-1))
    known = np.exp(-gap / 150.0)
    best = known[120:, :120] @ np.linalg.solve(
        known[:120, :120] + 0.4**2 * np.eye(120), values[:120]
    )
    reached = _explained(signal[120:], kriging.predict(rest))
    assert reached > _explained(signal[120:], best) - 0.1 > 0.2
    low, high = kriging.interval(rest, 0.9)
    assert 0.8 <= np.mean((low <= values[120:]) & (values[120:] <= high)) <= 0.98
    nowhere = kriging.predict(Points.of(lat=[-40.0], lon=[-150.0]))
    assert nowhere == pytest.approx(values[:120].mean(), abs=1e-6)


def test_the_time_of_year_and_day_is_found_by_those_who_look_at_it() -> None:
    points = scattered(300)
    turn = 2.0 * np.pi * points.hour / 24.0 + 2.0 * np.pi * points.month / 12.0
    values = np.cos(turn) + generator(0, "time").normal(0.0, 0.2, 300)
    folds = spatial_folds(lat=points.lat, lon=points.lon, folds=2, blocks=20)
    found = {
        name: _explained(values, out_of_fold(make, points, values, folds))
        for name, make in BASELINES.items()
        if name != "kriging"
    }
    assert found["mean"] < 0.01
    assert found["month and hour"] > 0.5
    assert found["place and time boosted"] > 0.5


def test_an_unknown_time_has_the_usual_value() -> None:
    points = Points.of(lat=0.0, lon=np.zeros(24), month=6, hour=np.arange(24.0))
    values = np.where(points.hour < 12, 1.0, 3.0)
    fitted = BASELINES["month and hour"]().fit(points, values)
    unknown = fitted.predict(Points.of(lat=[0.0], lon=[0.0], month=[np.nan], hour=[np.nan]))
    assert unknown == pytest.approx(2.0)
    night, morning = fitted.predict(Points.of(lat=0.0, lon=[0.0, 0.0], month=6, hour=[18.0, 6.0]))
    assert morning < 1.7 < 2.3 < night


def test_a_baseline_never_sees_what_it_is_judged_by() -> None:
    points = scattered(120)
    values = generator(0, "alone").normal(size=120)
    folds = spatial_folds(lat=points.lat, lon=points.lon, folds=2, blocks=10)
    predicted = out_of_fold(BASELINES["place and time boosted"], points, values, folds)
    changed = np.where(folds.fold == 0, 1e6, values)
    again = out_of_fold(BASELINES["place and time boosted"], points, changed, folds)
    assert (predicted[folds.judged(0)] == again[folds.judged(0)]).all()
    assert np.isfinite(predicted).all()
