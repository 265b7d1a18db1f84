from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from psm.earth import soundscape
from psm.earth.sounds import SOUNDS
from psm.earth.soundscape import log_set_probability
from psm.errors import ConfigError, InvalidContext

ODDS = hnp.arrays(
    float, st.tuples(st.integers(1, 3), st.integers(1, 7)), elements=st.floats(1e-6, 1e4)
)


def every_set(count):
    members = [c for size in (1, 2, 3) for c in combinations(range(count), size)]
    sets = np.zeros((len(members), count), bool)
    for row, member in enumerate(members):
        sets[row, list(member)] = True
    return sets


def brute_force(odds, sets):
    products = np.array([[row[s].prod() for s in sets] for row in odds])
    return products / products.sum(axis=1, keepdims=True)


@given(ODDS)
def test_sets_match_enumeration(odds):
    sets = every_set(odds.shape[1])
    got = np.exp(log_set_probability(odds, sets))
    np.testing.assert_allclose(got, brute_force(odds, sets), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, rtol=1e-9)


@given(ODDS)
def test_inclusion_probability_matches_enumeration(odds):
    sets = every_set(odds.shape[1])
    wanted = brute_force(odds, sets) @ sets
    np.testing.assert_allclose(soundscape.probability(odds), wanted, rtol=1e-9)


@given(hnp.arrays(float, (2, 28), elements=st.floats(1e-9, 1e9)))
def test_stable_for_any_odds(odds):
    p = soundscape.probability(odds)
    assert np.isfinite(p).all()
    assert ((p >= 0) & (p <= 1 + 1e-12)).all()
    total = p.sum(axis=1)
    assert ((total >= 1 - 1e-9) & (total <= 3 + 1e-9)).all()


def test_more_odds_more_probability():
    odds = np.full((1, 28), 0.3)
    raised = odds.copy()
    raised[0, 5] = 0.6
    before, after = soundscape.probability(odds)[0], soundscape.probability(raised)[0]
    assert after[5] > before[5]
    assert (np.delete(after, 5) < np.delete(before, 5)).all()


def test_draws_follow_the_distribution():
    odds = np.array([2.0, 0.5, 1.0, 0.1, 3.0])
    sets = every_set(5)
    rng = np.random.default_rng(3)
    draws = np.array([soundscape.sample_sounds(odds, rng) for _ in range(6000)])
    powers = 1 << np.arange(5)
    share = np.bincount(draws @ powers, minlength=32)[sets @ powers] / len(draws)
    wanted = brute_force(odds[None], sets)[0]
    assert share.sum() == pytest.approx(1.0)
    error = np.sqrt(wanted * (1 - wanted) / len(draws))
    assert (np.abs(share - wanted) < 4.5 * error).all()


def test_draw_with_a_single_sound():
    assert soundscape.sample_sounds(np.array([0.2]), np.random.default_rng(0)).tolist() == [True]


def test_true_probability_selects_and_broadcasts():
    hours = np.arange(0.0, 24.0, 6.0)
    every = soundscape.true_probability(lat=48.9, lon=2.4, month=7, hour=hours)
    some = soundscape.true_probability(
        lat=48.9, lon=2.4, month=7, hour=hours, sounds=["traffic", "waves"]
    )
    assert every.shape == (4, len(SOUNDS))
    np.testing.assert_array_equal(some, every[:, [SOUNDS.index("traffic"), SOUNDS.index("waves")]])


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"lat": 91.0}, "latitude"), ({"lon": 181.0}, "longitude"), ({"month": 13}, "month"),
     ({"month": 0}, "month"), ({"hour": 24.0}, "hour"), ({"hour": float("nan")}, "hour")],
)  # fmt: skip
def test_out_of_range_is_refused(wrong, name):
    fine = {"lat": 0.0, "lon": 0.0, "month": 1, "hour": 0.0}
    with pytest.raises(InvalidContext, match=name):
        soundscape.odds(**{**fine, **wrong})


def test_unknown_sound_is_named():
    with pytest.raises(ConfigError, match="trombone"):
        soundscape.true_probability(lat=0, lon=0, month=1, hour=0, sounds=["trombone"])
