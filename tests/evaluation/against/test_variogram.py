"""The semivariogram of a field whose covariance is known."""

from __future__ import annotations

import numpy as np
import pytest

from psm.evaluation.against import variogram
from psm.seeding import generator
from tests.evaluation.against.fields import scattered, smooth


def test_range_nugget_and_sill_are_found() -> None:
    fits = []
    for seed in range(5):
        points = scattered(250, seed=seed)
        noise = generator(seed, "nugget").normal(0.0, 0.5, 250)
        values = smooth(points, scale_km=30.0, seed=seed) + noise
        fits.append(variogram(values, lat=points.lat, lon=points.lon))
    assert np.median([fit.range_km for fit in fits]) == pytest.approx(90.0, rel=0.4)
    assert np.median([fit.nugget for fit in fits]) == pytest.approx(0.25, abs=0.15)
    assert np.median([fit.sill for fit in fits]) == pytest.approx(1.25, rel=0.25)


def test_noise_has_no_range_or_a_short_one() -> None:
    points = scattered(400)
    values = generator(1, "noise").normal(size=400)
    found = variogram(values, lat=points.lat, lon=points.lon)
    assert found.semivariance == pytest.approx(1.0, abs=0.35)
    assert found.model(found.distance_km) == pytest.approx(1.0, abs=0.15)


def test_few_points_and_no_errors_have_no_model_and_say_so() -> None:
    points = scattered(6)
    few = variogram(np.arange(6.0), lat=points.lat, lon=points.lon)
    assert few.to_json()["range_km"] is None
    assert "too few" in few.words
    points = scattered(100)
    none = variogram(np.zeros(100), lat=points.lat, lon=points.lon)
    assert not np.isfinite(none.sill)
