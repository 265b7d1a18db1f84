"""Audio-language models that caption sounds, each with its own way of being prompted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from transformers import (
    GenerationMixin,
    Qwen2AudioForConditionalGeneration,
    Qwen2AudioProcessor,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from psm.collect.captions.caption import Waveform
from psm.collect.captions.hubmodels import ModelSetup, greedy
from psm.errors import ConfigError


class Listener(Protocol):
    """A model that answers with a sentence for every sound of a batch."""

    prompt: ClassVar[str]
    """What it is asked unless told otherwise."""
    model: Any
    rate_hz: int

    def __init__(self, setup: ModelSetup) -> None: ...

    def size_of(self, waveform: Waveform) -> int:
        """Sounds of one size make tensors of one shape."""
        ...

    def answer(self, waveforms: Sequence[Waveform]) -> list[str]:
        """One text a waveform, at the model's rate."""
        ...


class Qwen2AudioListener:
    """Qwen2-Audio: a language model that is spoken to, with the sound in the first line.

    A prompt that has ``<|AUDIO|>`` in it is taken as it is, as the models without chat want it.
    """

    prompt: ClassVar[str] = "Describe the sounds in this recording in one sentence."
    _sound = "<|AUDIO|>"
    _chat = (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\nAudio 1: <|audio_bos|><|AUDIO|><|audio_eos|>\n{}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )

    def __init__(self, setup: ModelSetup) -> None:
        extractor = setup.part(WhisperFeatureExtractor.from_pretrained, "feature extractor")
        tokenizer = setup.tokenizer()
        self.model = setup.network(Qwen2AudioForConditionalGeneration)
        token = tokenizer.convert_tokens_to_ids(self._sound)
        if token != self.model.config.audio_token_id:
            raise ConfigError(
                f"{setup.weights}: its tokenizer's {self._sound} is word {token}, not "
                f"{self.model.config.audio_token_id} as its config says"
            )
        tokenizer.padding_side = "left"  # what is written begins where the question ends
        self._processor = Qwen2AudioProcessor(extractor, tokenizer)
        self._text = (
            setup.prompt if self._sound in setup.prompt else self._chat.format(setup.prompt)
        )
        self._how = greedy(self.model, setup.max_new_tokens)
        self.rate_hz = int(extractor.sampling_rate)

    def size_of(self, waveform: Waveform) -> int:
        """Sounds of one size make tensors of one shape: so many words stand for a sound."""
        return int(waveform.size)

    @torch.inference_mode()
    def answer(self, waveforms: Sequence[Waveform]) -> list[str]:
        """One text a waveform, at the model's rate."""
        asked = self._processor(
            text=[self._text] * len(waveforms),
            audio=list(waveforms),
            sampling_rate=self.rate_hz,
            return_tensors="pt",
            padding=True,
        )
        asked = asked.to(self.model.device)
        asked["input_features"] = asked["input_features"].to(self.model.dtype)
        written = self.model.generate(**asked, generation_config=self._how)
        new = written[:, asked["input_ids"].shape[1] :]
        return list(self._processor.tokenizer.batch_decode(new, skip_special_tokens=True))


class WhisperListener:
    """Whisper, trained to caption: it goes on writing after a prefix that names a style.

    The generation of ``transformers`` for Whisper transcribes speech: it looks for languages, cuts
    long sounds and draws lots where it is unsure. The plain one writes what follows the prefix.
    """

    prompt: ClassVar[str] = "clotho > caption: "
    _opening = ("<|en|>", "<|transcribe|>", "<|notimestamps|>")

    def __init__(self, setup: ModelSetup) -> None:
        self._extractor = setup.part(WhisperFeatureExtractor.from_pretrained, "feature extractor")
        self._tokenizer = setup.tokenizer()
        self.model = setup.network(WhisperForConditionalGeneration)
        added = self._tokenizer.get_added_vocab()
        self._start = [
            self.model.config.decoder_start_token_id,
            *(added[word] for word in self._opening if word in added),
            *self._tokenizer.encode(setup.prompt, add_special_tokens=False),
        ]
        room = self.model.config.max_target_positions - len(self._start)
        if room < 1:
            raise ConfigError(f"{setup.weights}: the prompt of a Whisper leaves no room to write")
        self._how = greedy(self.model, min(setup.max_new_tokens, room))
        self.rate_hz = int(self._extractor.sampling_rate)

    def size_of(self, waveform: Waveform) -> int:  # noqa: ARG002
        """Sounds of one size make tensors of one shape: all are filled up to thirty seconds."""
        return 0

    @torch.inference_mode()
    def answer(self, waveforms: Sequence[Waveform]) -> list[str]:
        """One text a waveform, at the model's rate."""
        heard = self._extractor(
            list(waveforms), sampling_rate=self.rate_hz, return_tensors="pt"
        ).input_features.to(self.model.device, self.model.dtype)
        start = torch.tensor([self._start] * len(waveforms), device=self.model.device)
        written = GenerationMixin.generate(
            self.model,
            input_features=heard,
            decoder_input_ids=start,
            generation_config=self._how,
        )
        new = written[:, start.shape[1] :]
        return list(self._tokenizer.batch_decode(new, skip_special_tokens=True))


LISTENERS: Mapping[str, type[Listener]] = {
    "qwen2_audio": Qwen2AudioListener,
    "whisper": WhisperListener,
}
"""By the type of model that a config names."""
