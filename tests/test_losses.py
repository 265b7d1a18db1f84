"""Losses: properties; the recorded values are in ``tests/reference``."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from psm.gaussian import Gaussian
from psm.losses import InfoNCE, PCMEPlusPlus, kl_to_standard_normal, pseudo_positives


def pair(count: int = 12, dim: int = 16) -> tuple[Gaussian, Gaussian]:
    generator = torch.Generator().manual_seed(0)

    def one() -> Gaussian:
        mean = F.normalize(torch.randn(count, dim, generator=generator), dim=-1)
        return Gaussian(mean, torch.randn(count, dim, generator=generator) - 6.0)

    return one(), one()


@pytest.mark.parametrize("loss", [PCMEPlusPlus(), PCMEPlusPlus(contrastive_weight=1.0), InfoNCE()])
def test_matched_pairs_cost_less_than_shuffled_ones(loss: torch.nn.Module) -> None:
    a, b = pair()
    matched, _ = loss(a, a)
    mismatched, _ = loss(a, Gaussian(b.mean, a.log_var))
    assert matched < mismatched


@pytest.mark.parametrize("loss", [PCMEPlusPlus(), InfoNCE()])
def test_loss_is_symmetric_in_its_sides(loss: torch.nn.Module) -> None:
    a, b = pair()
    torch.testing.assert_close(loss(a, b)[0], loss(b, a)[0])


def test_pseudo_positives_take_the_weight_of_their_row() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.0], [0.0, 3.0, 3.0], [9.0, 0.0, 0.0]])
    matched = torch.diag(torch.tensor([1.0, 0.7, 1.0]))
    expected = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.7, 0.7], [1.0, 1.0, 1.0]])
    torch.testing.assert_close(pseudo_positives(logits, matched), expected)


def test_contrastive_term_is_infonce_on_the_means() -> None:
    a, b = pair()
    plain, _ = PCMEPlusPlus()(a, b)
    both, report = PCMEPlusPlus(contrastive_weight=0.5)(a, b)
    torch.testing.assert_close(both - plain, 0.5 * InfoNCE()(a, b)[0])
    torch.testing.assert_close(report["contrastive"], InfoNCE()(a, b)[0])


def test_kl_is_zero_for_the_standard_normal_alone() -> None:
    assert kl_to_standard_normal(Gaussian(torch.zeros(2, 3), torch.zeros(2, 3))).abs().max() == 0
    a, _ = pair()
    assert (kl_to_standard_normal(a) > 0).all()


def test_scale_stays_positive_under_any_step() -> None:
    loss = PCMEPlusPlus()
    with torch.no_grad():
        loss.log_scale -= 100.0
    assert loss.negative_scale > 0


@pytest.mark.parametrize("loss", [PCMEPlusPlus(), InfoNCE()])
def test_rectangular_batches_need_a_matching(loss: torch.nn.Module) -> None:
    a, b = pair()
    with pytest.raises(ValueError, match="matched"):
        loss(a, b.rows(slice(0, 5)))


def test_pseudo_positives_come_in_over_the_first_share_of_training() -> None:
    loss = PCMEPlusPlus(pseudo_positive_weight=0.2, pseudo_positive_warmup=0.5)
    weights = []
    for step in (0, 25, 50, 99):
        loss.warm_up(step, 100)
        weights.append(loss.pseudo_positive_weight)
    assert weights == pytest.approx([0.0, 0.1, 0.2, 0.2])


def test_a_loss_says_what_match_probability_it_learnt() -> None:
    learnt = PCMEPlusPlus(shift=4.0, negative_scale=3.0).match_probability()
    assert learnt == pytest.approx((3.0, 4.0))
    assert InfoNCE().match_probability() is None
