"""Framing of recordings for a preset: windows of sound, size of tiles, distance between splits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32

from psm.config import Experiment
from psm.data.audio import AudioConfig, fused_log_mel, log_mel, repeat_pad

_PRESETS = {
    "bingmap": "psm-bing",
    "googleEarth": "psm-soundingearth",
    "blue-marble": "earth-tiny",
}
# More than the diagonal of the largest view: no two splits see the same ground.
_BUFFER_VIEWS = 1.5


@dataclass(frozen=True, kw_only=True)
class Framing:
    """Framing of sound for a model: rate, windows, log-mel.

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


def preset_of(imagery: str | None) -> str:
    """Preset for imagery of this name; by default that of Sentinel-2."""
    return _PRESETS.get(imagery or "", "psm-sentinel")


def framing_of(experiment: Experiment, *, shrunk_first: bool = True) -> Framing:
    """Framing of sound for the model of a preset.

    Args:
        experiment: the preset.
        shrunk_first: order of CLAP's fused windows.
    """
    model = experiment.model
    return Framing(audio=model.audio, fused=model.audio_tower.fused, shrunk_first=shrunk_first)


def largest_view_px(experiment: Experiment) -> int:
    """Side of a tile that holds every view of the model of a preset."""
    imagery = experiment.model.imagery
    return max(imagery.zooms) * imagery.view_px


def buffer_km(experiment: Experiment, gsd_m: float) -> float:
    """Distance at which the tiles of two places share no ground, with room to spare."""
    return _BUFFER_VIEWS * largest_view_px(experiment) * gsd_m / 1000.0
