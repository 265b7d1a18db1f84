"""The satellite encoder against outputs recorded from the published implementation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from psm.config import ContextConfig, HeadConfig, ImageryConfig, SatelliteConfig
from psm.encoders.fusion import ContextFusion
from psm.encoders.heads import GaussianHead
from psm.encoders.satellite import SatelliteEncoder
from psm.published.checkpoint import rename
from psm.reference import PointHead, PublishedEncoding
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("d_prob_satmae")
GSD_M = {"sentinel": 10.0, "bingmap": 0.6, "googleEarth": 0.2}
ABOUT = recorded.MANIFEST["d_prob_satmae"]
DIM = ABOUT["fc_dim"]


@pytest.fixture(scope="module")
def parts() -> tuple[SatelliteEncoder, ContextFusion, GaussianHead]:
    drawn = recorded.weights(ABOUT["weights"])
    named, unknown = rename({f"sat_encoder.{name}": tensor for name, tensor in drawn.items()})
    assert not unknown
    satellite = SatelliteConfig(
        patch_px=ABOUT["patch"],
        dim=ABOUT["embed_dim"],
        depth=ABOUT["depth"],
        heads=ABOUT["num_heads"],
    )
    built = (
        SatelliteEncoder(satellite, ImageryConfig(view_px=ABOUT["img"]), DIM),
        ContextFusion(ContextConfig(), DIM, PublishedEncoding()),
        GaussianHead(DIM, DIM, HeadConfig()),
    )
    for module, prefix in zip(built, ("satellite.", "fusion.", "location_head."), strict=True):
        module.eval().load_state_dict(
            {n.removeprefix(prefix): t for n, t in named.items() if n.startswith(prefix)}
        )
    return built


def features(satellite: SatelliteEncoder, imagery: str) -> Tensor:
    # The recording starts from normalised pixels, ours from [0, 1].
    pixels = recorded.floats(RECORDED["images"]) * satellite.std + satellite.mean
    return satellite(pixels, GSD_M[imagery] * torch.from_numpy(RECORDED["zoom_level"]).float())


@pytest.mark.parametrize("imagery", GSD_M)
@torch.inference_mode()
def test_locations_with_context_and_zooms_mixed(
    imagery: str, parts: tuple[SatelliteEncoder, ContextFusion, GaussianHead], close: Close
) -> None:
    satellite, fusion, head = parts
    location = head(fusion(features(satellite, imagery), recorded.context(RECORDED)))
    close(location.mean, RECORDED[f"prob_{imagery}_mean"], within=1e-4)
    close(location.log_var, RECORDED[f"prob_{imagery}_std"], within=1e-4)


@torch.inference_mode()
def test_month_and_hour_alone(
    parts: tuple[SatelliteEncoder, ContextFusion, GaussianHead], close: Close
) -> None:
    satellite, fusion, head = parts
    context = recorded.context(RECORDED).only("month", "hour")
    location = head(fusion(features(satellite, "sentinel"), context))
    # This one mean was recorded before it was normalised.
    raw = recorded.floats(RECORDED["prob_sentinel_evalmonth_time_mean"])
    close(location.mean, torch.nn.functional.normalize(raw, dim=-1), within=1e-4)
    close(location.log_var, RECORDED["prob_sentinel_evalmonth_time_std"], within=1e-4)


@torch.inference_mode()
def test_variants_without_context_and_without_variance(
    parts: tuple[SatelliteEncoder, ContextFusion, GaussianHead], close: Close
) -> None:
    satellite, fusion, head = parts
    image, context = features(satellite, "sentinel"), recorded.context(RECORDED)
    close(head(image).mean, RECORDED["probnometa_sentinel_mean"], within=1e-4)
    close(head(image).log_var, RECORDED["probnometa_sentinel_std"], within=1e-4)
    close(PointHead()(image).mean, RECORDED["baselinenometa_sentinel_mean"], within=1e-4)
    close(PointHead()(fusion(image, context)).mean, RECORDED["baseline_sentinel_mean"], within=1e-4)
