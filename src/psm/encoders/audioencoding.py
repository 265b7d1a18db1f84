"""What every audio tower does."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor, nn

from psm.config import AudioTowerConfig
from psm.encoders.tokens import Tokens


class AudioTower(nn.Module, ABC):
    """Base class of audio towers: ``forward(mel, is_longer) -> (batch, out_dim)``.

    Attributes:
        out_dim: features.
        token_dim: width of a token, where the tower gives tokens too; see :meth:`tokens`.
        windows: how many windows belong together, of which training draws one set.
    """

    out_dim: int
    token_dim: int | None = None
    windows: int = 1

    def standalone(self, config: AudioTowerConfig) -> AudioTowerConfig:
        """``config`` for a folder that holds the weights itself."""
        return config

    def layers_to_recompute(self) -> list[nn.Module]:
        """Layers whose activations training may compute again rather than keep."""
        return []

    def last_layers(self) -> list[nn.Module]:
        """What learns where the tower as a whole does not: its last block."""
        return self.layers_to_recompute()[-1:] or [self]

    @abstractmethod
    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch out_dim"]:
        """Features of log-mels in dB; ``is_longer`` marks clips cut into different windows."""

    def tokens(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Tokens:
        """What it hears from moment to moment, tokens of ``token_dim``, before they are pooled."""
        raise NotImplementedError  # a tower without ``token_dim`` is never asked
