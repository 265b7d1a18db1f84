"""CLAP's audio tower (HTS-AT), from ``transformers``."""

from __future__ import annotations

from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModelWithProjection

from psm.config import AudioTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.audioencoding import AudioTower
from psm.encoders.clap import clap_layers, fuse_attention, load_tower, standalone
from psm.errors import ConfigError


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


def build_clap_audio(config: AudioTowerConfig, audio: AudioConfig, dim: int) -> CLAPAudioTower:
    """CLAP's audio tower as ``config`` describes it, for audio framed as ``audio``.

    Raises:
        ConfigError: the settings or the weights do not fit.
        CheckpointMismatch: a weight is missing, unknown or of another shape.
    """
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
