"""Group i: the tiny checkpoint, imported from the command line, answers as the published code."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from psm import PSM
from psm.cli.app import app
from psm.config import LossConfig
from psm.data.audio import log_mel
from psm.data.context import Context
from psm.data.framing import Framing
from psm.encoders.tokens import Tokens
from psm.inference.split import _view as view_of  # what a split is encoded by
from psm.reference import published_byte_view, published_tile_px
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import (
    FOLDER,
    load,
    needs_recordings,
    relatively,
    write_t5,
)

pytestmark = needs_recordings
ANSWERS = {"full": (), "none": ("--fields", "none"), "latlong_month": ("--fields", "latlon,month")}


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    return load("i_tiny")


@pytest.fixture(scope="module")
def about() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / "i_tiny.json").read_text())
    return content


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PSM]:
    """The checkpoint as it was trained, and with fewer fields, all from the command line."""
    folder = tmp_path_factory.mktemp("sat2sound")
    write_t5(folder / "t5")
    found = {}
    for name, options in ANSWERS.items():
        out = folder / name
        command = ["import", str(FOLDER / "i_tiny.ckpt"), str(out)]
        command += ["--text-weights", str(folder / "t5"), "--satellite-heads", "4", *options]
        answer = CliRunner().invoke(app, command)
        assert answer.exit_code == 0, answer.output
        found[name] = PSM.from_pretrained(out)
    return found


def views(model: PSM, about: dict[str, Any]) -> Tensor:
    side = published_tile_px(model.config.imagery.name)
    return torch.stack(
        [
            published_byte_view(
                np.asarray(Image.open(FOLDER / sample["tile"])), zoom=sample["zoom"], tile_px=side
            )
            for sample in about["samples"]
        ]
    )


def context(recorded: dict[str, np.ndarray]) -> Context:
    return Context.of(
        lat=recorded["in_lat"],
        lon=recorded["in_lon"],
        month=np.where(recorded["in_month_valid"] == 1, recorded["in_month_of_year"], np.nan),
        hour=np.where(recorded["in_time_valid"] == 1, recorded["in_hour"], np.nan),
        audio_source=recorded["in_audio_source"],
        caption_source=recorded["in_caption_source"],
    )


def seen(model: PSM, about: dict[str, Any]) -> Tensor:
    """Image features of all samples."""
    zooms = torch.tensor([float(sample["zoom"]) for sample in about["samples"]])
    return model.image_features(views(model, about), model.config.imagery.gsd_m * zooms)


def heard(model: PSM, recorded: dict[str, np.ndarray]) -> Tensor:
    audio = model.config.audio
    waves = [recorded[f"in_wave_{n}"].astype(np.float32) / 32768 for n in range(4)]
    padded = np.stack([np.pad(wave, (0, audio.clip_samples - wave.size)) for wave in waves])
    return torch.from_numpy(log_mel(padded, audio))[:, None]


def read(model: PSM, recorded: dict[str, np.ndarray], kind: str) -> Tensor:
    """Packed states of captions that are numbers of tokens already."""
    ids, mask = (
        torch.from_numpy(recorded[f"in_{kind}_caption_{part}"]) for part in ("ids", "mask")
    )
    return Tokens(model.text.states(ids, mask), mask.bool()).packed()


def test_views_and_log_mels_are_the_published_ones(
    models: dict[str, PSM], recorded: dict[str, Any], about: dict[str, Any], close: Close
) -> None:
    model = models["full"]
    seen_by = (views(model, about) - model.satellite.mean) / model.satellite.std
    relatively(close, seen_by[:, :, ::8, ::8], recorded["sat_every8"])
    tile = np.asarray(Image.open(FOLDER / about["samples"][1]["tile"]))
    again = view_of(model.config, tile, about["samples"][1]["zoom"])
    assert torch.equal(again, views(model, about)[1])
    mels = heard(model, recorded)
    close(mels[:, :, ::16], recorded["mel_every16"], within=1e-3)
    framed = Framing(audio=model.config.audio).mel(recorded["in_wave_0"].astype(np.float32) / 32768)
    assert np.abs(framed[0] - mels[0, 0].numpy()).max() < 0.04  # it is kept in halves


@torch.no_grad()
def test_places_are_where_the_published_model_has_them(
    models: dict[str, PSM], recorded: dict[str, Any], about: dict[str, Any], close: Close
) -> None:
    model, told = models["full"], context(recorded)
    images = seen(model, about)
    tokens = images.unflatten(1, (-1, model.config.place_dim))
    relatively(close, tokens[:, ::7], recorded["sat_tokens_every7"])
    for name, expected in (("full", "full_sat"), ("none", "none_sat"),
                           ("latlong_month", "latlong_month_sat")):  # fmt: skip
        placed = models[name].location_head.raw(models[name].location_features(images, told))
        relatively(close, placed.mean, recorded[expected])
    alone = [
        model.location_head.raw(model.location_features(images[rows], told.rows(rows))).mean
        for rows in (slice(row, row + 1) for row in range(len(images)))
    ]
    relatively(close, torch.cat(alone), recorded["full_sat_one_by_one"])


def test_with_gradients_absent_metadata_say_something_else(
    models: dict[str, PSM], recorded: dict[str, Any], about: dict[str, Any], close: Close
) -> None:
    model = models["full"]
    placed = model.location_head.raw(model.location_features(seen(model, about), context(recorded)))
    relatively(close, placed.mean.detach(), recorded["full_sat_gradients_on"])


@torch.no_grad()
def test_recordings_and_captions_are_where_the_published_model_has_them(
    models: dict[str, PSM], recorded: dict[str, Any], about: dict[str, Any], close: Close
) -> None:
    model = models["full"]
    sounds = model.audio_head.raw(model.audio_features(heard(model, recorded)))
    relatively(close, sounds.mean, recorded["audio_embeds"])
    for kind, expected in (("audio", "audio_caption_embeds"), ("image", "fdt_txt_embeds")):
        relatively(close, model.text_head.raw(read(model, recorded, kind)).mean, recorded[expected])
    places = model.encode_location(
        views(model, about),
        model.config.imagery.gsd_m * torch.tensor([float(s["zoom"]) for s in about["samples"]]),
        context(recorded),
    )
    close(places.mean @ sounds.unit().mean.T, recorded["cosine_sat_audio"], within=1e-4)


@pytest.mark.parametrize("name", ANSWERS)
@torch.no_grad()
def test_its_loss_is_the_published_one(
    name: str,
    models: dict[str, PSM],
    recorded: dict[str, Any],
    about: dict[str, Any],
    close: Close,
) -> None:
    from psm.training.objective import Sat2SoundLoss

    model = models[name]
    places = model.location_head.raw(model.location_features(seen(model, about), context(recorded)))
    sounds = model.audio_head.raw(model.audio_features(heard(model, recorded)))
    captions, views_said = (
        model.text_head.raw(read(model, recorded, kind)) for kind in ("audio", "image")
    )
    told = about["hyper_parameters"]
    loss = Sat2SoundLoss(
        LossConfig().temperature,
        told["pseudo_match_alpha"],
        image_caption_weight=told["fdt_weight"],
        published=True,
    )
    scales = torch.load(FOLDER / "i_tiny.ckpt", weights_only=True)["state_dict"]
    pairs = {"location_audio": "ia", "location_text": "it", "audio_text": "at",
             "location_both": "i_at", "location_caption": "fdt"}  # fmt: skip
    for pair, theirs in pairs.items():
        loss.pairs[pair].log_scale.copy_(scales[f"logit_scale_{theirs}"])
    total, _ = loss([places], sounds, captions, views_said)
    expected = about["loads"][name]["loss"]["loss"]
    close(total / expected, torch.tensor(1.0), within=1e-5 if name == "full" else 1e-4)
