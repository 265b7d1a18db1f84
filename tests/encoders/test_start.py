"""What encoders start from and are told: the unit of their gsd, variances that can be learnt."""

from __future__ import annotations

import math

import pytest
import torch

from psm.config import HeadConfig, ImageryConfig, SatelliteConfig
from psm.encoders.heads import GaussianHead
from psm.encoders.satellite import SatelliteEncoder


def satellite(gsd_unit_m: float) -> SatelliteEncoder:
    torch.manual_seed(0)
    config = SatelliteConfig(patch_px=8, dim=16, depth=1, heads=2, gsd_unit_m=gsd_unit_m)
    return SatelliteEncoder(config, ImageryConfig(view_px=32), 8).eval()


@torch.inference_mode()
def test_the_gsd_counts_in_units_of_the_setting() -> None:
    views = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    metres, kilometres = satellite(1.0), satellite(1000.0)
    in_metres = metres(views, torch.tensor([1.0, 3.0]))
    torch.testing.assert_close(kilometres(views, torch.tensor([1000.0, 3000.0])), in_metres)
    assert (kilometres(views, torch.tensor([1.0, 3.0])) - in_metres).abs().max() > 1e-3


def gaussian_head(variance_sum: float) -> GaussianHead:
    torch.manual_seed(0)
    return GaussianHead(32, 64, HeadConfig(variance_sum=variance_sum))


@pytest.mark.parametrize("variance_sum", [0.1, 2.0])
def test_variances_start_at_their_sum_and_nearly_alike(variance_sum: float) -> None:
    """A tenth of PyTorch's start: weights of full size would spread variances by a third."""
    module = gaussian_head(variance_sum)
    last = module.log_var[-1]
    assert last.bias.tolist() == pytest.approx([math.log(variance_sum / 64)] * 64)
    bound = 1.0 / math.sqrt(last.in_features)  # PyTorch draws weights within this
    largest = last.weight.abs().max().item()
    assert 0.09 * bound < largest <= 0.1 * bound
    found = module(torch.randn(256, 32, generator=torch.Generator().manual_seed(2)))
    assert found.log_var.std(dim=0).max() < 0.05
    assert found.var.sum(-1).mean().item() == pytest.approx(variance_sum, rel=0.05)
