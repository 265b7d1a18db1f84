"""Links: there and back, within the range, and chosen as the numbers suggest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.errors import ConfigError
from psm.measures.links import Link, LinkKind

LEVELS = np.array([-62.5, -40.0, -55.1, -31.0])
COUNTS = np.array([0.0, 3.0, 1.0, 12.0, 2.0])
SHARES = np.array([0.0, 0.25, 0.5, 1.0])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (LEVELS, LinkKind.IDENTITY),
        (COUNTS, LinkKind.LOG),
        (SHARES, LinkKind.LOGIT),
        (np.array([0.0, 1.0, 1.0, 0.0]), LinkKind.IDENTITY),
        (np.array([0.4, 7.5, 3.0]), LinkKind.IDENTITY),
    ],
)
def test_numbers_suggest_their_link(values: np.ndarray, kind: LinkKind) -> None:
    assert Link.of(values).kind is kind


@given(
    st.lists(st.floats(0.0, 1.0), min_size=3, max_size=20).filter(lambda v: max(v) > min(v)),
    st.sampled_from(["identity", "log", "logit"]),
)
def test_a_number_comes_back_as_it_was(numbers: list[float], kind: str) -> None:
    values = np.array(numbers)
    link = Link.of(values, kind)
    assert link.backward(link.forward(values)) == pytest.approx(values, abs=1e-9)


@given(st.floats(-50.0, 50.0), st.floats(0.0, 5.0))
def test_expectations_stay_in_the_range(mean: float, deviation: float) -> None:
    link = Link.of(np.array([0.0, 40.0, 100.0]), "logit", low=0.0, high=100.0)
    (found,) = link.expectation(np.array([mean]), np.array([deviation]))
    assert 0.0 <= found <= 100.0


def test_the_expectation_of_a_logarithm_is_that_of_a_lognormal() -> None:
    link = Link.of(np.array([1.0, 2.0, 3.0]), "log")
    found = link.expectation(np.array([0.3]), np.array([0.5]))
    assert found == pytest.approx([np.exp(0.3 + 0.5**2 / 2.0)], rel=1e-6)


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (LEVELS, "log", "has no logarithm"),
        (np.zeros(3), "log", "no positive number"),
        (LEVELS, "logit", "is not within 0 to 1"),
        (LEVELS, "probit", "choose identity, log, logit"),
    ],
)
def test_a_link_that_does_not_suit_is_refused(values: np.ndarray, kind: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Link.of(values, kind)
