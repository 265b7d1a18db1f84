"""The losses against values and gradients recorded from the published implementation."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from psm.gaussian import Gaussian
from psm.losses import InfoNCE, PCMEPlusPlus
from tests.reference.conftest import Close

VECTORS = Path(__file__).parent / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())

PCMEPP_CASES = [
    (name, case)
    for name in ("b_pcmepp_8x8_16", "b_pcmepp_8x16_16", "b_pcmepp_40x40_96", "b_pcmepp_64x64_512")
    for case in MANIFEST[name]["cases"]
]
INFONCE_CASES = [
    (name, case)
    for name in ("b_infonce_8_16", "b_infonce_40_96", "b_infonce_64_512")
    for case in MANIFEST[name]["cases"]
    if not case["distributed"]
]


def load(name: str) -> dict[str, Tensor]:
    """Inputs and gradients of one set; of the largest the first rows of the gradients alone."""
    arrays = {
        key: torch.from_numpy(value) for key, value in np.load(VECTORS / f"{name}.npz").items()
    }
    return arrays if "mean1" in arrays else {**arrays, **inputs_of_the_largest()}


def inputs_of_the_largest() -> dict[str, Tensor]:
    """Drawn anew as they were for the recording: 64 pairs that share half of what they are."""
    rng = np.random.default_rng([20241, 11])
    shared, own1, own2, spread1, spread2 = (rng.standard_normal((64, 512)) for _ in range(5))
    mean1, mean2 = (
        mean / np.linalg.norm(mean, axis=1, keepdims=True)
        for mean in (shared + own1, shared + own2)
    )
    drawn = {
        "mean1": mean1, "mean2": mean2, "std1": 0.6 * spread1 - 6.5, "std2": 0.6 * spread2 - 6.5,
    }  # fmt: skip
    return {key: torch.from_numpy(values.astype(np.float32)) for key, values in drawn.items()}


@pytest.mark.parametrize(
    ("name", "case"), PCMEPP_CASES, ids=[f"{n}-{c['tag']}" for n, c in PCMEPP_CASES]
)
def test_pcmepp_reproduces_loss_and_gradients(name: str, case: dict, close: Close) -> None:
    arrays = load(name)
    inputs = [arrays[key].clone().requires_grad_() for key in ("mean1", "std1", "mean2", "std2")]
    settings = ("shift", "negative_scale", "smoothness_alpha", "vib_beta")
    loss_module = PCMEPlusPlus(*(float(case[setting]) for setting in settings))
    loss, report = loss_module(
        Gaussian(inputs[0], inputs[1]), Gaussian(inputs[2], inputs[3]), arrays.get("matched")
    )
    loss.backward()
    expected = case["f32"]
    assert loss.item() == pytest.approx(expected["loss"], rel=1e-5)
    assert report["mean_distance"].item() == pytest.approx(expected["mu_pdist"], rel=1e-4)
    assert report["variance_sum"].item() == pytest.approx(expected["sigma_pdist"], rel=1e-4)
    assert loss_module.shift.grad.item() == pytest.approx(expected["g_shift"], abs=1e-5)
    # The logarithm of the scale is learnt: its gradient is the scale times the published one.
    scale_gradient = loss_module.log_scale.grad.item() / case["negative_scale"]
    assert scale_gradient == pytest.approx(expected["g_negative_scale"], abs=1e-5)
    norms = [tensor.grad.norm().item() for tensor in inputs]
    assert norms == pytest.approx(expected["grad_norms"], rel=1e-4)
    for tensor, key in zip(inputs, ("mean1", "std1", "mean2", "std2"), strict=True):
        recorded = arrays[f"{case['tag']}_g_{key}"]
        close(tensor.grad[: len(recorded)], recorded, within=1e-5)


@pytest.mark.parametrize(
    ("name", "case"), INFONCE_CASES, ids=[f"{n}-{c['tau']}" for n, c in INFONCE_CASES]
)
def test_infonce_reproduces_loss_and_gradients(name: str, case: dict, close: Close) -> None:
    arrays = load(name)
    a, b = (arrays[key].clone().requires_grad_() for key in ("mean1", "mean2"))
    # The published loss multiplies the cosine by tau: ours divides by a temperature.
    loss_module = InfoNCE(temperature=1.0 / case["tau"])
    loss, _ = loss_module(Gaussian(a, torch.zeros_like(a)), Gaussian(b, torch.zeros_like(b)))
    loss.backward()
    assert loss.item() == pytest.approx(case["f32"]["loss"], rel=1e-5)
    tau_gradient = loss_module.log_scale.grad.item() / case["tau"]
    assert tau_gradient == pytest.approx(case["f32"]["g_tau"], abs=1e-5)
    norms = [tensor.grad.norm().item() for tensor in (a, b)]
    assert norms == pytest.approx(case["f32"]["gn"], rel=1e-4)
    for tensor, key in ((a, "mean1"), (b, "mean2")):
        recorded = arrays[f"tau{case['tau']}_g_{key}"]
        close(tensor.grad[: len(recorded)], recorded, within=1e-5)


def test_learnt_temperature_starts_where_clip_does() -> None:
    assert InfoNCE().log_scale.item() == pytest.approx(math.log(1 / 0.07))
