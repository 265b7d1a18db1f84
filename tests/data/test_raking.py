"""Weights that spread recordings evenly over the land and around the clock."""

from __future__ import annotations

import numpy as np
import pytest

from psm.data.raking import LARGEST, effective_size, even_weights, thinned
from psm.data.recording import Recording
from psm.geodata.land import land_grid


def recording(number: int, lat: float, lon: float, hour: float | None) -> Recording:
    return Recording(
        key=f"r{number}", lat=lat, lon=lon, audio_source=None, caption_source="meta",
        caption="", split="train", cell="", month=1 + number % 12, hour=hour,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """Half of them anywhere on land, half in Vienna, two thirds by day, a tenth without an hour."""
    rng = np.random.default_rng(0)
    lat, lon = land_grid(2.0)
    chosen = rng.choice(len(lat), 400, p=np.cos(np.deg2rad(lat)) / np.cos(np.deg2rad(lat)).sum())
    places = [*zip(lat[chosen], lon[chosen], strict=True), *[(48.2, 16.37)] * 400]
    hours = np.where(rng.random(800) < 2 / 3, rng.uniform(8, 16, 800), rng.uniform(0, 24, 800))
    return [
        recording(n, float(y), float(x), None if n % 10 == 0 else float(hours[n]))
        for n, (y, x) in enumerate(places)
    ]


def test_a_crowded_town_and_the_day_count_less(recordings: list[Recording]) -> None:
    weight = even_weights(recordings)
    assert weight.mean() == pytest.approx(1.0)
    assert weight.max() <= 1.1 * LARGEST
    assert weight[400:].sum() < 0.1 * weight.sum()
    hour = np.array([np.nan if r.hour is None else r.hour for r in recordings])
    is_known = np.isfinite(hour)
    shares = np.histogram(hour[is_known], 6, (0, 24), weights=weight[is_known])[0]
    np.testing.assert_allclose(shares / shares.sum(), 1 / 6, atol=0.02)
    zones = np.sin(np.deg2rad([r.lat for r in recordings])) > 0.0
    lat, _ = land_grid(1.0)
    area = np.cos(np.deg2rad(lat))
    assert weight[zones].sum() / 800 == pytest.approx(area[lat > 0].sum() / area.sum(), abs=0.02)
    assert effective_size(weight) < 500


def test_a_thinned_sample_stands_for_all_with_either_weights() -> None:
    rng = np.random.default_rng(0)
    weight = rng.pareto(1.5, 5000) + 0.1
    value = (weight > np.median(weight)) + rng.normal(0, 0.1, 5000)
    rows, chance = thinned(weight, 1000, rng)
    assert len(rows) == len(np.unique(rows)) == pytest.approx(1000, abs=3)
    assert (1.0 / chance).sum() == pytest.approx(5000, rel=0.05)
    assert 1.0 / chance.min() <= 2.0 * 5.0 + 1e-9  # no weight more than doubles
    for all_weights in (np.ones(5000), weight):
        kept = all_weights[rows] / chance
        mean = np.average(value, weights=all_weights)
        assert np.average(value[rows], weights=kept) == pytest.approx(mean, abs=0.04)


def test_few_recordings_are_all_kept() -> None:
    rows, chance = thinned(np.ones(7), 20, np.random.default_rng(0))
    assert sorted(rows) == list(range(7))
    assert (chance == 1.0).all()
