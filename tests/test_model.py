"""The model: shapes, context, published sizes, and checkpoints that account for every key."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ClapAudioConfig, ClapConfig, ClapModel, ClapTextConfig, RobertaTokenizer

from psm import PSM, checkpoints
from psm.data.context import Context
from psm.encoders.packaged import weights_folder
from psm.errors import CheckpointMismatch, ConfigError, MissingData
from psm.experiments import load_experiment
from psm.mapping.store.fingerprint import satellite_fingerprint
from tests.reference.recorded import FOLDER
from tests.tiny import BANDS, FRAMES, VIEW_PX, tiny_experiment


@pytest.fixture(scope="module")
def model() -> PSM:
    torch.manual_seed(0)
    return PSM(tiny_experiment().model).eval()


def views(count: int) -> torch.Tensor:
    return torch.rand(count, 3, VIEW_PX, VIEW_PX, generator=torch.Generator().manual_seed(0))


def test_everything_becomes_gaussians_with_unit_means(model: PSM) -> None:
    context = Context.of(lat=[1.0, 2.0], lon=3.0, month=4, hour=5.0)
    gaussians = (
        model.encode_location(views(2), torch.tensor([1000.0, 3000.0]), context),
        model.encode_audio(torch.randn(2, 1, FRAMES, BANDS)),
        model.encode_text(["frogs", "church bells"]),
    )
    for gaussian in gaussians:
        assert gaussian.mean.shape == gaussian.log_var.shape == (2, 16)
        torch.testing.assert_close(gaussian.mean.norm(dim=-1), torch.ones(2))
        # The variances start at the sum that the configuration asks for, not saturated.
        assert gaussian.var.sum(-1).mean().item() == pytest.approx(0.1, rel=0.3)


def test_bytes_and_floats_are_the_same_pixels(model: PSM) -> None:
    pixels = torch.randint(0, 256, (2, 3, VIEW_PX, VIEW_PX), dtype=torch.uint8)
    gsd = torch.full((2,), 1000.0)
    ours = model.image_features(pixels, gsd)
    torch.testing.assert_close(ours, model.image_features(pixels.float() / 255.0, gsd))


@pytest.mark.parametrize("stem", ["patch", "conv"])
def test_the_gsd_reaches_the_encoder(stem: str) -> None:
    config = tiny_experiment().model.model_dump()
    config["satellite"]["stem"] = stem
    torch.manual_seed(0)
    model = PSM(tiny_experiment(model=config).model).eval()
    near, far = (model.image_features(views(1), torch.tensor([g])) for g in (1000.0, 3000.0))
    assert near.shape == (1, 16)
    assert not torch.allclose(near, far)


@pytest.mark.parametrize("option", [{}, {"norm_first": True}, {"sun": True}])
def test_hour_and_place_change_a_location_and_masked_fields_do_not(option: dict[str, bool]) -> None:
    config = tiny_experiment().model.model_dump()
    config["context"].update(option)
    torch.manual_seed(0)
    model = PSM(tiny_experiment(model=config).model).eval()
    features = model.image_features(views(1), torch.tensor([1000.0]))
    at_noon, at_night = (Context.of(lat=9.0, lon=9.0, month=7, hour=h) for h in (12.0, 0.0))
    noon, night = (model.fuse(features, context) for context in (at_noon, at_night))
    assert not torch.allclose(noon.mean, night.mean)
    hidden = [model.fuse(features, context.only()) for context in (at_noon, at_night)]
    torch.testing.assert_close(hidden[0].mean, hidden[1].mean)
    torch.testing.assert_close(hidden[0].mean, model.fuse(features).mean)


def test_a_view_of_another_size_is_refused(model: PSM) -> None:
    with pytest.raises(ValueError, match="16x16"):
        model.image_features(torch.rand(1, 3, 20, 20), torch.tensor([1.0]))


def test_frozen_towers_stay_in_evaluation_mode() -> None:
    model = PSM(tiny_experiment().model).train()
    assert not model.text.training
    assert model.audio.training
    assert not any(p.requires_grad for p in model.text.parameters())


def test_the_packaged_sentence_model_knows_what_is_alike(model: PSM) -> None:
    bells, church, frogs = model.text_features(["church bells", "a church ringing", "frogs"])
    assert bells @ church > bells @ frogs


@pytest.mark.parametrize(("fusion", "windows"), [(False, 2), (True, 1), (True, 4)])
def test_a_small_clap_tower_is_a_drop_in(fusion: bool, windows: int) -> None:
    clap = {
        "patch_embeds_hidden_size": 16, "hidden_size": 128, "depths": [1, 1, 1, 1],
        "num_attention_heads": [2, 2, 4, 4], "enable_fusion": fusion,
    }  # fmt: skip
    config = tiny_experiment().model.model_dump()
    config["audio"]["n_mels"] = 64
    config["audio_tower"] = {"kind": "clap", "clap": clap}
    model = PSM(tiny_experiment(model=config).model).eval()
    mel = torch.randn(3, windows, 1001, 64)
    gaussian = model.encode_audio(mel)
    assert gaussian.mean.shape == (3, 16)
    if fusion:  # a clip is a longer one where its windows differ
        longer = torch.full((3,), windows > 1)
        torch.testing.assert_close(gaussian.mean, model.encode_audio(mel, longer).mean)
        assert not torch.allclose(gaussian.mean, model.encode_audio(mel, ~longer).mean)


RANDOM_TOWERS = {"model.audio_tower.weights": None, "model.text_tower.weights": None}


@pytest.fixture(scope="module")
def published_size() -> PSM:
    return PSM(load_experiment("psm-sentinel", RANDOM_TOWERS).model).eval()


@pytest.mark.parametrize(
    "name",
    ["psm-sentinel", "psm-bing", "psm-soundingearth", "infonce+context", "geoclap", "pcme++"],
)
@torch.inference_mode()
def test_published_sizes_run(name: str, published_size: PSM) -> None:
    # Without weights of its own a model is built at once; all have a part of psm-sentinel's.
    with torch.device("meta"):
        model = PSM(load_experiment(name, RANDOM_TOWERS).model).eval()
    model.satellite, model.audio, model.text = (
        published_size.satellite, published_size.audio, published_size.text,
    )  # fmt: skip
    found = model.load_state_dict(published_size.state_dict(), strict=False, assign=True)
    assert not found.missing_keys
    assert model.config.satellite.depth == len(model.satellite.blocks.layers) == 12
    context = Context.of(lat=1.0, lon=2.0, month=3, hour=4.0, audio_source=0, caption_source=1)
    location = model.encode_location(torch.rand(1, 3, 224, 224), torch.tensor([10.0]), context)
    audio = model.encode_audio(torch.randn(1, 1, 1001, 64))
    text = model.encode_text(["church bells at dawn"])
    for gaussian in (location, audio, text):
        assert gaussian.mean.shape == (1, 512)
        assert torch.isfinite(gaussian.log_var).all()


def test_baselines_differ_from_psm_in_loss_and_context_alone() -> None:
    psm = load_experiment("psm-sentinel").model_dump()
    for name, loss, has_context in (
        ("pcme++", "pcmepp", False), ("infonce+context", "infonce", True),
        ("geoclap", "infonce", False),
    ):  # fmt: skip
        baseline = load_experiment(name)
        assert baseline.model.name == name
        assert baseline.loss.kind == loss
        assert baseline.model.heads.probabilistic == (loss == "pcmepp")
        assert bool(baseline.model.context.depth) == has_context
        same = baseline.model_dump()
        for group in (psm, same):
            for changed in ("name", "heads", "context"):
                group["model"].pop(changed, None)
        assert {key: same[key] for key in ("model", "training")} == {
            key: psm[key] for key in ("model", "training")
        }


def test_save_and_load_give_the_same_model(model: PSM, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    names = set(load_file(tmp_path / "model.safetensors"))
    assert not any(name.startswith("text.") for name in names)  # frozen: kept by reference
    loaded = PSM.from_pretrained(tmp_path)
    mel = torch.randn(2, 1, FRAMES, BANDS)
    assert torch.equal(loaded.encode_audio(mel).mean, model.encode_audio(mel).mean)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["config.yaml", "model.safetensors", "provenance.json"]


def test_a_model_started_from_clap_stands_on_its_own(tmp_path: Path) -> None:
    source = tmp_path / "clap"
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16, hidden_size=128, depths=[1, 1, 1, 1],
        num_attention_heads=[2, 2, 4, 4], projection_dim=24,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=512, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=80, projection_dim=24,
    )  # fmt: skip
    ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=24)).save_pretrained(
        source
    )
    words = RobertaTokenizer.from_pretrained(FOLDER / "tokenizer")
    words.save_pretrained(source)
    config = tiny_experiment().model.model_dump()
    config["audio"]["n_mels"] = 64
    config["audio_tower"] = {"kind": "clap", "weights": str(source)}
    config["text_tower"] = {"kind": "clap", "weights": str(source), "frozen": False}
    model = PSM(tiny_experiment(model=config).model).eval()
    model.save_pretrained(tmp_path / "model")
    shutil.rmtree(source)
    loaded = PSM.from_pretrained(tmp_path / "model")
    mel, captions = torch.randn(2, 1, 1001, 64), ["church bells", "frogs"]
    torch.testing.assert_close(loaded.encode_audio(mel).mean, model.encode_audio(mel).mean)
    torch.testing.assert_close(loaded.encode_text(captions).mean, model.encode_text(captions).mean)


@pytest.mark.parametrize("damage", ["missing", "unexpected", "shape", "truncated"])
def test_weights_that_do_not_fit_are_named(model: PSM, tmp_path: Path, damage: str) -> None:
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    if damage == "missing":
        tensors.pop("fusion.cls")
    elif damage == "unexpected":
        tensors["fusion.extra"] = torch.zeros(1)
    elif damage == "shape":
        tensors["fusion.cls"] = torch.zeros(1, 1, 3)
    save_file(tensors, path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointMismatch) as raised:
        PSM.from_pretrained(tmp_path)
    assert str(path) in str(raised.value)
    assert damage == "truncated" or "fusion." in str(raised.value)


@pytest.mark.parametrize("folder", ["nowhere", "./no/where", "/no/where"])
def test_no_model_is_an_error_that_helps(folder: str) -> None:
    with pytest.raises(MissingData, match="psm demo"):
        PSM.from_pretrained(folder)


def test_unknown_packages_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown model package 'x'"):
        weights_folder("package:x")


def test_a_model_that_needs_no_context_ignores_it() -> None:
    config = tiny_experiment().model.model_dump()
    config["context"]["depth"] = 0
    model = PSM(tiny_experiment(model=config).model).eval()
    features = torch.from_numpy(np.eye(2, 16, dtype=np.float32))
    context = Context.of(lat=[1.0, 2.0], lon=0.0)
    assert torch.equal(model.fuse(features, context).mean, model.fuse(features).mean)


def test_fingerprints_of_stores_and_calibrations_stay_what_they_are_on_disk() -> None:
    model = PSM.from_pretrained("earth-small")
    assert satellite_fingerprint(model) == "4efdbf222e3eb610142758a9"
    whole = "16edbb8b2a910eafc8f0fa853aacbb3f9e75211a98ab9e9e599bda0f45ed7492"
    assert checkpoints.weights_fingerprint(model) == whole
    assert checkpoints.weights_fingerprint(checkpoints.resolve("earth-small")) == whole
