"""The GSD position embedding against values recorded from the published implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from psm.encoders.satellite import gsd_position_embedding
from tests.reference.conftest import Close

VECTORS = Path(__file__).parent / "vectors"
CASES = json.loads((VECTORS / "manifest.json").read_text())["a_gsdpe"]["cases"]
RECORDED = np.load(VECTORS / "a_gsdpe.npz")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["array"])
def test_reproduces_the_published_embedding(case: dict, close: Close) -> None:
    ours = gsd_position_embedding(case["embed_dim"], case["grid_size"], torch.tensor(case["res"]))
    if case["cls_token"]:  # the published class row is zero and carries no position
        ours = torch.cat([torch.zeros_like(ours[:, :1]), ours], dim=1)
    close(ours[:, :: case["token_stride"]], RECORDED[case["array"]], within=1e-5)


@pytest.mark.parametrize("array", ["c0_plain", "c1_plain"])
def test_one_metre_a_pixel_is_the_plain_embedding(array: str, close: Close) -> None:
    recorded = RECORDED[array]
    positions, dim = recorded.shape
    ours = gsd_position_embedding(dim, int(positions**0.5), torch.tensor([1.0]))[0]
    close(ours, recorded, within=1e-5)
