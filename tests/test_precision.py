"""bfloat16 changes results a little and float32 not at all; who lacks it gets float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from psm import PSM
from psm import precision as precisions
from psm.config import ModelConfig
from psm.gaussian import csd
from psm.imagery import BlueMarble
from psm.inference import batches as inference
from psm.mapping import Cells
from psm.mapping.store import plan
from tests.tiny import BANDS, FRAMES, VIEW_PX, tiny_experiment


def model(**changes: object) -> PSM:
    torch.manual_seed(0)
    config = tiny_experiment().model.model_dump() | changes
    return PSM(ModelConfig.model_validate(config)).eval()


def answers(psm: PSM) -> list[torch.Tensor]:
    rng = np.random.default_rng(0)
    views = rng.integers(0, 256, (6, VIEW_PX, VIEW_PX, 3), dtype=np.uint8)
    mels = rng.normal(-40, 10, (6, 1, FRAMES, BANDS)).astype(np.float16)
    location = inference.location_gaussians(psm, inference.image_features(psm, views, 1000.0))
    audio = inference.audio_gaussians(psm, mels)
    text = inference.text_gaussians(psm, ["frogs in a pond", "wind", "frogs in a pond"])
    return [*location, *audio, *text, csd(location, audio)]


def assert_same(one: list[torch.Tensor], other: list[torch.Tensor], *, same: bool = True) -> None:
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True)) == same


def test_bfloat16_stays_within_its_tolerance() -> None:
    psm = model()
    exact = answers(psm)
    psm.precision = "bfloat16"
    rough = answers(psm)
    assert_same(exact, rough, same=False)
    assert {part.dtype for part in rough} == {torch.float32}
    for means in (slice(0, 1), slice(2, 3), slice(4, 5)):
        cosine = torch.cosine_similarity(exact[means][0], rough[means][0])
        assert (1 - cosine).max() < 1e-3
    torch.testing.assert_close(rough[-1], exact[-1], atol=0.03, rtol=0)


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_bfloat16_where_it_is_native(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda _device=None: native)
    psm = model()
    exact = answers(psm)
    psm.precision = "auto"
    assert_same(exact, answers(psm), same=not native)


def test_auto_is_exact_in_reference_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda _device=None: True)
    psm = model(reference=True)
    exact = answers(psm)
    psm.precision = "auto"
    assert_same(exact, answers(psm))


def test_float32_leaves_mixed_precision_around_it_alone() -> None:
    psm = model()
    pixels, gsd_m = torch.rand(2, 3, VIEW_PX, VIEW_PX), torch.full((2,), 1000.0)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        inside = psm.image_features(pixels, gsd_m)
    psm.precision = "bfloat16"
    with torch.no_grad():
        assert torch.equal(psm.image_features(pixels, gsd_m), inside)


def test_maps_of_another_precision_are_kept_apart() -> None:
    psm, cells = model(), Cells.globe(30.0)
    exact = plan(psm, BlueMarble(), cells).fingerprint
    psm.precision = "bfloat16"
    assert plan(psm, BlueMarble(), cells).fingerprint != exact


@pytest.mark.parametrize(("native", "same"), [(True, "bfloat16"), (False, "float32")])
def test_maps_by_auto_are_those_of_what_it_comes_to(
    native: bool, same: precisions.Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda _device=None: native)
    psm, cells = model(), Cells.globe(30.0)
    psm.precision = "auto"
    by_auto = plan(psm, BlueMarble(), cells).fingerprint
    psm.precision = same
    assert plan(psm, BlueMarble(), cells).fingerprint == by_auto
