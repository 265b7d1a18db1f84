"""CLAP as it lies on the hub, fused and unfused: both towers, every weight accounted for."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    RobertaTokenizer,
)

from psm.config import AudioTowerConfig, TextTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.audiotowers import build_audio_tower
from psm.encoders.clapaudio import CLAPAudioTower
from psm.encoders.textencoding import TextTower
from psm.encoders.texttowers import build_text_tower
from psm.errors import CheckpointMismatch, ConfigError, PSMError
from tests.reference.recorded import FOLDER

CAPTIONS = ["church bells at dawn", "frogs"]


def write_clap(folder: Path, *, fused: bool, half: bool = False) -> ClapModel:
    """A small CLAP with all that its folder holds on the hub."""
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16, hidden_size=128, depths=[1, 1, 1, 1],
        num_attention_heads=[2, 2, 4, 4], projection_dim=24, enable_fusion=fused,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=512, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=80, projection_dim=24,
    )  # fmt: skip
    torch.manual_seed(0)
    model = ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=24)).eval()
    (model.half() if half else model).save_pretrained(folder)
    RobertaTokenizer.from_pretrained(FOLDER / "tokenizer").save_pretrained(folder)
    truncation = "fusion" if fused else "rand_trunc"
    ClapFeatureExtractor(frequency_min=50, truncation=truncation).save_pretrained(folder)
    return model


@pytest.fixture(scope="module", params=[True, False], ids=["fused", "unfused"])
def clap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ClapModel]:
    folder = tmp_path_factory.mktemp("clap")
    return folder, write_clap(folder, fused=request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clap(tmp_path / "clap", fused=True)
    return tmp_path / "clap"


def audio_tower(weights: Path | str, n_mels: int = 64) -> CLAPAudioTower:
    config = AudioTowerConfig(kind="clap", weights=str(weights))
    tower = build_audio_tower(config, AudioConfig(n_mels=n_mels), 16)
    assert isinstance(tower, CLAPAudioTower)
    return tower.eval()


def text_tower(weights: Path | str) -> TextTower:
    return build_text_tower(TextTowerConfig(kind="clap", weights=str(weights), frozen=False), 16)


def unit(features: Tensor) -> Tensor:
    return F.normalize(features, dim=-1)


@torch.no_grad()
def test_both_towers_answer_as_clap_does(
    clap: tuple[Path, ClapModel], caplog: pytest.LogCaptureFixture
) -> None:
    folder, whole = clap
    with caplog.at_level(logging.WARNING):
        audio, text = audio_tower(folder), text_tower(folder).eval()
    assert not caplog.records
    assert audio.fusion == whole.config.audio_config.enable_fusion
    assert audio.out_dim == text.out_dim == 24
    windows = 4 if audio.fusion else 1
    mel = torch.randn(2, windows, 1001, 64, generator=torch.Generator().manual_seed(0))
    longer = torch.tensor([True, False])
    theirs = whole.get_audio_features(input_features=mel, is_longer=longer[:, None])
    torch.testing.assert_close(unit(audio(mel, longer)), theirs.pooler_output)
    tokens = text.tokenizer(CAPTIONS, padding=True, return_tensors="pt")
    torch.testing.assert_close(
        unit(text(CAPTIONS)), whole.get_text_features(**tokens).pooler_output
    )


def test_towers_are_float32_whatever_was_stored(tmp_path: Path) -> None:
    write_clap(tmp_path, fused=True, half=True)
    for tower in (audio_tower(tmp_path), text_tower(tmp_path)):
        assert {p.dtype for p in tower.parameters()} == {torch.float32}


def change(folder: Path, edit: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@torch.no_grad()
def test_what_follows_from_the_sizes_need_not_be_stored(folder: Path) -> None:
    before = text_tower(folder).eval()(CAPTIONS)
    change(folder, lambda t: t.pop("text_model.embeddings.position_ids"))
    change(folder, lambda t: t.pop("text_model.embeddings.token_type_ids"))
    torch.testing.assert_close(text_tower(folder).eval()(CAPTIONS), before)


TABLE = "audio_model.audio_encoder.layers.0.blocks.0.attention.self.relative_position_bias_table"


@pytest.mark.parametrize(
    ("edit", "build", "message"),
    [
        (lambda t: t.pop(TABLE), audio_tower, "missing audio_model.*bias_table"),
        (lambda t: t.pop("audio_projection.linear1.bias"), audio_tower, "missing audio_projection"),
        (lambda t: t.pop("text_projection.linear2.bias"), text_tower, "missing text_projection"),
        (
            lambda t: t.update({"text_projection.linear2.bias": torch.zeros(7)}),
            text_tower,
            r"text_projection\.linear2\.bias is \(7,\), not \(24,\)",
        ),
        (lambda t: t.update(surprise=torch.zeros(7)), text_tower, "unexpected surprise"),
        (lambda t: t.update(surprise=torch.zeros(7)), audio_tower, "unexpected surprise"),
        (
            lambda t: t.update({"audio_model.extra.bias": torch.zeros(7)}),
            audio_tower,
            r"unexpected audio_model\.extra",
        ),
    ],
)
def test_a_weight_that_does_not_fit_is_named(
    edit: Callable[[dict[str, Tensor]], object],
    build: Callable[[Path], object],
    message: str,
    folder: Path,
) -> None:
    change(folder, edit)
    with pytest.raises(CheckpointMismatch, match=message) as raised:
        build(folder)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def broken_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"no weights")


class Burglar:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def hostile_weights(folder: Path) -> None:
    no_weights(folder)
    torch.save({"logit_scale_a": Burglar(folder / "touched")}, folder / "pytorch_model.bin")


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def no_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)


def small_vocabulary(folder: Path) -> None:
    def cut(tensors: dict[str, Tensor]) -> None:
        name = "text_model.embeddings.word_embeddings.weight"
        tensors[name] = tensors[name][:300].clone()

    change(folder, cut)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] = 300
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "build", "message"),
    [
        (no_weights, audio_tower, r"audio_tower\.weights: no CLAP weights in folder"),
        (no_weights, text_tower, r"text_tower\.weights: no CLAP weights in folder"),
        (broken_weights, audio_tower, r"audio_tower\.weights: no CLAP weights in folder"),
        (hostile_weights, audio_tower, r"audio_tower\.weights: no CLAP weights in folder"),
        (no_folder, audio_tower, r"no CLAP weights in hub id or folder"),
        (no_tokenizer, text_tower, "no tokenizer in"),
        (small_vocabulary, text_tower, "has 437 words, the tower 300"),
    ],
)
def test_a_folder_that_cannot_be_used(
    damage: Callable[[Path], None],
    build: Callable[[Path], object],
    message: str,
    folder: Path,
) -> None:
    damage(folder)
    with pytest.raises(PSMError, match=message) as raised:
        build(folder)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (folder / "touched").exists()


def test_a_tower_that_hears_other_bands_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"hears 64 mel bands, .*set model\.audio\.n_mels=64"):
        audio_tower(folder, n_mels=32)


def test_a_hub_id_is_read_from_the_hub(
    clap: tuple[Path, ClapModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a download leaves in the cache; nothing is asked of the network.
    cached = tmp_path / "models--laion--clap-htsat-fused"
    shutil.copytree(clap[0], cached / "snapshots" / "0123")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0123")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for build in (audio_tower, text_tower):
        theirs, ours = build(clap[0]).state_dict(), build("laion/clap-htsat-fused").state_dict()
        assert all(torch.equal(theirs[name], ours[name]) for name in theirs)
        with pytest.raises(ConfigError, match="no CLAP weights in hub id or folder"):
            build("laion/clap-nowhere")
