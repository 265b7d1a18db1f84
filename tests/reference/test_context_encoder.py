"""The context fusion against outputs recorded from the published implementation."""

from __future__ import annotations

import json
import random

import pytest
import torch

from psm.config import ContextConfig
from psm.encoders.fusion import ContextFusion
from psm.published.checkpoint import rename
from psm.reference import PublishedEncoding
from tests.reference import recorded
from tests.reference.conftest import Close
from tests.reference.published_code import published_context_dropout

RECORDED = recorded.load("c_meta_encoder")
SHAPES = recorded.MANIFEST["c_meta_encoder"]["weights"]
_PREFIX = "sat_encoder.encoder.meta_fuser."


def fusion(config: ContextConfig, seed: int = recorded.SEED) -> ContextFusion:
    dim = recorded.MANIFEST["c_meta_encoder"]["fc_dim"]
    module = ContextFusion(config, dim, PublishedEncoding()).eval()
    drawn = recorded.weights(SHAPES, seed)
    named, unknown = rename({_PREFIX + name: tensor for name, tensor in drawn.items()})
    ours = {name.removeprefix("fusion."): tensor for name, tensor in named.items()}
    assert not unknown
    wanted = module.state_dict().keys()
    module.load_state_dict({name: tensor for name, tensor in ours.items() if name in wanted})
    return module


@pytest.mark.parametrize("chosen", recorded.MANIFEST["c_meta_encoder"]["eval_meta"])
@torch.inference_mode()
def test_every_subset_of_fields(chosen: str, close: Close) -> None:
    context = recorded.context(RECORDED).only(*recorded.fields(chosen))
    ours = fusion(ContextConfig())(recorded.floats(RECORDED["sat_embeddings"]), context)
    close(ours, RECORDED[f"out_eval_{chosen}"], within=1e-5)


@torch.inference_mode()
def test_fields_that_are_absent(close: Close) -> None:
    images = recorded.floats(RECORDED["sat_embeddings"])
    close(
        fusion(ContextConfig())(images, recorded.context(RECORDED)),
        RECORDED["out_some_absent"],
        within=1e-5,
    )


@torch.inference_mode()
def test_a_model_of_month_and_hour_alone(close: Close) -> None:
    module = fusion(ContextConfig(fields=("month", "hour")), seed=recorded.SEED + 1)
    ours = module(recorded.floats(RECORDED["sat_embeddings"]), recorded.context(RECORDED))
    close(ours, RECORDED["out_model_month_time"], within=1e-5)


def test_the_encodings_are_the_published_ones(close: Close) -> None:
    context, encoding = recorded.context(RECORDED), PublishedEncoding()
    close(encoding.place(context.latlon), RECORDED["latlong"], within=1e-6)
    known = context.valid
    close(encoding.hour(context.hour)[known[:, 2]], RECORDED["time"][known[:, 2]], within=1e-6)
    close(encoding.month(context.month)[known[:, 1]], RECORDED["month"][known[:, 1]], within=1e-6)


@pytest.mark.parametrize("case", json.loads((recorded.VECTORS / "c_create_mask.json").read_text()))
def test_which_items_lose_a_field_in_training(case: dict) -> None:
    kept = published_context_dropout(
        [bool(known) for known in case["mask"]], case["rate"], random.Random(case["random_seed"])
    )
    assert kept == [bool(known) for known in case["out"]]
