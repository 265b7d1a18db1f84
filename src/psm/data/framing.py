"""Framing of recordings for a model: rate, windows, log-mel; alike in training and queries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32

from psm.data.audio import AudioConfig, fused_log_mel, log_mel, padded
from psm.errors import ConfigError


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
        return {**asdict(self), "audio": self.audio.to_json()}

    def mel(
        self, waveform: Float32[np.ndarray, " samples"]
    ) -> Float16[np.ndarray, "windows frames bands"]:
        """The log-mel of a recording, of the same shape for all, and the same on every call."""
        if self.fused:
            mel = fused_log_mel(waveform, self.audio, shrunk_first=self.shrunk_first)
        else:
            size = self.audio.clip_samples
            first = max(0, (waveform.size - size) // 2)
            mel = log_mel(padded(waveform[first : first + size], self.audio)[None], self.audio)
        return mel.astype(np.float16)


# What builds and imports leave beside the shards, and where in it the framing stands.
_NOTES = {Path("earth.json"): ("audio",), Path("import", "source.json"): ("framing", "audio")}


def require_framed(folder: Path, shape: Sequence[int], audio: AudioConfig) -> None:
    """Refuse log-mels that a model would hear otherwise than they were made.

    Args:
        folder: of the shards; notes in it tell the rate, which their size alone does not.
        shape: of the log-mels, ending in frames and bands.
        audio: as the model hears.

    Raises:
        ConfigError: they are framed otherwise.
    """
    theirs = _noted(folder)
    size = f"{shape[-2]} x {shape[-1]}"
    if tuple(shape[-2:]) == (audio.frames, audio.n_mels) and theirs in (None, asdict(audio)):
        return
    told = size if theirs is None else f"{size}, {_in_words(theirs)}"
    raise ConfigError(
        f"{folder}: log-mels of {told}; the model hears {audio.frames} x {audio.n_mels}, "
        f"{_in_words(asdict(audio))}: make the shards for its preset (psm earth build, psm data "
        "import and psm collect take --preset)"
    )


def framing_of_shards(folder: Path) -> Framing:
    """How the sound in a folder of shards was framed, as the notes beside them tell.

    Args:
        folder: of the shards.

    Returns:
        The framing; of shards without notes that of the embedded format.
    """
    audio, whole = _noted(folder), _note(folder, Path("import", "source.json"), ("framing",))
    framing = Framing(audio=AudioConfig(**(audio or {})))
    if whole is None:
        return framing
    return Framing(
        audio=framing.audio,
        fused=bool(whole.get("fused")),
        shrunk_first=bool(whole.get("shrunk_first", True)),
    )


def _noted(folder: Path) -> dict[str, Any] | None:
    """The settings that the sound in a folder was framed by, where a note tells them."""
    for name, keys in _NOTES.items():
        if (values := _note(folder, name, keys)) is not None:
            return {**asdict(AudioConfig()), **values}
    return None


def _note(folder: Path, name: Path, keys: Sequence[str]) -> dict[str, Any] | None:
    try:
        values: Any = json.loads((folder / name).read_text())
        for key in keys:
            values = values[key]
        return dict(values)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _in_words(audio: dict[str, Any]) -> str:
    bands = "" if audio["mel_scale"] == "htk" else f", {audio['mel_scale']} bands"
    return f"{audio['clip_s']:g} s at {audio['sample_rate_hz']} Hz{bands}"
