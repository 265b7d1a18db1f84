"""Captions of sounds by a model of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence

from psm.collect.captions.author import Author
from psm.collect.captions.captioner import Waveform, is_sound, resampled
from psm.collect.captions.listeners import LISTENERS
from psm.collect.captions.loading import Dtype
from psm.collect.refusal import Refused


class HubCaptioner:
    """Writes a sentence about what is heard.

    Nothing is drawn by chance, and a sound's sentence does not depend on those beside it: batches
    are of sounds of one length, and full.

    Args:
        source: hub id or folder of the weights, with feature extractor and tokenizer.
        style: which caption source the captions count as: ``qwen`` or ``pengi``.
        name: tells captioners of a build apart; by default the style.
        prompt: what the model is asked; by default what its kind of model wants.
        revision: of the hub: a commit makes a build repeatable.
        device, dtype: where and in which numbers it computes.
        batch_size: recordings at a time, fewer where the memory is short, which may change a word
            by a rounding.
        max_new_tokens: of a caption.

    Raises:
        ConfigError: there is no such model, or of a type that cannot caption sounds.
        CheckpointMismatch: a weight is missing.
    """

    def __init__(
        self,
        source: str,
        style: str,
        *,
        name: str = "",
        prompt: str | None = None,
        revision: str | None = None,
        device: str = "auto",
        dtype: Dtype = "auto",
        batch_size: int = 8,
        max_new_tokens: int = 64,
    ) -> None:
        self.name, self.style = name or style, style
        self._author: Author[Waveform] = Author(
            LISTENERS,
            "captions of sounds",
            source,
            prompt=prompt,
            revision=revision,
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            max_new_tokens=max_new_tokens,
        )
        self.prompt, self.model = self._author.prompt, self._author.model
        self.fingerprint = self._author.fingerprint

    def caption(self, waveforms: Sequence[Waveform], rate_hz: int) -> list[str | Refused]:
        """One sentence each, in order; the reason where there is none."""
        wanted_hz = self._author.writer.rate_hz
        usable = [number for number, wave in enumerate(waveforms) if is_sound(wave)]
        heard = [resampled(waveforms[number], rate_hz, wanted_hz) for number in usable]
        answers: list[str | Refused] = [Refused("no sound to caption")] * len(waveforms)
        for number, answer in zip(usable, self._author.write(heard), strict=True):
            answers[number] = answer
        return answers
