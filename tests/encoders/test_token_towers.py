"""Towers that give tokens: MGA-CLAP's HTS-AT and the encoder of a T5."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from psm.config import AudioTowerConfig, TextTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.audiotowers import build_audio_tower
from psm.encoders.texttowers import build_text_tower
from psm.encoders.tokentowers.mgaclap import MGACLAPTower, mgaclap_sizes
from psm.errors import CheckpointMismatch, ConfigError, MissingData
from tests.publishedsat2sound import AUDIO, T5, published_names
from tests.tinyt5 import write_tokenizer

MEL = AudioConfig.mga_clap()


def audio_tower(**changes: object) -> MGACLAPTower:
    config = AudioTowerConfig.model_validate({"kind": "mga-clap", "clap": AUDIO} | changes)
    tower = build_audio_tower(config, MEL, 16).eval()
    assert isinstance(tower, MGACLAPTower)
    return tower


def published(tower: MGACLAPTower) -> dict[str, torch.Tensor]:
    """Its weights as a part of MGA-CLAP."""
    return {f"audio_encoder.audio_enc.{n}": t for n, t in published_names(tower).items()}


def test_a_file_of_mga_clap_tells_the_sizes_and_gives_the_same_tokens(tmp_path: Path) -> None:
    torch.manual_seed(1)
    tower, path = audio_tower(), tmp_path / "mga-clap.pt"
    assert {**mgaclap_sizes(tower.encoder.state_dict()), **AUDIO}["mlp_ratio"] == 4.0
    beside = {"text_encoder.text_enc.x": torch.ones(2), "codebook": torch.ones(4, 2)}
    torch.save({"model": published(tower) | beside}, path)
    again = audio_tower(clap={}, weights=str(path))
    mel = torch.randn(2, 1, 1001, 64) * 10 - 40
    with torch.inference_mode():
        assert torch.equal(tower.tokens(mel).values, again.tokens(mel).values)
        assert tower.tokens(mel).values.shape == (2, 32, 64)
        assert tower(mel).shape == (2, 64)
    alone = again.standalone(AudioTowerConfig(kind="mga-clap", weights=str(path)))
    assert alone.weights is None
    assert alone.clap["depths"] == [1, 1, 1, 2]


def test_windows_are_heard_one_by_one_and_in_turn() -> None:
    tower, mel = audio_tower(), torch.randn(1, 3, 1001, 64) * 10 - 40
    with torch.inference_mode():
        together = tower.tokens(mel).values
        each = torch.cat([tower.tokens(mel[:, [n]]).values for n in range(3)], dim=1)
    torch.testing.assert_close(together, each, atol=1e-5, rtol=1e-4)


def test_a_token_says_when() -> None:
    """A click late in the clip moves the last tokens most: time goes from the first to the last."""
    tower = audio_tower()
    quiet = torch.full((1, 1, 1024, 64), -60.0)
    click = quiet.clone()
    click[:, :, 900:910] = 0.0
    with torch.inference_mode():
        moved = (tower.tokens(click).values - tower.tokens(quiet).values).norm(dim=-1)[0]
    assert 24 <= int(moved.argmax()) < 32


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"audio_encoder.audio_enc.norm.weight": None}, "norm.weight"),
        ({"audio_encoder.audio_enc.other.weight": torch.ones(2)}, "other.weight"),
        ({"audio_encoder.audio_enc.norm.bias": torch.full((64,), torch.nan)}, "not finite"),
        ({"audio_encoder.audio_enc.norm.bias": torch.ones(3)}, r"\(3,\), not \(64,\)"),
    ],
)
def test_files_that_do_not_fit_are_one_line(
    tmp_path: Path, change: dict[str, torch.Tensor | None], problem: str
) -> None:
    tensors = published(audio_tower()) | change
    path = tmp_path / "mga-clap.pt"
    torch.save({"model": {n: t for n, t in tensors.items() if t is not None}}, path)
    with pytest.raises(CheckpointMismatch, match=problem) as refused:
        audio_tower(clap={}, weights=str(path))
    assert "\n" not in str(refused.value)


def test_what_is_no_file_of_mga_clap_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"audio_tower\.weights: no such file"):
        audio_tower(weights=str(tmp_path / "none.pt"))
    torch.save({"x": torch.ones(2)}, tmp_path / "x.pt")
    with pytest.raises(CheckpointMismatch, match="does not hold the audio tower of MGA-CLAP"):
        audio_tower(weights=str(tmp_path / "x.pt"))
    with pytest.raises(ConfigError, match="at most 1024 frames of 64 bands"):
        build_audio_tower(AudioTowerConfig(kind="mga-clap"), AudioConfig(clip_s=30, hop=320), 16)


def test_a_t5_gives_a_token_for_each_piece(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    config = TextTowerConfig(kind="t5", weights=None, t5=T5, max_tokens=4, frozen=False)
    tower = build_text_tower(config, 16, tmp_path).eval()
    with torch.inference_mode():
        both = tower.tokens(["wind", "birds in the rain in the wind"])
        alone = tower.tokens(["wind"])
    assert both.known.tolist() == [[True, True, False, False], [True] * 4]
    torch.testing.assert_close(both.values[0, :2], alone.values[0])
    assert tower.lengths(["wind", "birds in the rain in the wind"]) == [2, 4]
    assert tower.standalone(config).t5["d_model"] == 16


def test_a_whole_t5_is_read_for_its_encoder(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(2)
    whole = T5ForConditionalGeneration(T5Config(**T5, num_decoder_layers=1))
    whole.save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    config = TextTowerConfig(kind="t5", weights=str(tmp_path))
    tower = build_text_tower(config, 16).eval()
    with torch.inference_mode():
        read = tower.tokenizer(["frogs"], return_tensors="pt")
        expected = whole.eval().encoder(**read).last_hidden_state
        torch.testing.assert_close(tower.tokens(["frogs"]).values, expected)
    assert tower.standalone(config) is config


def test_a_t5_without_weights_or_words_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"text_tower\.weights: no T5 weights in folder"):
        build_text_tower(TextTowerConfig(kind="t5", weights=str(tmp_path)), 16)
    write_tokenizer(tmp_path, tuple(f"w{n}" for n in range(40)))
    small = TextTowerConfig(kind="t5", weights=None, t5=T5, frozen=False)
    with pytest.raises(ConfigError, match="has 43 words, the tower 32"):
        build_text_tower(small, 16, tmp_path)
