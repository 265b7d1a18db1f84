"""Fusion of patches and context against what was recorded from the published one (group b)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from psm.config import ContextConfig
from psm.data.context import Context
from psm.encoders.tokens import Tokens
from psm.reference import PublishedEncoding, PublishedTokenFusion
from tests.reference.conftest import Close
from tests.reference.recorded import fields
from tests.reference.sat2sound.recorded import load, manifest, require_recordings, weights, within

require_recordings()

ARRAYS = load("b_fusion")
IMAGE = torch.from_numpy(ARRAYS["tokens"]).flatten(1)
WEIGHTS = weights("b_fusion")
WIDTH = manifest("b_fusion")["fc_dim"]
CASES = manifest("b_fusion")["cases"]
ALL = "asource_tsource_latlong_month_time"
_NAMES = {
    "audio_source_fc.source_embed": "audio_source",
    "caption_source_fc.source_embed": "caption_source",
    "location_fc.fc1": "latlon.0", "location_fc.fc2": "latlon.2",
    "month_fc.fc1": "month.0", "month_fc.fc2": "month.2",
    "time_fc.fc1": "hour.0", "time_fc.fc2": "hour.2",
}  # fmt: skip


def ours(name: str) -> str:
    """Our name of a weight of the published fusion."""
    name = name.removeprefix("sat_encoder.meta_fuser.")
    name = re.sub(r"^transformer_encoder", "encoder", name)
    for theirs, new in _NAMES.items():
        name = name.replace(f"meta_embed.{theirs}.", f"tokens.{new}.")
    return name


def fusion(published: str = ALL) -> PublishedTokenFusion:
    module = PublishedTokenFusion(
        ContextConfig(fields=fields(published)), WIDTH, PublishedEncoding()
    )
    named = {ours(name): tensor for name, tensor in WEIGHTS.items()}
    wanted = module.state_dict().keys()
    assert set(wanted) <= set(named)
    module.load_state_dict({name: named[name] for name in wanted})
    return module.eval()


def context(case: dict[str, Any] | None = None) -> Context:
    valid = case or {"month_valid": [1] * len(IMAGE), "time_valid": [1] * len(IMAGE)}
    return Context.of(
        lat=ARRAYS["in_lat"],
        lon=ARRAYS["in_lon"],
        month=np.where(valid["month_valid"], ARRAYS["in_month_of_year"], np.nan),
        hour=np.where(valid["time_valid"], ARRAYS["in_hour"], np.nan),
        audio_source=ARRAYS["in_audio_source"],
        caption_source=ARRAYS["in_caption_source"],
    )


def cases(kind: str) -> list[Any]:
    return [pytest.param(c, id=c["array"]) for c in CASES if c["array"].startswith(kind)]


def check(fused: Tensor, name: str, close: Close) -> None:
    recorded = ARRAYS[name]
    close(fused.reshape(recorded.shape), recorded, within=within(recorded))


@pytest.mark.parametrize("case", cases("type_"))
@torch.no_grad()
def test_a_model_of_each_subset_of_fields(case: dict, close: Close) -> None:
    check(fusion(case["metadata_type"])(IMAGE, context()), case["array"], close)


@pytest.mark.parametrize("case", cases("ablate_"))
@torch.no_grad()
def test_each_subset_by_masking(case: dict, close: Close) -> None:
    module = fusion()
    told = module.told(context())
    kept = torch.tensor([field in case["kept"] for field in ALL.split("_")])
    told = Tokens(told.values, kept.expand_as(told.known))
    image = Tokens.all_known(IMAGE.unflatten(1, (-1, WIDTH)))
    check(module.attend(image.beside(told)).values, case["array"], close)


@pytest.mark.parametrize("case", cases("valid_"))
def test_what_is_absent_with_gradients_and_without(case: dict, close: Close) -> None:
    module = fusion()
    with torch.no_grad():
        check(module(IMAGE, context(case)), f"{case['array']}_nograd", close)
    check(module(IMAGE, context(case)).detach(), f"{case['array']}_grad", close)


@torch.no_grad()
def test_fields_that_are_dropped(close: Close) -> None:
    module = fusion()
    told = module.told(context())
    check(told.values, "meta_embeddings", close)
    kept = torch.from_numpy(ARRAYS["dropout_mask"])
    dropped = Tokens(told.values * kept[..., None], kept)
    check(dropped.values, "dropout_meta_embeddings", close)
    image = Tokens.all_known(IMAGE.unflatten(1, (-1, WIDTH)))
    check(module.attend(image.beside(dropped)).values, "dropout_out", close)
    check(module(IMAGE, context()), "no_valid_given", close)


def test_the_encodings_are_the_published_ones(close: Close) -> None:
    encoding, told = PublishedEncoding(), context()
    for values, name in (
        (encoding.place(told.latlon), "in_latlong"),
        (encoding.month(told.month), "in_month"),
        (encoding.hour(told.hour), "in_time"),
    ):
        close(values, ARRAYS[name], within=1e-5)
