"""Audio towers: log-mel windows to features."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psm.config import AudioTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.audioencoding import AudioTower
from psm.encoders.sharedlayers import convolution_stage
from psm.encoders.tokens import Tokens
from psm.errors import ConfigError
from psm.plugins import load_plugin

_RANGE_DB, _SPREAD_DB, _STEADY_DB = 80.0, 20.0, 3.0
_LAST_LAYERS = 6  # two convolutions with their norms and what comes after


def _audible(mel: Float[Tensor, "n frames bands"]) -> Float[Tensor, "n frames bands"]:
    """Windows cut off 80 dB below their peak: some fade into digital silence."""
    return torch.maximum(mel, mel.amax((1, 2), keepdim=True) - _RANGE_DB)


def _moments(maps: Float[Tensor, "windows channels time bands"], batch: int) -> Tokens:
    """All channels and bands of a step in time as one token; the windows of a row in a row."""
    steps = maps.transpose(1, 2).flatten(2)
    return Tokens.all_known(steps.reshape(batch, -1, steps.shape[-1]))


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
        self.token_dim = last * bands

    def last_layers(self) -> list[nn.Module]:
        """The last stage that halves, or the blocks at its end, and the one after it."""
        return list(self.stages)[-_LAST_LAYERS:]

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` is not needed here."""
        batch, windows = mel.shape[:2]
        maps = self._maps(mel)
        pooled = torch.cat([maps.mean(2), maps.amax(2)], dim=1)
        return pooled.reshape(batch, windows, -1).mean(1)

    def tokens(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Tokens:
        """A token for each step in time of the last stage, of one window after the other."""
        return _moments(self._maps(mel), len(mel))

    def _maps(self, mel: Tensor) -> Tensor:
        """What the last stage makes of every window, ``(windows, channels, time, bands)``."""
        flat = _audible(mel.flatten(0, 1))
        flat = (flat - flat.mean((1, 2), keepdim=True)) / _SPREAD_DB
        halved = nn.functional.avg_pool2d(flat[:, None], (2, 1))
        maps: Tensor = self.stages(halved)
        return maps


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
        self.token_dim = last * bands

    def last_layers(self) -> list[nn.Module]:
        """The last stage that halves, or the blocks at its end, and the one after it."""
        return list(self.stages)[-_LAST_LAYERS:]

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` is not needed here."""
        batch, windows = mel.shape[:2]
        maps = self._maps(mel)
        spread = (maps.float().var(2, correction=0) + 1e-4).sqrt()
        pooled = torch.cat([maps.mean(2).float(), maps.amax(2).float(), spread], dim=1)
        return pooled.reshape(batch, windows, -1).mean(1)

    def tokens(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Tokens:
        """A token for each step in time of the last stage, of one window after the other."""
        return _moments(self._maps(mel), len(mel))

    def _maps(self, mel: Tensor) -> Tensor:
        """What the last stage makes of every window, ``(windows, channels, time, bands)``."""
        flat = _audible(mel.flatten(0, 1))
        centred = (flat - flat.mean((1, 2), keepdim=True)) / _SPREAD_DB
        deviation, mean = torch.std_mean(flat, dim=1, keepdim=True, correction=0)
        contrast = (flat - mean) / (deviation + _STEADY_DB)
        halved = nn.functional.avg_pool2d(torch.stack([centred, contrast], 1), (2, 1))
        maps: Tensor = self.stages(halved.contiguous(memory_format=torch.channels_last))
        return maps


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


def build_audio_tower(config: AudioTowerConfig, audio: AudioConfig, dim: int) -> AudioTower:
    """The tower that ``config`` describes, for audio framed as ``audio``.

    Raises:
        ConfigError: the settings of CLAP or MGA-CLAP or the weights do not fit.
        MissingData: there is no file of weights.
        CheckpointMismatch: a weight is missing, unknown or of another shape.
    """
    if config.kind == "plugin":
        tower = load_plugin("audio_towers", config.plugin)(audio=audio, **config.options)
        if not isinstance(tower, AudioTower):
            raise ConfigError(f"plug-in {config.plugin!r} of psm.audio_towers gives no AudioTower")
        return tower
    if config.kind == "cnn":
        return CNNTower(config.channels, audio.n_mels)
    if config.kind == "resnet":
        return ResidualTower(config.channels, config.blocks, audio.n_mels)
    # Imported where it is needed: transformers takes seconds, and the packaged model does without.
    if config.kind == "mga-clap":
        from psm.encoders.tokentowers.mgaclap import build_mgaclap

        return build_mgaclap(config, audio)
    from psm.encoders.clapaudio import build_clap_audio

    return build_clap_audio(config, audio, dim)
