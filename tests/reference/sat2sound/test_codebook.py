"""The codebook against what was recorded from the published one (group a)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from psm.encoders.codebook import Absent, Codebook, CodebookHead, sparsemax
from psm.encoders.tokens import Tokens
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import (
    manifest,
    require_recordings,
    tensors,
    weights,
    within,
)

require_recordings()

RECORDED = tensors("a_codebook")
WEIGHTS = weights("a_codebook")
DIM = manifest("a_codebook")["dims"]["sd_dim"]


def head_of(modality: str, width: int, absent: Absent) -> CodebookHead:
    codes = WEIGHTS["fdt.space_dict"]
    codebook = Codebook(len(codes), codes.shape[1], float(manifest("a_codebook")["temperature"]))
    codebook.load_state_dict({"codes.weight": codes})
    head = CodebookHead(width, codebook, absent)
    prefix = f"fdt.{modality}_query_model.q_map."
    head.query.load_state_dict(
        {name.removeprefix(prefix): w for name, w in WEIGHTS.items() if name.startswith(prefix)}
    )
    return head.eval()


def embedding(head: CodebookHead, tokens: Tokens) -> tuple[Tensor, Tensor]:
    packed = tokens.packed()
    return head.weights(packed), head.raw(packed).mean


@pytest.mark.parametrize(
    ("short", "modality"), [("img", "img"), ("aud", "audio"), ("txt", "txt")], ids=str
)
@torch.inference_mode()
def test_tokens_choose_codes_and_mix_them(short: str, modality: str, close: Close) -> None:
    values = RECORDED[f"{short}_tokens"]
    tokens = Tokens.all_known(values)
    head = head_of(modality, values.shape[-1], "counted")
    prefix = "txt_nomask" if short == "txt" else short
    chosen, mixed = embedding(head, tokens)
    for ours, name in (
        (head.query(values), f"{short}_query"),
        (head.token_scores(tokens), f"{prefix}_token_att"),
        (chosen, f"{prefix}_weights"),
        (mixed, f"{prefix}_embedding"),
    ):
        close(ours, RECORDED[name], within=within(RECORDED[name]))


@torch.inference_mode()
def test_padding_of_a_text_scores_zero_as_published(close: Close) -> None:
    values, known = RECORDED["txt_tokens"], RECORDED["txt_mask"].bool()
    head = head_of("txt", values.shape[-1], "zeroed")
    chosen, mixed = embedding(head, Tokens(values, known))
    scores = head.token_scores(Tokens(values, known)) / DIM**0.5
    for ours, name in ((scores, "token_att"), (chosen, "weights"), (mixed, "embedding")):
        close(ours, RECORDED[f"txt_{name}"], within=within(RECORDED[f"txt_{name}"]))


@torch.inference_mode()
def test_ours_says_of_a_padded_text_what_it_says_of_it_alone(close: Close) -> None:
    values, known = RECORDED["txt_tokens"], RECORDED["txt_mask"].bool()
    head = head_of("txt", values.shape[-1], "left out")
    _, mixed = embedding(head, Tokens(values, known))
    name = "txt_unpadded_embedding"
    close(mixed, RECORDED[name], within=within(RECORDED[name]))


def test_sparsemax_and_its_gradient(close: Close) -> None:
    scores = RECORDED["sparsemax_in"].clone().requires_grad_()
    weights_ = sparsemax(scores)
    close(weights_.detach(), RECORDED["sparsemax_out"], within=within(RECORDED["sparsemax_out"]))
    rows = len(RECORDED["sparsemax_gin"])  # the rest are ties, whose gradient is anybody's guess
    (weights_[:rows] * RECORDED["sparsemax_gin"]).sum().backward()
    assert scores.grad is not None
    recorded = RECORDED["sparsemax_grad"]
    close(scores.grad[:rows], recorded, within=within(recorded))
