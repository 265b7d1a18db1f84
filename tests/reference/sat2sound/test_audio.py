"""Group d: wave to log-mel, log-mel to the folded image and the tokens of HTS-AT, resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from psm.config import AudioTowerConfig
from psm.data.audio import AudioConfig, log_mel, mel_filters
from psm.data.framing import Framing
from psm.encoders.codebook import Codebook
from psm.encoders.tokens import Tokens
from psm.encoders.tokentowers.mgaclap import MGACLAPTower, build_mgaclap
from psm.reference import published_resampling
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import (
    FOLDER,
    load,
    manifest,
    needs_recordings,
    published_head,
    relatively,
    weights,
)

pytestmark = needs_recordings
MEL = AudioConfig.mga_clap()


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    return load("d_audio")


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> MGACLAPTower:
    """Loaded from a file as MGA-CLAP's is: a part of a larger model."""
    path = tmp_path_factory.mktemp("mga-clap") / "mga-clap.pt"
    tensors = {
        name: torch.from_numpy(values.astype(np.float32) if values.dtype == np.float16 else values)
        for name, values in np.load(FOLDER / "d_audio.npz").items()
        if "audio_enc." in name
    }
    model = {name.removeprefix("sd."): tensor for name, tensor in tensors.items()}
    torch.save({"model": {**model, "codebook": torch.zeros(4, 2)}, "epoch": 9}, path)
    return build_mgaclap(AudioTowerConfig(kind="mga-clap", weights=str(path)), MEL).eval()


def mels(recorded: dict[str, Any]) -> torch.Tensor:
    return torch.from_numpy(np.stack([recorded["mel_short"], recorded["mel_long"]]))


def test_log_mels_are_the_published_ones(recorded: dict[str, Any], close: Close) -> None:
    wave = recorded["wave_int16"].astype(np.float32) / 32768
    times = manifest("d_audio")["repeats_of_wave_for_long"]
    relatively(close, mel_filters(MEL), recorded["mel_filters"], 1e-6)
    short = np.pad(wave, (0, MEL.clip_samples - wave.size))
    long = np.tile(wave, times)[: MEL.clip_samples]
    for name, samples in (("mel_short", short), ("mel_long", long)):
        loud = recorded[name] > -90
        close(log_mel(samples[None], MEL)[loud], recorded[name][loud], within=1e-3)
    framed = Framing(audio=MEL).mel(wave)
    assert np.abs(framed[0] - log_mel(short[None], MEL)[0]).max() < 0.04  # it is kept in halves


def test_the_image_is_folded_as_published(
    tower: MGACLAPTower, recorded: dict[str, Any], close: Close
) -> None:
    with torch.inference_mode():
        folded = tower.folded(mels(recorded)[:, 0])
        patches = tower.encoder.patch_embed(folded, None)
    relatively(close, folded[:, :, ::8, ::8], recorded["folded_every8"])
    relatively(close, patches[:, ::16], recorded["patch0_every16"])


def test_tokens_are_those_of_the_second_path(
    tower: MGACLAPTower, recorded: dict[str, Any], close: Close
) -> None:
    with torch.inference_mode():
        both = tower.tokens(mels(recorded))
        fewer = tower.tokens(mels(recorded)[1:, :, : manifest("d_audio")["fewer_frames"]])
        pooled = tower.encoder(mels(recorded)).last_hidden_state.amax((2, 3))
    assert both.known.all()
    assert both.values.shape[-1] == tower.token_dim
    relatively(close, both.values, recorded["tokens"])
    relatively(close, fewer.values, recorded["tokens_fewer_frames"])
    relatively(close, pooled, recorded["pooled"])


def test_tokens_choose_the_published_codes(recorded: dict[str, Any], close: Close) -> None:
    codes, width = manifest("d_audio")["dims"]["codebook"]
    head = published_head(weights("d_audio"), "audio", Codebook(codes, width, 1000.0), "counted")
    with torch.inference_mode():
        tokens = Tokens.all_known(torch.from_numpy(recorded["tokens"])).packed()
        relatively(close, head.weights(tokens), recorded["weights"])
        relatively(close, head.raw(tokens).mean, recorded["embedding"])


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 16_000])
def test_resampling_is_that_of_the_published_loader(
    rate_hz: int, recorded: dict[str, Any], close: Close
) -> None:
    ours = published_resampling(recorded["resample_in"], rate_hz, MEL.sample_rate_hz)
    expected = recorded[f"resampled_from_{rate_hz}"]
    assert ours.shape == expected.shape
    relatively(close, ours, expected)
