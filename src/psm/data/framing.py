"""Framing of recordings for a model: rate, windows, log-mel; alike in training and queries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32

from psm.data.audio import AudioConfig, fused_log_mel, log_mel, repeat_pad


@dataclass(frozen=True, kw_only=True)
class Framing:
    """Framing of sound for a model: rate, windows, log-mel.

    Whatever hears a recording frames it so: imports, builds, queries and uploads. A model is asked
    what it was trained on, and the same file is the same point of its space everywhere.

    Attributes:
        audio: rate, windows and bands.
        fused: CLAP's four channels instead of one window from the middle.
        shrunk_first: order of the four, see :func:`psm.data.audio.fused_log_mel`.
    """

    audio: AudioConfig
    fused: bool = False
    shrunk_first: bool = True

    def to_json(self) -> dict[str, Any]:
        """As a mapping of plain numbers."""
        return asdict(self)

    def mel(
        self, waveform: Float32[np.ndarray, " samples"]
    ) -> Float16[np.ndarray, "windows frames bands"]:
        """The log-mel of a recording, of the same shape for all, and the same on every call."""
        if self.fused:
            mel = fused_log_mel(waveform, self.audio, shrunk_first=self.shrunk_first)
        else:
            size = self.audio.clip_samples
            first = max(0, (waveform.size - size) // 2)
            mel = log_mel(repeat_pad(waveform[first : first + size], size)[None], self.audio)
        return mel.astype(np.float16)
