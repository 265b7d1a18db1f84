"""The tiny published checkpoint, imported, against one recorded step of the published engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from psm import PSM, Gaussian
from psm.data.context import Context
from psm.losses import PCMEPlusPlus
from psm.published.checkpoint import ImportReport, import_checkpoint, our_name
from psm.published.sizes import IMAGERY
from psm.weightfiles import DERIVED
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("i_engine_step")
ABOUT = json.loads((recorded.VECTORS / "i_engine_step.json").read_text())
STEP = ABOUT["results"]
HEADS = {
    "satellite_heads": ABOUT["num_heads"],
    "text_heads": ABOUT["clap_config"]["text_config"]["num_attention_heads"],
}
TINY = recorded.FOLDER / "checkpoints" / "tiny_weights.ckpt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImportReport]:
    out = tmp_path_factory.mktemp("imported")
    found = import_checkpoint(TINY, out, tokenizer=str(recorded.FOLDER / "tokenizer"), **HEADS)
    return out, found


@pytest.fixture
def model(folder: tuple[Path, ImportReport]) -> PSM:
    return PSM.from_pretrained(folder[0])


def context() -> Context:
    """Place and time from the recorded encodings, undone."""
    place, hour, month = (RECORDED[name] for name in ("latlong", "time", "month"))
    turns = np.arctan2(hour[:, 0], hour[:, 1]) / (2 * np.pi)
    months = np.arctan2(month[:, 0], month[:, 1]) / (2 * np.pi) * 12
    return Context.of(
        lat=np.degrees(np.arctan2(place[:, 0], place[:, 1])) / 2,
        lon=np.degrees(np.arctan2(place[:, 2], place[:, 3])),
        hour=np.where(RECORDED["time_valid"] == 1, np.round(turns * 23) % 23, np.nan),
        month=np.where(RECORDED["month_valid"] == 1, np.round(months - 1) % 12 + 1, np.nan),
        audio_source=RECORDED["audio_source"],
        caption_source=RECORDED["caption_source"],
    )


def embed(model: PSM) -> dict[str, Gaussian]:
    # The recording starts from normalised pixels and from tokens.
    views = recorded.floats(RECORDED["sat"]) * model.satellite.std + model.satellite.mean
    gsd_m = model.config.imagery.gsd_m * torch.from_numpy(RECORDED["zoom"]).float()
    tokens = {k: torch.from_numpy(RECORDED[k]) for k in ("input_ids", "attention_mask")}
    mel = recorded.floats(RECORDED["input_features"])
    return {
        "sat": model.encode_location(views, gsd_m, context()),
        "audio": model.encode_audio(mel, torch.from_numpy(RECORDED["is_longer"]).bool()),
        "text": model.text_head(model.text.model(**tokens).text_embeds),
    }


def test_what_the_import_found(folder: tuple[Path, ImportReport]) -> None:
    _, found = folder
    published = torch.load(TINY, weights_only=True)["state_dict"]
    assert found.tensors + len(found.derived) == len(published)
    assert all(name.endswith(DERIVED) for name in found.derived)
    assert found.config.reference
    assert found.config.imagery.name == IMAGERY[ABOUT["hyper_parameters"]["sat_type"]].name
    assert found.config.imagery.view_px == ABOUT["img"]
    assert found.config.context.fields == (
        "latlon", "month", "hour", "audio_source", "caption_source",
    )  # fmt: skip
    assert found.temperature is None
    assert set(found.describe()) >= {"imagery", "satellite", "context", "audio", "text", "space"}


@torch.inference_mode()
def test_embeddings(model: PSM, close: Close) -> None:
    for modality, gaussian in embed(model).items():
        close(gaussian.mean, RECORDED[f"pcmepp_{modality}_embeddings_mean"], within=1e-4)
        close(gaussian.log_var, RECORDED[f"pcmepp_{modality}_embeddings_std"], within=1e-4)


def test_losses_gradients_and_one_step_of_the_optimiser(model: PSM) -> None:
    loss_module = PCMEPlusPlus(shift=model.shift.item(), negative_scale=model.negative_scale.item())
    found = embed(model)
    pairs = {"ia": ("sat", "audio"), "it": ("sat", "text"), "at": ("audio", "text")}
    losses = {name: loss_module(found[a], found[b])[0] for name, (a, b) in pairs.items()}
    total = 0.5 * losses["ia"] + 0.5 * (losses["it"] + losses["at"])
    recorded_losses = STEP["pcmepp"]["loss_dict"]
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(recorded_losses[f"loss_{name}"], rel=1e-4)
    assert total.item() == pytest.approx(recorded_losses["loss"], rel=1e-4)

    total.backward()
    ours = dict(model.named_parameters())
    compared, told = 0, 0
    for published, norm in STEP["pcmepp"]["grad_norms"].items():
        parameter = ours.get(our_name(published) or "")
        told += norm >= 1e-6  # below that the recording holds rounding alone
        if parameter is None or norm < 1e-6:
            continue
        assert parameter.grad.norm().item() == pytest.approx(norm, rel=1e-4, abs=1e-6), published
        compared += 1
    assert compared > 0.95 * told > 0

    # The published step decays every parameter; norms after it hold to 1e-4.
    torch.optim.AdamW(
        model.parameters(), lr=5e-5, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.2
    ).step()
    for published, norm in STEP["after_one_adamw_step"].items():
        parameter = ours.get(our_name(published) or "")
        if parameter is not None and norm > 1e-2:
            assert parameter.norm().item() == pytest.approx(norm, rel=1e-4, abs=1e-6), published
