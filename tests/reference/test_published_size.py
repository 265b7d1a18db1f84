"""The published model at its full size: every tensor by name, and what it answers.

Weights follow the recorded recipe, inputs are drawn as they were for the recording.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from psm import PSM
from psm.data.context import Context
from psm.encoders.encoding import Encoding
from psm.experiments import load_experiment
from psm.published.checkpoint import published_model
from tests.reference import recorded
from tests.reference.conftest import Close

Shapes = dict[str, tuple[tuple[int, ...], torch.dtype]]
LISTED = (recorded.VECTORS / "l_state_dict_keys.txt").read_text()
SHIFT_AND_SCALE = ("criterion.shift", "criterion.negative_scale")


def listed() -> tuple[Shapes, Shapes]:
    """Tensors of the probabilistic model with all context, and of the other: points, no context."""
    probabilistic, deterministic = (
        {
            name: (tuple(int(side) for side in re.findall(r"\d+", shape)), getattr(torch, dtype))
            for name, shape, dtype in re.findall(rf"^{sign}(\S+)\t(\(.*?\))\t(\w+)", part, re.M)
        }
        for sign, part in zip(("", r"\+ "), LISTED.split("# deterministic"), strict=True)
    )
    gone = set(re.findall(r"^- (\S+)", LISTED, re.M))
    kept = {name: about for name, about in probabilistic.items() if name not in gone}
    return probabilistic, kept | deterministic


PROBABILISTIC, DETERMINISTIC = listed()


def tensors(shapes: Shapes) -> dict[str, Tensor]:
    """Without numbers, under ``torch.device("meta")``."""
    return {name: torch.empty(shape, dtype=kind) for name, (shape, kind) in shapes.items()}


def test_both_lists_are_whole() -> None:
    first, other = LISTED.split("# deterministic")
    counted = [
        sum(line.count("\t") == 3 for line in first.splitlines()),
        *(len(re.findall(rf"^{sign} ", other, re.M)) for sign in ("-", r"\+")),
    ]
    assert len(PROBABILISTIC) == counted[0] > 0
    assert len(DETERMINISTIC) == counted[0] - counted[1] + counted[2]


@pytest.mark.parametrize("shapes", [PROBABILISTIC, DETERMINISTIC], ids=["psm", "deterministic"])
def test_every_tensor_finds_its_place(shapes: Shapes) -> None:
    with torch.device("meta"):  # names, shapes and types: no numbers needed
        published = tensors(shapes)
        if "criterion.tau" in published:
            published["criterion.tau"] = torch.tensor([14.3], device="cpu")
        model, found = published_model(published, imagery="sentinel")
    has_tau = "criterion.tau" in published
    assert found.tensors + len(found.derived) + has_tau == len(shapes)
    assert found.config.heads.probabilistic != has_tau
    assert bool(found.config.context.depth) != has_tau
    ours = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    assert set(ours.values()) == {torch.float32, torch.int64}
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if not has_tau:  # the published count has the shift and the scale, our buffers, in it
        assert parameters + 2 == int(re.search(r"(\d+) parameters", LISTED)[1])


def test_the_preset_has_the_published_tensors() -> None:
    random = {"model.audio_tower.weights": None, "model.text_tower.weights": None}
    with torch.device("meta"):
        imported, _ = published_model(tensors(PROBABILISTIC), imagery="sentinel")
        preset = PSM(load_experiment("psm-sentinel", random).model)
    ours, theirs = (
        {name: tensor.shape for name, tensor in model.state_dict().items()}
        for model in (preset, imported)
    )
    assert ours.keys() == theirs.keys()
    # Latitude is encoded in another way: three numbers of a place instead of four.
    assert [name for name in ours if ours[name] != theirs[name]] == [
        "fusion.tokens.latlon.0.weight"
    ]


class Given(Encoding):
    """Numbers of place, month and hour as they were recorded; the hour of the second is unknown."""

    place_size = 4

    def place(self, latlon: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 4"]:
        return latlon.new_tensor([[0.5, 0.8, -0.3, 0.9], [-0.2, 0.9, 0.7, -0.7]])

    def month(self, month: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2"]:
        return month.new_tensor([[0.5, 0.8], [-1.0, 0.0]])

    def hour(self, hour: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2"]:
        return hour.new_tensor([[0.3, 0.9], [0.0, 0.0]])


@pytest.fixture(scope="module")
def model() -> PSM:
    drawn = recorded.weights(
        {
            name: list(shape)
            for name, (shape, dtype) in PROBABILISTIC.items()
            if dtype == torch.float32 and name not in SHIFT_AND_SCALE
        },
        rounded=False,
    )
    drawn |= {name: torch.tensor([5.0]) for name in SHIFT_AND_SCALE}
    return published_model(drawn, imagery="sentinel")[0]


@pytest.fixture(scope="module")
def inputs() -> dict[str, Tensor]:
    rng = np.random.default_rng([recorded.SEED, 120])
    views = rng.standard_normal((2, 3, 224, 224), dtype=np.float32)
    mel = rng.standard_normal((2, 4, 1001, 64), dtype=np.float32) * 12 - 30
    tokens = rng.integers(5, 50265, (2, 128))
    tokens[:, 0] = 0
    for row, length in enumerate((40, 23)):
        tokens[row, length - 1 :] = [2] + [1] * (128 - length)
    return {"views": torch.from_numpy(views), "mel": torch.from_numpy(mel),
            "tokens": torch.from_numpy(tokens)}  # fmt: skip


RECORDED = recorded.load("l_published_size")


@torch.inference_mode()
def test_locations(model: PSM, inputs: dict[str, Tensor], close: Close) -> None:
    # The recording starts from normalised pixels, ours from [0, 1].
    views = inputs["views"] * model.satellite.std + model.satellite.mean
    pooled: list[Tensor] = []
    hook = model.satellite.norm.register_forward_hook(lambda _m, _i, out: pooled.append(out))
    features = model.image_features(views, torch.tensor([10.0, 50.0]))
    hook.remove()
    close(pooled[0], RECORDED["sat_backbone"], within=1e-4)
    model.fusion.encoding = Given()
    context = Context.of(
        lat=[0.0, 0.0], lon=0.0, month=1, hour=[0.0, np.nan],
        audio_source=[0, 3], caption_source=[2, 0],
    )  # fmt: skip
    location = model.fuse(features, context)
    close(location.mean, RECORDED["sat_mean"], within=1e-4)
    close(location.log_var, RECORDED["sat_std"], within=1e-4)


@torch.inference_mode()
def test_recordings(model: PSM, inputs: dict[str, Tensor], close: Close) -> None:
    audio = model.encode_audio(inputs["mel"])  # reference mode: every clip counts as longer
    close(audio.mean, RECORDED["audio_mean"], within=1e-4)
    close(audio.log_var, RECORDED["audio_std"], within=1e-4)
    raw = torch.from_numpy(RECORDED["audio_mixed_longer_unnormalized_mean"])
    short = model.encode_audio(inputs["mel"][:1], torch.tensor([False]))
    close(short.mean, F.normalize(raw[:1], dim=-1), within=1e-4)
    close(audio.mean[1:], F.normalize(raw[1:], dim=-1), within=1e-4)


@torch.inference_mode()
def test_captions(model: PSM, inputs: dict[str, Tensor], close: Close) -> None:
    tokens = inputs["tokens"][:, :40]  # what follows is padding
    embeds = model.text.model(input_ids=tokens, attention_mask=(tokens != 1).long()).text_embeds
    text = model.text_head(embeds)
    close(text.mean, RECORDED["text_mean"], within=1e-4)
    close(text.log_var, RECORDED["text_std"], within=1e-4)
