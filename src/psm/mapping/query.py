"""What a map is asked for: words, recordings or both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psm.data.audio import log_mel, read_audio, windows
from psm.errors import ConfigError
from psm.gaussian import Gaussian, combine
from psm.inference import audio_gaussians, text_gaussians
from psm.model import PSM


@dataclass(frozen=True, kw_only=True)
class Query:
    """Texts and audio files, combined into one Gaussian.

    Raises:
        ConfigError: there is neither a text nor a file, or a text is empty.
    """

    texts: tuple[str, ...] = ()
    audio: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.texts, str):
            raise ConfigError("a query takes a tuple of texts, not one string")
        object.__setattr__(self, "texts", tuple(" ".join(text.split()) for text in self.texts))
        object.__setattr__(self, "audio", tuple(Path(path) for path in self.audio))
        if not self.texts and not self.audio:
            raise ConfigError("a map needs a query: give a text or an audio file")
        if not all(self.texts):
            raise ConfigError("a query text is empty: say what to listen for, as 'church bells'")

    @property
    def label(self) -> str:
        """The query in words, as “church bells” + rain.wav."""
        return " + ".join([*(f"“{text}”" for text in self.texts), *(p.name for p in self.audio)])

    def gaussian(self, model: PSM) -> Gaussian:
        """The query as one Gaussian, ``(1, dim)``.

        Raises:
            CorruptRecording: an audio file cannot be read.
        """
        parts = [_audio_gaussian(model, path) for path in self.audio]  # the likelier to fail
        if self.texts:
            of_texts = text_gaussians(model, self.texts)
            parts += [of_texts.rows(slice(row, row + 1)) for row in range(len(self.texts))]
        return parts[0] if len(parts) == 1 else combine(parts)


def _audio_gaussian(model: PSM, path: Path) -> Gaussian:
    config = model.config.audio
    clips = windows(read_audio(path, config.sample_rate_hz), config)
    return audio_gaussians(model, log_mel(clips, config)[None].astype(np.float16))
