"""What encoders start from and are told: the unit of their gsd, variances that can be learnt."""

from __future__ import annotations

import math

import pytest
import torch

from psm.config import ContextConfig, Experiment, HeadConfig, ImageryConfig, SatelliteConfig
from psm.data.augmentation import AudioAugmentation
from psm.encoders.audiotowers import CNNTower, ResidualBlock, ResidualTower, build_audio_tower
from psm.encoders.fusion import ContextFusion
from psm.encoders.heads import GaussianHead
from psm.encoders.satellite import SatelliteEncoder
from psm.errors import ConfigError
from psm.yamlfiles import parse


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


def test_norms_have_the_published_epsilons() -> None:
    """Too small a difference for a recorded output to show, and one all the same."""
    built = satellite(1.0)
    layer = built.blocks.layers[0]
    assert [built.norm.eps, layer.norm1.eps, layer.norm2.eps] == [1e-6] * 3
    fused = ContextFusion(ContextConfig(depth=1, heads=2, feedforward=16), 16).encoder.layers[0]
    assert [fused.norm1.eps, fused.norm2.eps] == [1e-5] * 2


@torch.inference_mode()
def test_a_small_tower_hears_80_db_below_the_peak_and_nothing_below_that() -> None:
    torch.manual_seed(0)
    tower = CNNTower((4, 8), 16).eval()
    loud = torch.full((1, 1, 32, 16), -75.0)
    loud[..., :4, :] = 0.0
    louder_floor, quieter_floor = loud.clone(), loud.clone()
    louder_floor[loud < 0] = -65.0
    quieter_floor[loud < 0] = -95.0
    deepest = torch.where(loud < 0, torch.tensor(-80.0), loud)
    assert (tower(louder_floor) - tower(loud)).abs().max() > 1e-3
    torch.testing.assert_close(tower(quieter_floor), tower(deepest))


def test_the_small_network_is_built_as_in_folders_written_before() -> None:
    """Their configurations name neither blocks nor an augmentation, and their weights these."""
    values = {"model": {"name": "old", "audio_tower": {"kind": "cnn", "channels": [4, 8]}}}
    experiment = parse(Experiment, values, "config.yaml")
    tower = build_audio_tower(experiment.model.audio_tower, experiment.model.audio, 16)
    names = {name for name, _ in tower.named_parameters()}
    layers = ("stages.0.weight", "stages.1.weight", "stages.1.bias", "stages.3.weight")
    assert names == {*layers, "stages.4.weight", "stages.4.bias"}
    assert tower.out_dim == 2 * 8 * 32
    assert experiment.training.audio_augmentation == AudioAugmentation()


@torch.inference_mode()
def test_a_residual_tower_averages_windows_and_hears_no_level() -> None:
    torch.manual_seed(0)
    tower = ResidualTower((4, 8, 8), (0, 1), 18).eval()
    mel = torch.randn(2, 3, 41, 18) * 8.0 - 30.0
    found = tower(mel)
    assert found.shape == (2, tower.out_dim) == (2, 3 * 8 * 5)
    each = torch.stack([tower(mel[:, w : w + 1]) for w in range(3)])
    torch.testing.assert_close(found, each.mean(0))
    torch.testing.assert_close(tower(mel + 12.0), found, atol=1e-4, rtol=1e-4)
    assert torch.isfinite(tower(torch.full((1, 1, 41, 18), -100.0))).all()
    louder_band = mel.clone()
    louder_band[..., 5] += 10.0  # which its second channel does not see, but its first does
    assert (tower(louder_band) - found).abs().max() > 1e-3


def test_a_residual_block_starts_as_its_input() -> None:
    block = ResidualBlock(4)
    maps = torch.rand(2, 4, 6, 6)
    torch.testing.assert_close(block(maps), maps)


def test_a_residual_tower_wants_blocks_for_each_stage() -> None:
    with pytest.raises(ConfigError, match=r"audio_tower\.blocks: 2 stages halve and 1 number"):
        ResidualTower((4, 8, 8), (1,), 16)
