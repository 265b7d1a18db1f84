from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from psm.gaussian import Gaussian, csd, csd_variance
from psm.mapping.timetable.expansion import (
    HOUR_STATES,
    HOURS,
    STATES,
    Expansion,
    fit,
    hour_weights,
    month_state,
)

CELLS, DIM = 24, 6


def _smooth(cells: int = CELLS) -> list[Gaussian]:
    """Gaussians at every state that vary smoothly with a hidden place, season and hour."""
    random = torch.Generator().manual_seed(0)
    place = torch.linspace(-1.0, 1.0, cells)[:, None]
    mixing = torch.randn(5, DIM, generator=random)
    found = []
    for moment in STATES:
        year = 0.0 if moment.month is None else math.sin(math.pi * moment.month / 6.0)
        day = 0.0 if moment.hour is None else math.cos(math.pi * moment.hour / 12.0)
        seen = [place, place * year, place.square() * day, place * 0 + year, place * 0 + day]
        mean = torch.cat(seen, dim=-1) @ mixing
        found.append(Gaussian(mean, -3.0 + 0.3 * mean).unit())
    return found


@pytest.fixture(scope="module")
def gaussians() -> list[Gaussian]:
    return _smooth()


@pytest.fixture(scope="module")
def expansion(gaussians: list[Gaussian]) -> Expansion:
    return fit(gaussians.__getitem__, CELLS, rank=20, spread_rank=20, seen=8).expansion


QUERY = Gaussian(
    torch.randn(1, DIM, generator=torch.Generator().manual_seed(1)), torch.zeros(1, DIM)
)


@pytest.mark.parametrize("state", [0, 7, 100, 24, 310, 324])
def test_distances_at_any_state_come_back_from_a_few(
    gaussians: list[Gaussian], expansion: Expansion, state: int
) -> None:
    query = QUERY.unit()
    coefficients = expansion.coefficients(gaussians[s] for s in expansion.seen.tolist())
    month, hour = divmod(state, HOUR_STATES)
    answer = expansion.answer(query, month)
    found = answer.csd_offset[hour] + coefficients @ answer.csd_weights[hour]
    exact = csd(gaussians[state], query)
    torch.testing.assert_close(found, exact, atol=0.02 * float(exact.std()), rtol=0.0)
    spread = answer.variance_offset[hour] + coefficients @ answer.variance_weights[hour]
    exact = csd_variance(gaussians[state], query)
    torch.testing.assert_close(spread, exact, atol=0.1 * float(exact.std()), rtol=0.0)


def test_cells_of_another_sample_come_back_too(expansion: Expansion) -> None:
    others = _smooth(cells=17)
    coefficients = expansion.coefficients(others[s] for s in expansion.seen.tolist())
    query = QUERY.unit()
    answer = expansion.answer(query, month_state(7))
    found = answer.csd_offset[5] + coefficients @ answer.csd_weights[5]
    exact = csd(others[month_state(7) * HOUR_STATES + 5], query)
    torch.testing.assert_close(found, exact, atol=0.05 * float(exact.std()), rtol=0.0)


def test_a_sample_knows_its_own_coefficients(gaussians: list[Gaussian]) -> None:
    expansion, own = fit(gaussians.__getitem__, CELLS, rank=20, spread_rank=20, seen=8)
    again = expansion.coefficients(gaussians[s] for s in expansion.seen.tolist())
    torch.testing.assert_close(again[:, :4], own[:, :4], atol=0.02 * float(own.std()), rtol=0.0)


def test_more_components_than_the_sample_has_are_not_invented(gaussians: list[Gaussian]) -> None:
    few = [g.rows(slice(0, 5)) for g in gaussians]
    found = fit(few.__getitem__, 5, rank=512, spread_rank=64, seen=4).expansion
    assert found.rank <= 4  # the mean of five takes one
    assert found.spread_basis.shape[2] <= found.rank
    assert len(set(found.seen.tolist())) == 4


@given(hour=st.integers(0, HOURS - 1))
def test_a_whole_hour_is_itself(hour: int) -> None:
    expected = torch.nn.functional.one_hot(torch.tensor([hour]), HOURS).float()
    torch.testing.assert_close(
        hour_weights(torch.tensor([float(hour)])), expected, atol=1e-5, rtol=0
    )


@given(hour=st.floats(0, 23.99), waves=st.integers(0, 11), phase=st.floats(0, 6.28))
def test_waves_are_interpolated_exactly(hour: float, waves: int, phase: float) -> None:
    def wave(hours: torch.Tensor) -> torch.Tensor:
        return (2.0 * math.pi * waves * hours / HOURS + phase).cos()

    hours = torch.tensor([hour], dtype=torch.float64)
    found = hour_weights(hours) @ wave(torch.arange(HOURS, dtype=torch.float64))
    torch.testing.assert_close(found, wave(hours), atol=1e-9, rtol=0)


def test_the_states_are_every_month_and_hour_and_the_unknown_ones() -> None:
    assert len(set(STATES)) == len(STATES) == 13 * 25
    july_at_five = STATES[month_state(7) * HOUR_STATES + 5]
    assert (july_at_five.month, july_at_five.hour) == (7, 5.0)
    assert STATES[-1].month is None
    assert STATES[-1].hour is None
