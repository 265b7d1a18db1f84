"""How a model wants the sound of a recording: rate, windows, log-mel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32

from psm.data.audio import AudioConfig, fused_log_mel, log_mel, repeat_pad


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How sound is framed for a model.

    Attributes:
        audio: rate, windows and bands.
        fused: CLAP's four channels instead of one window from the middle.
        shrunk_first: order of the four, see :func:`psm.data.audio.fused_log_mel`.
    """

    audio: AudioConfig
    fused: bool = False
    shrunk_first: bool = True

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
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
