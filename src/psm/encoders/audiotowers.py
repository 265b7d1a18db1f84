"""Audio towers: log-mel windows to features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModelWithProjection

from psm.config import AudioTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.clap import clap_layers, fuse_attention, load_tower, standalone
from psm.encoders.sharedlayers import convolution_stage
from psm.errors import ConfigError

_RANGE_DB, _SPREAD_DB, _STEADY_DB = 80.0, 20.0, 3.0


class AudioTower(nn.Module, ABC):
    """Base class of audio towers: ``forward(mel, is_longer) -> (batch, out_dim)``.

    Attributes:
        out_dim: features.
        windows: how many windows belong together, of which training draws one set.
    """

    out_dim: int
    windows: int = 1

    def standalone(self, config: AudioTowerConfig) -> AudioTowerConfig:
        """``config`` for a folder that holds the weights itself."""
        return config

    def layers_to_recompute(self) -> list[nn.Module]:
        """Layers whose activations training may compute again rather than keep."""
        return []

    @abstractmethod
    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` marks clips cut into different windows."""


def _audible(mel: Float[Tensor, "n frames bands"]) -> Float[Tensor, "n frames bands"]:
    """Windows cut off 80 dB below their peak: some fade into digital silence."""
    return torch.maximum(mel, mel.amax((1, 2), keepdim=True) - _RANGE_DB)


