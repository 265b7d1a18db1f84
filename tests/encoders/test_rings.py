"""Ring pooling: a token of what lies how far from the place."""

import pytest
import torch

from psm.config import ModelConfig
from psm.encoders.rings import RingPooling
from psm.encoders.satellite import SatelliteEncoder
from psm.errors import ConfigError
from psm.experiments import load_experiment

GSD = torch.ones(1)


@pytest.fixture
def rings() -> RingPooling:
    torch.manual_seed(0)
    return RingPooling(24, 16).eval()


def test_every_pixel_of_the_circle_lies_in_one_ring(rings: RingPooling) -> None:
    assert rings.edges_px[0] == 0.0
    assert rings.edges_px[-1] == pytest.approx(12.0)
    count = rings.rings.sum(0)
    assert count.max() == 1
    assert count.reshape(24, 24)[2:-2, 2:-2][11 - 2, 11 - 2] == 1
    assert rings.rings.any(1).all(), "a ring without a pixel has no mean"


def test_turning_a_view_moves_nothing_between_rings(rings: RingPooling) -> None:
    view = torch.rand(1, 3, 64, 64)
    pixels = rings.rings.float() @ view[0, :, 20:44, 20:44].flatten(1).T
    turned = rings.rings.float() @ view.rot90(1, (2, 3))[0, :, 20:44, 20:44].flatten(1).T
    torch.testing.assert_close(pixels, turned)


def test_what_lies_outside_is_not_seen(rings: RingPooling) -> None:
    view = torch.rand(1, 3, 64, 64)
    other = torch.rand(1, 3, 64, 64)
    other[..., 20:44, 20:44] = view[..., 20:44, 20:44]
    torch.testing.assert_close(rings(view, GSD), rings(other, GSD))


def test_the_token_tells_how_far_a_line_passes_by(rings: RingPooling) -> None:
    def line(offset: int) -> torch.Tensor:
        view = torch.zeros(1, 3, 64, 64)
        view[..., 32 + offset] = 1.0
        return view

    here, near, mirrored = (rings(line(offset), GSD) for offset in (0, 5, -1))
    assert (here - near).norm() > 2.0 * (here - mirrored).norm()


def test_the_encoder_learns_through_both_of_its_parts() -> None:
    config = ModelConfig.model_validate(
        {"name": "m", "dim": 16, "satellite": {"dim": 16, "depth": 1, "rings_px": 24}}
    )
    encoder = SatelliteEncoder(config.satellite, config.imagery, config.dim)
    encoder(torch.rand(4, 3, 64, 64), torch.full((4,), 1000.0)).square().sum().backward()
    silent = [name for name, p in encoder.named_parameters() if p.grad is None]
    assert silent == []


@pytest.mark.parametrize("width", [-2, 23, 66])
def test_rings_must_fit_the_view(width: int) -> None:
    with pytest.raises(ConfigError, match="rings_px"):
        load_experiment("earth-tiny", {"model.satellite.rings_px": width})
