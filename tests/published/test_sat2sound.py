"""Checkpoints of Sat2Sound: known by their keys, accounted for, or refused in one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from torch import Tensor
from typer.testing import CliRunner

from psm import PSM
from psm.cli.app import app
from psm.config import AudioTowerConfig, TextTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.audiotowers import build_audio_tower
from psm.errors import CheckpointMismatch, ConfigError, ForeignPickle, PSMError
from psm.published.checkpoint import import_checkpoint
from psm.published.sat2sound import Sat2SoundReport, sat2sound_model
from tests.publishedsat2sound import AUDIO, CODES, DIM, T5, checkpoint, published_names, write_t5

NORM = "audio_encoder.model.audio_enc.norm.weight"
CODEBOOK = "fdt.space_dict"
TEXT = TextTowerConfig(kind="t5", weights=None, t5={**T5, "vocab_size": 30522}, frozen=False)
AUDIO_LAYER = "audio_encoder.model.audio_enc.layers.0.blocks.0"
SIZES = (
    CODEBOOK, NORM, "fdt.img_query_model.q_map.1.weight", "fdt.txt_query_model.q_map.4.bias",
    f"{AUDIO_LAYER}.attn.qkv.weight", f"{AUDIO_LAYER}.attn.qkv.bias",
    f"{AUDIO_LAYER}.attn.relative_position_bias_table", f"{AUDIO_LAYER}.mlp.fc1.weight",
    "audio_encoder.model.audio_enc.patch_embed.norm.weight",
    "audio_encoder.model.audio_enc.bn0.weight", "satmae_backbone.projector.linear2.weight",
    "satmae_backbone.backbone.patch_embed.proj.weight",
    "sat_encoder.meta_fuser.meta_embed.time_fc.fc1.weight",
    "sat_encoder.meta_fuser.transformer_encoder.layers.0.linear1.weight",
)  # fmt: skip


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    torch.manual_seed(4)
    config = AudioTowerConfig(kind="mga-clap", clap=AUDIO)
    tower = build_audio_tower(config, AudioConfig.mga_clap(), DIM)
    return checkpoint(published_names(tower))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture
def content(whole: dict[str, Any]) -> dict[str, Any]:
    settings = dict(whole["hyper_parameters"])
    return {**whole, "state_dict": dict(whole["state_dict"]), "hyper_parameters": settings}


def saved(content: Any, folder: Path) -> Path:
    path = folder / "changed.ckpt"
    torch.save(content, path)
    return path


def given(t5: str) -> dict[str, Any]:
    return {"text_weights": t5, "satellite_heads": 4}


def refused(path: Path, error: type[PSMError], message: str, t5: str) -> None:
    out = path.parent / "out"
    with pytest.raises(error, match=message) as raised:
        import_checkpoint(path, out, **given(t5))
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)
    assert path.name in str(raised.value)
    assert not out.exists()


def test_the_command_knows_it_by_its_keys_and_says_what_it_found(
    content: dict[str, Any], tmp_path: Path, t5: str
) -> None:
    path, out = saved(content, tmp_path), tmp_path / "model"
    command = ["import", str(path), str(out), "--text-weights", t5, "--satellite-heads", "4"]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0
    for said in ("Sat2Sound", "bing, 0.6 m, 32 px", f"{DIM} dimensions, {CODES} codes", "head.bias",
                 "tscam_conv.weight", "logit_scale_it_a", "latlon, month, hour"):  # fmt: skip
        assert said in answer.output
    model = PSM.from_pretrained(out)
    assert model.config.reference
    assert [data.name for data in model.provenance.trained_on] == ["MVRL/GeoSound"]
    told = model.experiment
    assert told is not None
    assert told.loss.kind == "sat2sound"
    text = model.encode_text(["frogs in the rain", "wind"])
    assert text.mean.shape == (2, DIM)
    torch.testing.assert_close(text.mean.norm(dim=1), torch.ones(2))


def test_every_tensor_is_taken_implied_or_named(content: dict[str, Any]) -> None:
    tensors = content["state_dict"]
    _, found = sat2sound_model(tensors, imagery="bingmap", text=TEXT, view_px=32, satellite_heads=4)
    split = [name for name in tensors if "audio_enc" in name and ".qkv." in name]
    counted = found.tensors - 2 * len(split) + len(found.implied) + len(found.unused)
    assert counted + len(found.scales) == len(tensors)
    assert found.scales["logit_scale_ia"] == pytest.approx(
        float(torch.exp(-tensors["logit_scale_ia"]))
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("metadata_fusion", "late"),
        ("audio_encoder_type", "clap"),
        ("text_encoder_type", "clap"),
        ("text_qmap", 0),
        ("shared_codebook", False),
        ("use_combined_projectors", 1),
    ],
)
def test_other_variants_are_refused_by_their_setting(
    setting: str, value: Any, content: dict[str, Any], tmp_path: Path, t5: str
) -> None:
    content["hyper_parameters"][setting] = value
    refused(saved(content, tmp_path), ConfigError, f"{setting} is {value!r}; only", t5)


def test_older_runs_that_name_the_paper_s_choices_are_taken(
    content: dict[str, Any], tmp_path: Path, t5: str
) -> None:
    content["hyper_parameters"] |= {
        "metadata_fusion": "early", "audio_encoder_type": "mgaclap", "text_encoder_type": "flant5",
        "text_qmap": 1, "shared_codebook": 1, "use_combined_projectors": 0, "caption_type": "meta",
        "precision": "16-mixed", "loss_weights": [1, 1], "jsd_weight": 0.0,
    }  # fmt: skip
    found = import_checkpoint(saved(content, tmp_path), tmp_path / "out", **given(t5))
    assert isinstance(found, Sat2SoundReport)


def test_the_image_to_text_baseline_is_refused_by_name(
    content: dict[str, Any], tmp_path: Path, t5: str
) -> None:
    parts = ("satmae_backbone.", "fdt.space_dict", "fdt.img_", "fdt.txt_", "logit_scale_fdt")
    content["state_dict"] = {n: t for n, t in content["state_dict"].items() if n.startswith(parts)}
    content["hyper_parameters"]["dataset_type"] = "GeoSound_bingmap"
    refused(saved(content, tmp_path), ConfigError, r"sat2text.* hears nothing", t5)


def test_without_context_and_scales(content: dict[str, Any], tmp_path: Path, t5: str) -> None:
    gone = ("sat_encoder.", "logit_scale_i_at", "logit_scale_it_a")
    tensors = {n: t for n, t in content["state_dict"].items() if not n.startswith(gone)}
    content["state_dict"] = tensors
    refused(saved(content, tmp_path), CheckpointMismatch, "no weights for audio_source", t5)
    content["hyper_parameters"]["metadata_type"] = "none"
    found = import_checkpoint(saved(content, tmp_path), tmp_path / "out", **given(t5))
    assert isinstance(found, Sat2SoundReport)
    assert found.config.context.depth == 0
    assert len(found.scales) == 4


def test_fewer_fields_leave_the_others_out_by_name(
    content: dict[str, Any], tmp_path: Path, t5: str
) -> None:
    path = saved(content, tmp_path)
    found = import_checkpoint(path, tmp_path / "out", fields=("latlong", "month"), **given(t5))
    assert isinstance(found, Sat2SoundReport)
    assert found.config.context.fields == ("latlon", "month")
    assert any("audio_source" in name for name in found.unused)
    with pytest.raises(ConfigError, match="season not known; give some of"):
        import_checkpoint(path, tmp_path / "other", fields=("season",), **given(t5))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (NORM, torch.full((64,), torch.nan), "is not finite: 64 of its 64 numbers"),
        (CODEBOOK, torch.full((CODES, DIM), torch.inf), f"{CODEBOOK} is not finite"),
        (CODEBOOK, torch.zeros(DIM), r"is \(12,\), not of 2 dimensions"),
        (NORM, torch.zeros(()), r"norm\.weight is \(\), not a vector"),
        (NORM, torch.zeros(3), "tensors do not fit|make no model"),
        ("logit_scale_ia", torch.zeros(2), r"logit_scale_ia is \(2,\), not one number"),
        ("fdt.other", torch.zeros(2), "tensors are not of Sat2Sound .fdt.other"),
        ("audio_encoder.model.audio_enc.x", torch.zeros(2), r"not of Sat2Sound .audio_encoder"),
        (CODEBOOK, None, "has no codebook.codes.weight"),
        (NORM, None, "has no norm.weight"),
        ("fdt.img_query_model.q_map.4.bias", None, r"missing location_head\.query\.4\.bias"),
        ("satmae_backbone.backbone.blocks.0.mlp.fc1.weight", None, "has no satellite.blocks"),
    ],
)
def test_foreign_damaged_and_missing_tensors_are_one_line(
    name: str, value: Tensor | None, message: str, content: dict[str, Any], tmp_path: Path, t5: str
) -> None:
    tensors = content["state_dict"]
    if value is None:
        del tensors[name]
    else:
        tensors[name] = value
    refused(saved(content, tmp_path), CheckpointMismatch, message, t5)


@pytest.mark.parametrize("shape", [(), (2, 0)])
def test_weights_may_have_lost_their_dimensions(
    shape: tuple[int, ...], whole: dict[str, Any]
) -> None:
    """None of them is a traceback, whatever shape it has in the file."""
    with torch.device("meta"):
        tensors = {name: torch.empty_like(t) for name, t in whole["state_dict"].items()}
        for name in SIZES:
            changed = {**tensors, name: torch.empty(shape)}
            with pytest.raises(PSMError) as raised:
                sat2sound_model(
                    changed, imagery="bingmap", text=TEXT, view_px=32, satellite_heads=4
                )
            assert "\n" not in str(raised.value)


class Hostile:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch /tmp/should-not-be-there",)


def test_hostile_and_truncated_files_are_one_line(
    content: dict[str, Any], tmp_path: Path, t5: str
) -> None:
    path = saved({**content, "callbacks": Hostile()}, tmp_path)
    refused(path, ForeignPickle, "wants to call", t5)
    path = saved(content, tmp_path)
    path.write_bytes(path.read_bytes()[:-2000])
    refused(path, CheckpointMismatch, "cut short", t5)


def test_text_weights_that_are_not_there_or_of_another_width_are_said(
    content: dict[str, Any], tmp_path: Path
) -> None:
    path = saved(content, tmp_path)
    with pytest.raises(ConfigError, match="no T5 weights in folder"):
        import_checkpoint(path, tmp_path / "out", **given(str(tmp_path)))
    wider = {**TEXT.t5, "d_model": 24}
    with pytest.raises(CheckpointMismatch, match=r"text_head\.query\.\d\.\w+ is "):
        sat2sound_model(
            content["state_dict"], imagery="bingmap", view_px=32, satellite_heads=4,
            text=TEXT.model_copy(update={"t5": wider}),
        )  # fmt: skip


def aerial(path: Path) -> str:
    """An aerial picture of 540 m in Vienna."""
    pixels = np.random.default_rng(6).integers(0, 255, (3, 900, 900)).astype(np.uint8)
    shape: dict[str, Any] = {"width": 900, "height": 900, "count": 3, "dtype": "uint8"}
    at = rasterio.Affine(0.6, 0.0, 600_000.0, 0.0, -0.6, 5_340_000.0)
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:32633", transform=at, **shape) as made:
        made.write(pixels)
    return str(path)


def test_it_is_mapped_and_profiled_as_any_other(
    content: dict[str, Any], tmp_path: Path, t5: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    model, imagery = str(tmp_path / "model"), aerial(tmp_path / "aerial.tif")
    import_checkpoint(saved(content, tmp_path), model, **given(t5))
    seen = ["--model", model, "--imagery", imagery]
    out, profile = tmp_path / "birds.tif", tmp_path / "profile.png"
    region = ["--region", "16.348,48.2025,16.350,48.2035", "--spacing", "100m"]
    drawn = CliRunner().invoke(app, ["map", "birds", *seen, *region, "--month", "5",
                                     "--out", str(out)])  # fmt: skip
    assert drawn.exit_code == 0, drawn.output
    with rasterio.open(out) as raster:
        assert raster.descriptions == ("match probability",)  # and no uncertainty
        values = raster.read(1)
    assert ((values > 0) & (values < 1)).any()
    told = CliRunner().invoke(app, ["profile", *seen, "--sound", "birds", "--sound", "wind",
                                    "--out", str(profile), "48.203", "16.349"])  # fmt: skip
    assert told.exit_code == 0, told.output
    assert profile.is_file()
