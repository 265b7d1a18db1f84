"""The loss of training against values and gradients recorded from the published one (group f)."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from psm.encoders.heads import point
from psm.losses import pseudo_positives
from psm.training.objective import Sat2SoundLoss
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import manifest, require_recordings, tensors, within

require_recordings()

GROUPS = ("f_losses_7_16", "f_losses_24_40")
CASES = [(group, case) for group in GROUPS for case in manifest(group)["cases"]]
INPUTS = ("sat", "audio", "audio_caption", "image_caption")
TERMS = {
    "location_audio": "ia", "location_text": "it", "audio_text": "at", "location_both": "i_at",
    "location_caption": "fdt",
}  # fmt: skip


def loss_of(group: str, case: dict[str, Any]) -> Sat2SoundLoss:
    loss = Sat2SoundLoss(
        pseudo_positive_weight=case["pseudo_match_alpha"],
        combined=bool(case["combined_modality_loss"]),
        image_caption_weight=case["fdt_weight"],
        published=True,
    )
    with torch.no_grad():
        for name, pair in loss.pairs.items():
            pair.log_scale.fill_(manifest(group)["log_scales"][TERMS[name]])
    return loss


@pytest.mark.parametrize(
    ("group", "case"), CASES, ids=[f"{group}-{case['tag']}" for group, case in CASES]
)
def test_terms_and_gradients(group: str, case: dict[str, Any], close: Close) -> None:
    arrays = tensors(group)
    inputs = [arrays[name].clone().requires_grad_() for name in INPUTS]
    loss = loss_of(group, case)
    location, audio, text, captions = (point(x) for x in inputs)
    total, report = loss([location], audio, text, captions)
    total.backward()
    expected = case["f32"]
    terms = {name: report[f"loss_{name}"] for name in loss.pairs}
    close(total.detach(), torch.tensor(expected["loss"]), within=1e-5 * abs(expected["loss"]))
    for name, value in terms.items():
        recorded = expected["terms"][TERMS[name]]
        close(value, torch.tensor(recorded), within=1e-5 * abs(recorded))
        gradient = loss.pairs[name].log_scale.grad
        assert gradient.item() == pytest.approx(expected["g_logit_scale"][TERMS[name]], rel=1e-4)
    for x, name in zip(inputs, INPUTS, strict=True):
        recorded_gradient = arrays[f"{case['tag']}_g_{name}"]
        found = torch.zeros_like(x) if x.grad is None else x.grad
        close(found, recorded_gradient, within=max(within(recorded_gradient), 1e-12))


@pytest.mark.parametrize("group", GROUPS)
def test_pseudo_positives_of_images_and_captions(group: str, close: Close) -> None:
    arrays = tensors(group)
    image, text = (point(arrays[name]).unit().mean for name in ("sat", "audio_caption"))
    scale = torch.tensor(manifest(group)["log_scales"]["it"]).exp()
    similarity = scale * image @ text.T
    close(similarity, arrays["it_similarity"], within=within(arrays["it_similarity"]))
    found = pseudo_positives(similarity, torch.eye(len(similarity)))
    close(found, arrays["it_targets"], within=0.0)
