"""Peaks and contrasts of maps whose rhythm is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from psm.evaluation.agreement import day_night_sign, peak_error, summer_winter_sign

HOURS = np.arange(0.0, 24.0, 3.0)
MONTHS = np.array([1, 4, 7, 10])
LAT = np.array([50.0, 50.0, 20.0, -40.0, -30.0, -10.0])


def wave(peak: float, at: NDArray[np.float64], period: float, size: float = 0.2) -> np.ndarray:
    return 0.3 + size * np.cos(2 * np.pi * (at - peak) / period)


def daily(peak: float, size: float = 0.2) -> NDArray[np.float64]:
    """(1 sound, 4 months, 8 hours, 6 cells) with a peak at the same hour everywhere."""
    return np.broadcast_to(wave(peak, HOURS, 24.0, size)[None, None, :, None], (1, 4, 8, 6))


def yearly(north: float, south: float) -> NDArray[np.float64]:
    """(1, 4, 8, 6) with a peak in month ``north`` or ``south`` by hemisphere."""
    months = MONTHS.astype(float)
    cells = np.stack([wave(north if lat > 0 else south, months, 12.0) for lat in LAT], axis=-1)
    return np.broadcast_to(cells[None, :, None, :], (1, 4, 8, 6))


@given(true=st.floats(0, 24), mine=st.floats(0, 24))
def test_diurnal_peak_error_is_circular(true: float, mine: float) -> None:
    error = peak_error(daily(mine), daily(true), HOURS, 24.0, axis=2)
    gap = abs(true - mine) % 24
    assert error[0] == pytest.approx(min(gap, 24 - gap), abs=1e-6)


def test_seasonal_peak_error_in_months() -> None:
    error = peak_error(yearly(7, 1), yearly(6, 12), MONTHS, 12.0, axis=1)
    assert error[0] == pytest.approx(1.0)


def test_a_flat_truth_has_no_peak() -> None:
    assert np.isnan(peak_error(daily(3), daily(5, size=0.01), HOURS, 24.0, axis=2)).all()


def test_peaks_need_even_sampling() -> None:
    uneven = peak_error(daily(3), daily(5), np.append(HOURS[:-1], 22.0), 24.0, axis=2)
    assert np.isnan(uneven).all()
    assert np.isnan(peak_error(daily(3)[:, :, :2], daily(3)[:, :, :2], [0, 12], 24.0, axis=2))


def test_day_night_sign_counts_cells() -> None:
    truth = daily(12).copy()
    predicted = np.where(np.arange(6) < 4, truth, -truth)
    score = day_night_sign(predicted, truth, HOURS)
    assert score is not None
    assert score.correct[0] == pytest.approx(4 / 6)
    assert score.cases[0] == 4 * 6
    assert score.correct_overall[0]


def test_a_map_that_does_not_move_has_no_right_sign() -> None:
    score = day_night_sign(np.full((1, 4, 8, 6), 0.5), daily(12), HOURS)
    assert score is not None
    assert score.correct[0] == 0.0
    assert not score.correct_overall[0]


def test_small_true_contrasts_are_not_judged() -> None:
    score = day_night_sign(daily(0), daily(12, size=0.01), HOURS)
    assert score is not None
    assert score.cases[0] == 0
    assert np.isnan(score.correct[0])
    assert not score.correct_overall[0]


def test_seasons_are_judged_by_hemisphere() -> None:
    # A model that knows only the calendar of the north.
    scores = summer_winter_sign(yearly(7, 7), yearly(7, 1), MONTHS, LAT)
    assert scores is not None
    assert scores["north"].correct[0] == 1.0
    assert scores["south"].correct[0] == 0.0
    assert scores["north"].cases[0] == 8 * 3


def test_contrasts_need_both_of_their_sides() -> None:
    assert day_night_sign(daily(3)[:, :, :1], daily(3)[:, :, :1], [0.0]) is None
    assert summer_winter_sign(yearly(7, 1)[:, :1], yearly(7, 1)[:, :1], [4], LAT) is None
