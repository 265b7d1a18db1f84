"""Ranks against brute force, and the properties that any ranking has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from psm import ranks
from psm.gaussian import Gaussian
from psm.ranks import (
    TiedRanks,
    chance_ranks,
    retrieval_ranks,
    score_ranks,
    tag_ranks,
    tied_ranks,
    within_groups,
)

seeds = st.integers(0, 2**20)


def unit(size: int, dim: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(size, dim, generator=generator), dim=-1)


def gaussian(size: int, dim: int, seed: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed + 1)
    return Gaussian(unit(size, dim, seed), torch.randn(size, dim, generator=generator) - 3.0)


def slow_ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([rankdata(-row)[i] for i, row in enumerate(scores)])


def slow_csd(a: Gaussian, b: Gaussian) -> NDArray[np.float64]:
    gap = a.mean.double()[:, None] - b.mean.double()[None]
    spread = a.log_var.double().exp()[:, None] + b.log_var.double().exp()[None]
    return (gap.square() + spread).sum(-1).numpy()


@given(seed=seeds, size=st.integers(1, 40), dim=st.integers(2, 9))
def test_gaussians_rank_by_expected_distance(seed: int, size: int, dim: int) -> None:
    a, b = gaussian(size, dim, seed), gaussian(size, dim, seed + 7)
    np.testing.assert_array_equal(retrieval_ranks(a, b), slow_ranks(-slow_csd(a, b)))


@given(seed=seeds, size=st.integers(1, 40))
def test_vectors_rank_by_cosine_whatever_their_length(seed: int, size: int) -> None:
    a, b = unit(size, 6, seed), unit(size, 6, seed + 7)
    expected = slow_ranks((a.double() @ b.double().T).numpy())
    np.testing.assert_array_equal(retrieval_ranks(a, b), expected)
    np.testing.assert_array_equal(retrieval_ranks(3.0 * a, 0.1 * b), expected)


def test_many_blocks_and_single_precision_agree_with_one_exact_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a, b = gaussian(300, 32, 0), gaussian(300, 32, 1)
    expected = slow_ranks(-slow_csd(a, b))
    monkeypatch.setattr(ranks, "_BLOCK", 64)
    np.testing.assert_array_equal(retrieval_ranks(a, b), expected)
    monkeypatch.setattr(ranks, "_EXACT_PAIRS", 0)
    np.testing.assert_allclose(retrieval_ranks(a, b), expected, atol=1.0)


@given(seed=seeds)
def test_ranks_follow_a_permutation_of_the_pairs(seed: int) -> None:
    a, b = gaussian(25, 5, seed), gaussian(25, 5, seed + 7)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(25))
    ranks = retrieval_ranks(a, b)
    np.testing.assert_array_equal(retrieval_ranks(a.rows(order), b.rows(order)), ranks[order])


def test_duplicates_in_the_gallery_share_their_rank() -> None:
    a, b = gaussian(64, 16, 0), gaussian(64, 16, 1)
    pairs = torch.arange(64) // 2 * 2
    ranks = retrieval_ranks(a, b.rows(pairs))
    np.testing.assert_array_equal(ranks, slow_ranks(-slow_csd(a, b.rows(pairs))))
    assert (ranks % 1 == 0.5).all()


def test_a_collapsed_model_scores_chance() -> None:
    same = torch.ones(40, 4)
    placed = tied_ranks(same, same)
    assert (placed.rank == 20.5).all()
    assert placed.hit_share().mean() == pytest.approx(0.1)


def test_the_own_item_comes_first_when_query_and_gallery_are_one() -> None:
    vectors = unit(50, 8, 3)
    assert (retrieval_ranks(vectors, vectors) == 1.0).all()


@given(seed=seeds, size=st.integers(1, 30))
def test_scores_with_ties_rank_as_brute_force(seed: int, size: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 4, (size, size)).astype(float)
    np.testing.assert_array_equal(score_ranks(scores).rank, slow_ranks(scores))


@given(seed=seeds)
def test_a_restricted_gallery_is_the_group_alone(seed: int) -> None:
    a, b = gaussian(30, 5, seed), gaussian(30, 5, seed + 7)
    groups = np.random.default_rng(seed).integers(0, 3, 30)
    placed = within_groups(a, b, groups.tolist())
    distance = slow_csd(a, b)
    for i in range(30):
        mine = groups == groups[i]
        assert placed.rank[i] == 1 + (distance[i, mine] < distance[i, i]).sum()
        assert placed.gallery[i] == mine.sum()


def test_hits_count_the_first_tenth_of_each_gallery() -> None:
    placed = TiedRanks(np.array([2, 3, 0]), np.array([1, 1, 1]), np.array([30, 30, 9]))
    np.testing.assert_array_equal(placed.hit_share(0.1), [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(placed.hit(3), [1.0, 0.0, 1.0])


def test_chance_is_exact() -> None:
    everything = chance_ranks(np.zeros(200))
    assert everything.hit_share().mean() == pytest.approx(0.1)
    assert everything.hit(5).mean() == pytest.approx(5 / 200)
    assert everything.median_rank == 100.5
    groups = chance_ranks(["a"] * 25 + ["b"] * 5)
    assert groups.hit_share().mean() == pytest.approx((25 * 2 / 25 + 5 * 0) / 30)


def test_knowing_the_source_tag_is_worth_four_times_chance_with_four_large_sources() -> None:
    tags = np.repeat(["yfcc", "inat", "aporee", "freesound"], [30, 35, 20, 15])
    assert tag_ranks(tags).hit_share().mean() == pytest.approx(0.4)


def test_unlike_sides_are_refused() -> None:
    with pytest.raises(ValueError, match="both"):
        retrieval_ranks(gaussian(3, 4, 0), unit(3, 4, 0))
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        retrieval_ranks(unit(3, 4, 0), unit(2, 4, 0))


def test_nothing_ranks_as_nothing() -> None:
    assert retrieval_ranks(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)