class CNNTower(AudioTower):
    """A small convolutional network on log-mels; windows are averaged.

    Levels of recordings differ widely and some fade into digital silence: a window is cut off 80 dB
    below its peak and centred on its mean. Every stage halves time and frequency; at the end time
    is pooled by mean and maximum, so that steady sounds and single events both count, and the
    frequency axis is kept, since a sound at another pitch is another sound.

    Args:
        channels: of the stages; the last is a 1x1 convolution.
        bands: mel bands of the input.
    """

    def __init__(self, channels: tuple[int, ...], bands: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        *halving, last = channels
        fan_in = 1
        for fan_out in halving:
            stages += convolution_stage(fan_in, fan_out)
            bands = (bands + 1) // 2
            fan_in = fan_out
        stages += convolution_stage(fan_in, last, kernel=1, stride=1)
        self.stages = nn.Sequential(*stages)
        self.out_dim = 2 * last * bands

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` is not needed here."""
        batch, windows = mel.shape[:2]
        flat = _audible(mel.flatten(0, 1))
        flat = (flat - flat.mean((1, 2), keepdim=True)) / _SPREAD_DB
        halved = nn.functional.avg_pool2d(flat[:, None], (2, 1))
        maps = self.stages(halved)
        pooled = torch.cat([maps.mean(2), maps.amax(2)], dim=1)
        return pooled.reshape(batch, windows, -1).mean(1)


class ResidualTower(AudioTower):
    """A convolutional network with residual blocks on log-mels and their contrast in each band.

    Beside a window centred on its mean, as :class:`CNNTower` has it, the network sees each band
    centred on its own mean and divided by its own deviation: what a microphone, a distance or a
    steady background does to a band is gone from there (frequency-wise instance normalisation, Kim
    et al. 2021, "Domain generalization on efficient acoustic scene classification using residual
    normalization"). Stages halve time and frequency and end in residual blocks; time is pooled by
    mean, maximum and deviation, and the frequency axis is kept.

    Args:
        channels: of the stages; the last is a 1x1 convolution.
        blocks: residual blocks at the end of each stage but the last.
        bands: mel bands of the input.

    Raises:
        ConfigError: there is not one number of blocks for each stage but the last.
    """

    def __init__(self, channels: tuple[int, ...], blocks: tuple[int, ...], bands: int) -> None:
        super().__init__()
        *halving, last = channels
        if len(blocks) != len(halving):
            raise ConfigError(
                f"audio_tower.blocks: {len(halving)} stages halve and {len(blocks)} numbers of "
                "blocks are given"
            )
        stages: list[nn.Module] = []
        fan_in = 2
        for fan_out, count in zip(halving, blocks, strict=True):
            stages += convolution_stage(fan_in, fan_out)
            stages += [ResidualBlock(fan_out) for _ in range(count)]
            bands = (bands + 1) // 2
            fan_in = fan_out
        stages += convolution_stage(fan_in, last, kernel=1, stride=1)
        self.stages = nn.Sequential(*stages)
        self.out_dim = 3 * last * bands

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` is not needed here."""
        batch, windows = mel.shape[:2]
        flat = _audible(mel.flatten(0, 1))
        centred = (flat - flat.mean((1, 2), keepdim=True)) / _SPREAD_DB
        deviation, mean = torch.std_mean(flat, dim=1, keepdim=True, correction=0)
        contrast = (flat - mean) / (deviation + _STEADY_DB)
        halved = nn.functional.avg_pool2d(torch.stack([centred, contrast], 1), (2, 1))
        maps = self.stages(halved.contiguous(memory_format=torch.channels_last))
        spread = (maps.float().var(2, correction=0) + 1e-4).sqrt()
        pooled = torch.cat([maps.mean(2).float(), maps.amax(2).float(), spread], dim=1)
        return pooled.reshape(batch, windows, -1).mean(1)


class ResidualBlock(nn.Module):
    """A 3x3 and a 1x1 convolution beside the input; nothing but the input at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first = convolution_stage(channels, channels, stride=1)
        second, norm, _ = convolution_stage(channels, channels, kernel=1, stride=1)
        self.layers = nn.Sequential(*first, second, norm)
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.zeros_(norm.weight)

    def forward(self, maps: Float[Tensor, "batch channels h w"]) -> Tensor:
        """Maps of the same shape."""
        return torch.relu(maps + self.layers(maps))


class CLAPAudioTower(AudioTower):
    """CLAP's audio model (HTS-AT) with its projection, from ``transformers``.

    With fusion the input has four windows (shrunk whole, front, middle, back), and a clip whose
    windows differ is a longer one unless ``is_longer`` says otherwise; of more windows the first
    four count. Without fusion, windows are encoded one by one and averaged.
    """

    def __init__(self, model: ClapAudioModelWithProjection) -> None:
        super().__init__()
        self.model = model
        fuse_attention(model)
        self.fusion = bool(model.config.enable_fusion)
        self.windows = 4 if self.fusion else 1
        self.out_dim = int(model.config.projection_dim)

    def standalone(self, config: AudioTowerConfig) -> AudioTowerConfig:
        """``config`` with the settings of the tower instead of the name of its weights."""
        return config if config.frozen else standalone(config, self.model)

    def layers_to_recompute(self) -> list[nn.Module]:
        """The transformer layers."""
        return clap_layers(self.model)

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` marks clips cut into different windows."""
        batch, windows = mel.shape[:2]
        if self.fusion:
            if windows == 1:  # a short clip: the four windows are the same
                mel = mel.expand(-1, self.windows, -1, -1)
            mel = mel[:, : self.windows]
            if is_longer is None:
                is_longer = (mel != mel[:, :1]).flatten(1).any(dim=1)
            embeds: Tensor = self.model(mel, is_longer=is_longer[:, None]).audio_embeds
            return embeds
        flat = self.model(mel.flatten(0, 1)[:, None]).audio_embeds
        averaged: Tensor = flat.view(batch, windows, -1).mean(1)
        return averaged


def build_audio_tower(config: AudioTowerConfig, audio: AudioConfig, dim: int) -> AudioTower:
    """The tower that ``config`` describes, for audio framed as ``audio``.

    Raises:
        ConfigError: the CLAP settings or its weights do not fit.
        CheckpointMismatch: a weight of CLAP is missing, unknown or of another shape.
    """
    if config.kind == "cnn":
        return CNNTower(config.channels, audio.n_mels)
    if config.kind == "resnet":
        return ResidualTower(config.channels, config.blocks, audio.n_mels)
    if config.weights is not None:
        model = load_tower(ClapAudioModelWithProjection, config.weights, "audio_tower.weights")
        if model.config.num_mel_bins != audio.n_mels:
            raise ConfigError(
                f"audio_tower.weights: {config.weights!r} hears {model.config.num_mel_bins} mel "
                f"bands, audio.n_mels is {audio.n_mels}; "
                f"set model.audio.n_mels={model.config.num_mel_bins}"
            )
        return CLAPAudioTower(model)
    settings: dict[str, Any] = {"projection_dim": dim, "num_mel_bins": audio.n_mels}
    return CLAPAudioTower(ClapAudioModelWithProjection(ClapAudioConfig(**settings | config.clap)))
