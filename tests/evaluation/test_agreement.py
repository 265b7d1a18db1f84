"""Rank correlation and separation against scipy and the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from psm.evaluation.agreement import auc, spearman


@given(seed=st.integers(0, 2**20))
def test_spearman_agrees_with_scipy_ties_included(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (2, 3, 4, 25)).astype(float)
    ours = spearman(a, b)
    for index in np.ndindex(3, 4):
        assert ours[index] == pytest.approx(spearmanr(a[index], b[index]).statistic)


def test_a_constant_map_has_no_correlation() -> None:
    assert np.isnan(spearman(np.ones((1, 5)), np.arange(5.0)[None])).all()


@given(seed=st.integers(0, 2**20))
def test_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (2, 20)).astype(float)
    positive = rng.random((2, 20)) < 0.4
    for row, chosen, ours in zip(
        scores, positive, auc(rankdata(scores, axis=-1), positive), strict=True
    ):
        gaps = row[chosen][:, None] - row[~chosen][None]
        expected = np.mean((gaps > 0) + 0.5 * (gaps == 0)) if gaps.size else np.nan
        assert ours == pytest.approx(expected, nan_ok=True)


def test_auc_needs_both_classes() -> None:
    assert np.isnan(auc(np.arange(4.0), np.zeros(4, bool)))
