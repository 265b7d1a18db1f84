"""A small audio tower: what each band holds on the whole, and at its loudest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from psm.data.audio import AudioConfig
from psm.encoders.audioencoding import AudioTower


class SpectrumTower(AudioTower):
    """Mean and maximum of every mel band, through two layers.

    Args:
        audio: how sound is framed for the model.
        width: of the layers.
    """

    def __init__(self, audio: AudioConfig, width: int = 128) -> None:
        super().__init__()
        self.out_dim = width
        self.layers = nn.Sequential(
            nn.LayerNorm(2 * audio.n_mels), nn.Linear(2 * audio.n_mels, width), nn.GELU(),
            nn.Linear(width, width),
        )  # fmt: skip

    def forward(self, mel: Tensor, is_longer: Tensor | None = None) -> Tensor:
        """``(batch, windows, frames, bands)`` in dB to ``(batch, width)``."""
        del is_longer
        summary = torch.cat([mel.mean(dim=2), mel.amax(dim=2)], dim=-1)
        features: Tensor = self.layers(summary)
        return features.mean(dim=1)
