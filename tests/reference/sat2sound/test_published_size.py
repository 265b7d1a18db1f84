"""Sat2Sound at its full size: every tensor by name without numbers, and what it answers (full)."""

from __future__ import annotations

import os
import re
import zlib

import numpy as np
import pytest
import torch
from torch import Tensor

from psm.config import TextTowerConfig
from psm.data.context import Context
from psm.encoders.tokens import Tokens
from psm.published.sat2sound import sat2sound_model
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import FOLDER, load, manifest, needs_recordings, relatively

pytestmark = needs_recordings
SMALL_T5 = {"vocab_size": 30522, "d_model": 1024, "d_kv": 4, "d_ff": 8, "num_layers": 1,
            "num_heads": 2}  # fmt: skip
TEXT = TextTowerConfig(kind="t5", weights=None, t5=SMALL_T5, frozen=False)


def listed() -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Name, shape and type of every tensor of the published checkpoint."""
    text = (FOLDER / "state_dict_keys_sat2sound.txt").read_text()
    return {
        name: (tuple(int(side) for side in re.findall(r"\d+", shape)), getattr(torch, dtype))
        for name, shape, dtype in re.findall(r"^(\S+)\t(\(.*?\))\t(\w+)", text, re.M)
    }


def without_numbers() -> dict[str, Tensor]:
    return {
        name: torch.empty(shape, dtype=kind, device="meta")
        for name, (shape, kind) in listed().items()
    }


def test_every_tensor_is_accounted_for() -> None:
    tensors = without_numbers()
    assert len(tensors) == 431
    with torch.device("meta"):
        model, found = sat2sound_model(tensors, imagery="bingmap", text=TEXT)
    split = sum(
        name.endswith(("qkv.weight", "qkv.bias")) for name in tensors if "audio_enc" in name
    )
    assert found.tensors == 431 + 2 * split - len(found.implied + found.unused) - len(found.scales)
    assert [len(found.implied), len(found.unused), len(found.scales)] == [18, 7, 6]
    ours = {name for name in model.state_dict() if not name.startswith("text.")}
    own = {"shift", "negative_scale"} | {n for n in ours if n.endswith("relative_position_index")}
    assert len(ours - own - {n for n in ours if n.endswith("batches_tracked")}) == found.tensors
    config = found.config
    assert (config.dim, config.heads.codes, config.place_dim) == (1024, 16000, 1024)
    assert (config.satellite.heads, config.satellite.depth, config.context.depth) == (12, 12, 3)
    assert config.audio_tower.clap["depths"] == [2, 2, 6, 2]
    assert config.audio_tower.clap["num_attention_heads"] == [4, 8, 16, 32]
    said = " ".join(found.describe().values())
    assert all(name.removeprefix("audio_encoder.model.audio_enc.") in said for name in found.unused)


@pytest.mark.parametrize(
    ("gone", "fields"),
    [
        ("sat_encoder.", ()),
        ("sat_encoder.meta_fuser.meta_embed.audio_source_fc",
         ("latlon", "month", "hour", "caption_source")),
        ("logit_scale_i", ("latlon", "month", "hour", "audio_source", "caption_source")),
    ],
)  # fmt: skip
def test_checkpoints_of_fewer_fields_and_scales_are_whole(
    gone: str, fields: tuple[str, ...]
) -> None:
    kept = {name: t for name, t in without_numbers().items() if not name.startswith(gone)}
    with torch.device("meta"):
        model, found = sat2sound_model(kept, imagery="sentinel", text=TEXT)
    assert found.config.context.fields == fields
    assert (model.fusion is None) == (not fields)


def drawn(seed: int) -> dict[str, Tensor]:
    """Weights by the recorded recipe."""
    tensors = {}
    for name, (shape, kind) in listed().items():
        if name.startswith("logit_scale") or "audio_feats_extractor" in name:
            tensors[name] = torch.ones(shape)
            continue
        if not kind.is_floating_point or name.endswith("attn_mask"):
            tensors[name] = torch.zeros(shape, dtype=kind)
            continue
        z = np.random.default_rng([zlib.crc32(name.encode()), seed]).standard_normal(
            shape, np.float32
        )
        if name.endswith("running_var"):
            z = 1 + 0.1 * np.abs(z)
        elif name.endswith("running_mean"):
            z = 0.1 * z
        elif len(shape) == 1:
            z = 0.02 * z + name.endswith("weight")
        elif not name.endswith("space_dict"):
            z = z / np.float32(np.sqrt(np.prod(shape[1:])))
        tensors[name] = torch.from_numpy(np.asarray(z, np.float32))
    return tensors


@pytest.mark.skipif(
    "PSM_SLOW_TESTS" not in os.environ, reason="half a minute: set PSM_SLOW_TESTS to run it"
)
def test_answers_at_full_size_are_the_published_ones(close: Close) -> None:
    about, recorded = manifest("full"), load("full")
    model, _ = sat2sound_model(drawn(about["seed"]), imagery=about["sat_type"], text=TEXT)
    rng = np.random.default_rng([about["seed"], 11])
    views = torch.from_numpy(rng.standard_normal((2, 3, 224, 224), np.float32))
    mels = torch.from_numpy(rng.standard_normal((2, 1, 1001, 64), np.float32) * 15 - 35)
    states = torch.from_numpy(rng.standard_normal((2, 10, 1024), np.float32))
    mask = torch.from_numpy(recorded["in_txt_mask"]).bool()
    told = Context.of(
        lat=recorded["in_lat"],
        lon=recorded["in_lon"],
        month=np.where(np.array(about["month_valid"]) == 1, recorded["in_month_of_year"], np.nan),
        hour=np.where(np.array(about["time_valid"]) == 1, recorded["in_hour"], np.nan),
        audio_source=recorded["in_audio_source"],
        caption_source=recorded["in_caption_source"],
    )
    gsd_m = model.config.imagery.gsd_m * torch.tensor(about["zoom"], dtype=torch.float32)
    pixels = views * model.satellite.std + model.satellite.mean
    with torch.no_grad():
        images = model.image_features(pixels, gsd_m)
        fused = model.location_features(images, told)
        sounds = model.audio.tokens(mels).packed()
        answers = {
            "sat_tokens_every49": images.unflatten(1, (-1, 1024))[:, ::49],
            "fused_tokens_every50": fused.unflatten(1, (-1, 1024))[:, ::50],
            "sat": model.location_head.raw(fused).mean,
            "sat_nometa": model.location_head.raw(images).mean,
            "audio_tokens_every8": sounds.unflatten(1, (-1, 768))[:, ::8],
            "audio": model.audio_head.raw(sounds).mean,
            "text": model.text_head.raw(Tokens(states, mask).packed()).mean,
        }
        support = {
            "sat_support": model.location_head.weights(fused),
            "audio_support": model.audio_head.weights(sounds),
            "text_support": model.text_head.weights(Tokens(states, mask).packed()),
        }
    for name, ours in answers.items():
        relatively(close, ours, recorded[name], 1e-3)
    for name, weights in support.items():
        assert np.abs((weights > 0).sum(1).numpy() - recorded[name]).max() <= 2, name
