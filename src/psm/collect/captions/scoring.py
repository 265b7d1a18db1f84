"""CLAP score of a caption: how well it fits a sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import ClapFeatureExtractor, ClapModel

from psm.collect.captions.batching import Batches
from psm.collect.captions.caption import Caption, Waveform, is_sound, resampled
from psm.collect.captions.hubmodels import (
    device_of,
    fingerprint,
    identity,
    load_model,
    load_part,
    load_tokenizer,
    model_type,
    pinned,
)
from psm.collect.refusal import Refused
from psm.data.audio import repeat_pad

_MOST_TOKENS = 77  # that CLAP was trained with


class ClapScorer:
    """Cosine of the angle between a sound and a caption in CLAP's space.

    Scores decide which caption a recording is given, so they must not depend on what happened to be
    scored beside it: everything goes through the model alone, and not in batches.

    Args:
        weights: hub id or folder of a whole CLAP, with feature extractor and tokenizer.
        revision: of the hub.
        device: where it computes, in float32.

    Raises:
        ConfigError: there is no such model, or it is no CLAP.
        CheckpointMismatch: a weight is missing.
    """

    def __init__(
        self,
        weights: str,
        *,
        revision: str | None = None,
        device: str = "auto",
    ) -> None:
        revision = pinned(weights, revision)
        model_type(weights, revision, {"clap": ClapModel}, "scores of captions")
        self._extractor = load_part(
            ClapFeatureExtractor.from_pretrained, weights, revision, "feature extractor"
        )
        self._tokenizer = load_tokenizer(weights, revision)
        self._device = device_of(device)
        self._clap: Any = load_model(ClapModel, weights, revision, dtype=torch.float32).to(
            self._device
        )
        self.model = identity(weights, revision)
        self.fingerprint = fingerprint(model=self.model)
        self._batches = Batches(1, "scoring")

    def score(
        self, waveforms: Sequence[Waveform], rate_hz: int, captions: Sequence[Iterable[Caption]]
    ) -> list[list[Caption | Refused]]:
        """The captions of each recording with their scores, in order.

        A recording that cannot be heard has the reason in place of each.
        """
        numbered = [(n, caption) for n, some in enumerate(captions) for caption in some]
        usable = [number for number, wave in enumerate(waveforms) if is_sound(wave)]
        heard = [_ten_seconds(waveforms[number], rate_hz, self._extractor) for number in usable]
        sounds: list[Tensor | Refused] = [Refused("no sound to score")] * len(waveforms)
        for number, sound in zip(usable, self._batches.run(heard, self._hear), strict=True):
            sounds[number] = sound
        texts = self._batches.run([caption.text for _, caption in numbered], self._read)
        scored: list[list[Caption | Refused]] = [[] for _ in waveforms]
        for (number, caption), text in zip(numbered, texts, strict=True):
            sound = sounds[number]
            if isinstance(sound, Refused):
                scored[number].append(sound)
            elif isinstance(text, Refused):
                scored[number].append(text)
            else:
                scored[number].append(replace(caption, score=round(float(sound @ text), 6)))
        return scored

    @torch.inference_mode()
    def _hear(self, waveforms: Sequence[Waveform]) -> list[Tensor]:
        heard = self._extractor(
            list(waveforms), sampling_rate=self._extractor.sampling_rate, return_tensors="pt"
        )
        # The extractor marks a clip at random as longer where none is: here none ever is.
        is_longer = torch.zeros(len(waveforms), 1, dtype=torch.bool, device=self._device)
        features = self._clap.get_audio_features(
            input_features=heard["input_features"].to(self._device), is_longer=is_longer
        )
        return _units(features)

    @torch.inference_mode()
    def _read(self, texts: Sequence[str]) -> list[Tensor]:
        tokens = self._tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=_MOST_TOKENS,
            return_tensors="pt",
        ).to(self._device)
        return _units(self._clap.get_text_features(**tokens))


def _units(features: Any) -> list[Tensor]:
    return list(F.normalize(features.pooler_output.double(), dim=-1).cpu())


def _ten_seconds(waveform: Waveform, rate_hz: int, extractor: ClapFeatureExtractor) -> Waveform:
    """Exactly as many samples as CLAP hears, from the middle: of more it would draw by chance."""
    wanted_hz = int(extractor.sampling_rate)
    waveform = resampled(waveform, rate_hz, wanted_hz)
    size = int(extractor.nb_max_samples)
    if waveform.size < size:
        return repeat_pad(waveform, size)
    first = (waveform.size - size) // 2
    return np.ascontiguousarray(waveform[first : first + size])
