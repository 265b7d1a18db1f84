"""Calibration of single sounds, against the land and against recordings."""

from __future__ import annotations

import numpy as np
import pytest

from psm.data.recording import AUDIO_SOURCES
from psm.earth.sampling import SHARES, hour_weight, source_biases
from psm.earth.soundscape import odds, probability, true_probability
from psm.evaluation.soundcalibration import (
    LAND,
    recorded_probability,
    sound_calibration,
    sounds_table,
)


def test_pooled_probabilities_may_be_true_and_each_sound_false() -> None:
    truth = np.stack([np.full((4, 50), 0.1), np.full((4, 50), 0.5)])
    pooled = np.full_like(truth, 0.3)
    found = sound_calibration(pooled, truth, ("rare", "common"))
    assert (found.mean_drawn, found.mean_true) == (
        pytest.approx((0.3, 0.3)),
        pytest.approx((0.1, 0.5)),
    )
    assert found.median_ece == pytest.approx(0.2)
    assert found.mean_error == pytest.approx(0.2)
    assert found.skill == pytest.approx(0.0, abs=1e-9)
    right = sound_calibration(truth, truth, ("rare", "common"))
    assert (right.median_ece, right.mean_error, right.skill) == pytest.approx((0.0, 0.0, 1.0))
    assert right.to_json()["sounds"]["common"]["mean_true"] == pytest.approx(0.5)
    assert sounds_table({(LAND, "as learnt"): right}).row_count == 1


def test_recordings_are_a_mix_of_what_each_archive_hears() -> None:
    lat, lon = np.array([48.2, -33.9, 0.3]), np.array([16.4, 151.2, 32.6])
    month, hour = np.array([1.0, 6.0, 9.0]), np.array([3.0, 12.0, 21.0])
    found = recorded_probability(lat=lat, lon=lon, month=month, hour=hour)
    for row in range(3):
        here = odds(lat=lat[row], lon=lon[row], month=month[row], hour=hour[row])
        weight = [SHARES[s] * float(hour_weight(s, hour[row])) for s in AUDIO_SOURCES]
        heard = [probability(here * bias)[0] for bias in source_biases()]
        np.testing.assert_allclose(found[row], np.average(heard, axis=0, weights=weight))
    land = true_probability(lat=lat, lon=lon, month=month, hour=hour)
    assert np.abs(found - land).max() > 0.01  # archives hear with a bias
    assert (found.sum(1) >= 1.0 - 1e-9).all()
    assert (found.sum(1) <= 3.0 + 1e-9).all()
