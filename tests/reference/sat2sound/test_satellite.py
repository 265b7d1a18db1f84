"""The satellite encoder of tokens against what was recorded from the published one (group c)."""

from __future__ import annotations

import pytest
import torch

from psm.config import ImageryConfig, SatelliteConfig
from psm.encoders.codebook import Codebook, CodebookHead
from psm.encoders.satellite import SatelliteEncoder, gsd_position_embedding
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import (
    manifest,
    require_recordings,
    tensors,
    weights,
    within,
)

require_recordings()

RECORDED = tensors("c_satellite")
ABOUT = manifest("c_satellite")
DIMS = ABOUT["dims"]
GSD_M = {"bingmap": 0.6, "sentinel": 10.0, "googleEarth": 0.2}
ZOOMS = torch.tensor(ABOUT["zoom"], dtype=torch.float32)
_NAMES = (
    ("backbone.patch_embed.proj", "patch"),
    ("backbone.blocks", "blocks.layers"),
    ("attn.qkv.", "self_attn.in_proj_"),
    ("attn.proj", "self_attn.out_proj"),
    ("mlp.fc", "linear"),
    ("projector.linear1", "project.0"),
    ("projector.linear2", "project.2"),
)


def ours(name: str) -> str:
    for theirs, new in _NAMES:
        name = name.replace(theirs, new)
    return name


@pytest.fixture(scope="module")
def parts() -> tuple[SatelliteEncoder, CodebookHead]:
    drawn = weights("c_satellite")
    config = SatelliteConfig(
        patch_px=DIMS["patch"], dim=DIMS["embed_dim"], depth=DIMS["depth"], heads=DIMS["heads"]
    )
    imagery = ImageryConfig(view_px=DIMS["image"])
    satellite = SatelliteEncoder(config, imagery, DIMS["fc_dim"], as_tokens=True, normed=False)
    prefix = "satmae_backbone."
    satellite.load_state_dict(
        {ours(n.removeprefix(prefix)): w for n, w in drawn.items() if n.startswith(prefix)}
    )
    codebook = Codebook(*DIMS["codebook"], float(manifest("a_codebook")["temperature"]))
    codebook.load_state_dict({"codes.weight": drawn["fdt.space_dict"]})
    head = CodebookHead(DIMS["fc_dim"], codebook, "counted")
    prefix = "fdt.img_query_model.q_map."
    head.query.load_state_dict(
        {n.removeprefix(prefix): w for n, w in drawn.items() if n.startswith(prefix)}
    )
    return satellite.eval(), head.eval()


@pytest.mark.parametrize("imagery", GSD_M)
@torch.inference_mode()
def test_pixels_become_tokens_and_choose_codes(
    imagery: str, parts: tuple[SatelliteEncoder, CodebookHead], close: Close
) -> None:
    satellite, head = parts
    # The recording starts from normalised pixels, ours from [0, 1].
    views = RECORDED["pixels"] * satellite.std + satellite.mean
    seen: list[torch.Tensor] = []
    handle = satellite.blocks.register_forward_hook(lambda *found: seen.append(found[-1]))
    features = satellite(views, GSD_M[imagery] * ZOOMS)
    handle.remove()
    for found, name in (
        (seen[0], "backbone"),
        (features.reshape(RECORDED[f"{imagery}_tokens"].shape), "tokens"),
        (head.weights(features), "weights"),
        (head.raw(features).mean, "embedding"),
    ):
        recorded = RECORDED[f"{imagery}_{name}"]
        close(found, recorded, within=within(recorded))


def test_positions_are_those_of_the_published_encoder(close: Close) -> None:
    side = DIMS["image"] // DIMS["patch"]
    positions = gsd_position_embedding(DIMS["embed_dim"], side, GSD_M["bingmap"] * ZOOMS)
    close(positions, RECORDED["bingmap_position"], within=1e-4)
