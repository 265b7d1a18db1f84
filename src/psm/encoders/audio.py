"""Audio towers: log-mel windows to features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModelWithProjection

from psm.config import AudioTowerConfig
from psm.data.audio import AudioConfig
from psm.errors import ConfigError

# Log-mels in decibels are brought to about unit range before the small network.
_MEL_CENTRE_DB, _MEL_SPREAD_DB = -20.0, 20.0


class AudioTower(nn.Module):
    """What every audio tower is: ``forward(mel, is_longer) -> (batch, out_dim)``."""

    out_dim: int

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` marks clips cut into different windows."""
        raise NotImplementedError


class CNNTower(AudioTower):
    """A small convolutional network on log-mels; windows are averaged.

    Time and frequency are halved at every stage; the end is pooled by mean and maximum over time
    and frequency, so that both steady sounds and single events count.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for fan_in, fan_out in zip((1, *channels), channels, strict=False):
            stages += [
                nn.Conv2d(fan_in, fan_out, 5 if fan_in == 1 else 3, 2, 2 if fan_in == 1 else 1),
                nn.BatchNorm2d(fan_out),
                nn.ReLU(inplace=True),
            ]
        self.stages = nn.Sequential(*stages)
        for weight in self.stages.parameters():
            if weight.ndim == 4:  # channels last: twice as fast on a CPU
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        self.out_dim = 2 * channels[-1]

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` is not needed here."""
        batch, windows = mel.shape[:2]
        maps = self.stages((mel.flatten(0, 1)[:, None] - _MEL_CENTRE_DB) / _MEL_SPREAD_DB)
        pooled = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=-1)
        return pooled.view(batch, windows, -1).mean(1)


class CLAPAudioTower(AudioTower):
    """CLAP's audio model (HTS-AT) with its projection, from ``transformers``.

    With fusion the input has four windows (shrunk whole, front, middle, back); without, windows are
    encoded one by one and averaged.
    """

    def __init__(self, model: ClapAudioModelWithProjection) -> None:
        super().__init__()
        self.model = model
        self.fusion = bool(model.config.enable_fusion)
        self.out_dim = int(model.config.projection_dim)

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` marks clips cut into different windows."""
        batch, windows = mel.shape[:2]
        if self.fusion:
            if windows == 1:  # a short clip: the four windows are the same
                mel = mel.expand(-1, 4, -1, -1)
            if is_longer is None:
                is_longer = mel.new_zeros(batch, dtype=torch.bool)
            embeds: Tensor = self.model(mel, is_longer=is_longer[:, None]).audio_embeds
            return embeds
        flat = self.model(mel.flatten(0, 1)[:, None]).audio_embeds
        averaged: Tensor = flat.view(batch, windows, -1).mean(1)
        return averaged


def build_audio_tower(config: AudioTowerConfig, audio: AudioConfig, dim: int) -> AudioTower:
    """The tower that ``config`` describes, for audio framed as ``audio``.

    Raises:
        ConfigError: the CLAP settings or its source do not fit.
    """
    if config.kind == "cnn":
        return CNNTower(config.channels)
    if config.source is not None:
        try:
            return CLAPAudioTower(ClapAudioModelWithProjection.from_pretrained(config.source))
        except OSError as problem:
            where = "folder" if Path(config.source).exists() else "hub id or folder"
            raise ConfigError(
                f"audio_tower.source: no CLAP weights in {where} {config.source!r} "
                f"({str(problem).splitlines()[0]})"
            ) from None
    settings: dict[str, Any] = {"projection_dim": dim, "num_mel_bins": audio.n_mels}
    return CLAPAudioTower(ClapAudioModelWithProjection(ClapAudioConfig(**settings, **config.clap)))
