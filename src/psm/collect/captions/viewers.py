"""Vision-language models that caption images, each with its own way of being prompted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    AutoImageProcessor,
    BlipForConditionalGeneration,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from psm.collect.captions.hubmodels import ModelSetup, greedy

Picture = NDArray[np.uint8]
"""RGB, ``(height, width, 3)``."""


class Viewer(Protocol):
    """A model that answers with a sentence for every picture of a batch."""

    prompt: ClassVar[str]
    """What it is asked unless told otherwise."""
    model: Any

    def __init__(self, setup: ModelSetup) -> None: ...

    def size_of(self, picture: Picture) -> int:
        """Pictures of one size make tensors of one shape."""
        ...

    def answer(self, pictures: Sequence[Picture]) -> list[str]:
        """One text a picture."""
        ...


class LlavaViewer:
    """LLaVA: a language model that is shown a picture before it is asked.

    A prompt that has ``<image>`` in it is taken as it is.
    """

    prompt: ClassVar[str] = (
        "This is a satellite image. Describe in one sentence what can be heard at this place."
    )
    _sight = "<image>"
    _chat = "USER: <image>\n{} ASSISTANT:"

    def __init__(self, setup: ModelSetup) -> None:
        images = _image_processor(setup)
        tokenizer = setup.tokenizer()
        tokenizer.padding_side = "left"
        self.model = setup.network(LlavaForConditionalGeneration)
        tower = self.model.config.vision_config
        self._processor = LlavaProcessor(
            images,
            tokenizer,
            patch_size=tower.patch_size,
            vision_feature_select_strategy=self.model.config.vision_feature_select_strategy,
            # The class token, which CLIP has and SigLIP has not.
            num_additional_image_tokens=int(tower.model_type == "clip_vision_model"),
        )
        self._text = (
            setup.prompt if self._sight in setup.prompt else self._chat.format(setup.prompt)
        )
        self._how = greedy(self.model, setup.max_new_tokens)

    def size_of(self, picture: Picture) -> int:  # noqa: ARG002
        """Pictures of one size make tensors of one shape: all are brought to the model's."""
        return 0

    @torch.inference_mode()
    def answer(self, pictures: Sequence[Picture]) -> list[str]:
        """One text a picture."""
        asked = self._processor(
            images=list(pictures),
            text=[self._text] * len(pictures),
            return_tensors="pt",
            padding=True,
        ).to(self.model.device)
        asked["pixel_values"] = asked["pixel_values"].to(self.model.dtype)
        written = self.model.generate(**asked, generation_config=self._how)
        new = written[:, asked["input_ids"].shape[1] :]
        return list(self._processor.tokenizer.batch_decode(new, skip_special_tokens=True))


class BlipViewer:
    """BLIP: goes on writing what its prompt begins."""

    prompt: ClassVar[str] = "a satellite image of"

    def __init__(self, setup: ModelSetup) -> None:
        self._images = _image_processor(setup)
        self._tokenizer = setup.tokenizer()
        self.model = setup.network(BlipForConditionalGeneration)
        self._begun = self._tokenizer(setup.prompt)["input_ids"]
        # Its generate sets marks of its own, and takes no whole settings beside them.
        self.model.text_decoder.generation_config = greedy(
            self.model.text_decoder, setup.max_new_tokens
        )

    def size_of(self, picture: Picture) -> int:  # noqa: ARG002
        """Pictures of one size make tensors of one shape: all are brought to the model's."""
        return 0

    @torch.inference_mode()
    def answer(self, pictures: Sequence[Picture]) -> list[str]:
        """One text a picture, without the prompt."""
        pixels = self._images(list(pictures), return_tensors="pt")["pixel_values"]
        begun = torch.tensor([self._begun] * len(pictures), device=self.model.device)
        written = self.model.generate(
            pixel_values=pixels.to(self.model.device, self.model.dtype),
            input_ids=begun,
            attention_mask=torch.ones_like(begun),
        )
        new = written[:, begun.shape[1] - 1 :]  # the last word of a prompt ends it, and is dropped
        return list(self._tokenizer.batch_decode(new, skip_special_tokens=True))


VIEWERS: Mapping[str, type[Viewer]] = {"blip": BlipViewer, "llava": LlavaViewer}
"""By the type of model that a config names."""


def _image_processor(setup: ModelSetup) -> Any:
    return setup.part(AutoImageProcessor.from_pretrained, "image processor", backend="pil")
