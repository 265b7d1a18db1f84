"""Captioners of sounds and of imagery: models of the Hugging Face hub, asked in batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from psm.collect.captions.batching import Batches
from psm.collect.captions.caption import Waveform, is_sound, resampled
from psm.collect.captions.hubmodels import (
    Dtype,
    ModelSetup,
    device_of,
    dtype_of,
    fingerprint,
    identity,
    model_type,
    pinned,
)
from psm.collect.captions.listeners import LISTENERS
from psm.collect.captions.viewers import VIEWERS, Picture
from psm.collect.refusal import Refused
from psm.data.views import view_of_tile
from psm.errors import ConfigError

Subject = TypeVar("Subject", contravariant=True)

ZOOMS = (1, 3, 5)
"""At which a tile is described, as in GeoSound."""


class HubCaptioner:
    """Captions sounds with a model of the hub or of a folder.

    Nothing is drawn by chance, and a sound's sentence does not depend on those beside it: batches
    are of sounds of one length, and full.

    Args:
        weights: hub id or folder of the weights, with feature extractor and tokenizer.
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
        weights: str,
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
        self._author: HubModel[Waveform] = HubModel(
            LISTENERS,
            "captions of sounds",
            weights,
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


class ImageCaptioner:
    """Captions satellite tiles with a vision-language model, at a zoom.

    Args:
        weights: hub id or folder of a vision-language model.
        view_px: side of the view that is cut from a tile; it is ``zoom`` times as wide there.
        name: tells captioners of a build apart.
        prompt: what the model is asked; by default what its kind of model wants.
        revision: of the hub: a commit makes a build repeatable.
        device, dtype: where and in which numbers it computes.
        batch_size: tiles at a time, fewer where the memory is short.
        max_new_tokens: of a caption.

    Raises:
        ConfigError: there is no such model, or of a type that cannot describe images.
        CheckpointMismatch: a weight is missing.
    """

    def __init__(
        self,
        weights: str,
        *,
        view_px: int,
        name: str = "imagery",
        prompt: str | None = None,
        revision: str | None = None,
        device: str = "auto",
        dtype: Dtype = "auto",
        batch_size: int = 8,
        max_new_tokens: int = 64,
    ) -> None:
        self.name, self.view_px = name, view_px
        self._author: HubModel[Picture] = HubModel(
            VIEWERS,
            "captions of images",
            weights,
            prompt=prompt,
            revision=revision,
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            max_new_tokens=max_new_tokens,
        )
        self.prompt, self.model = self._author.prompt, self._author.model
        self.fingerprint = f"{self._author.fingerprint}-{view_px}"

    def caption(self, tiles: Sequence[Picture], *, zoom: int) -> list[str | Refused]:
        """One sentence each, in order; the reason where there is none."""
        answers: list[str | Refused] = [Refused("tile too small to caption")] * len(tiles)
        usable, views = [], []
        for number, tile in enumerate(tiles):
            try:
                views.append(view_of_tile(tile, zoom=zoom, size=self.view_px))
            except ConfigError:
                continue
            usable.append(number)
        for number, answer in zip(usable, self._author.write(views), strict=True):
            answers[number] = answer
        return answers


class Writer(Protocol[Subject]):
    """A model that answers with a text for each subject of a batch."""

    model: Any

    def size_of(self, subject: Subject, /) -> int:
        """Subjects of one size make tensors of one shape."""
        ...

    def answer(self, subjects: Sequence[Subject], /) -> list[str]:
        """One text a subject."""
        ...


class HubModel(Generic[Subject]):
    """A generative model of the hub, chosen by its type and asked in batches.

    What a processor computes for a row of a batch depends on the shape of the batch, by a rounding
    that may decide between two words. Every batch is therefore of subjects of one size, and full,
    with the last one again where there are too few: a text depends on its subject alone, whatever
    came together by chance.

    Attributes:
        writer: the model.
        prompt: what it is asked.
        model: which weights it has: a hub id with its commit, or a folder's name with a hash.
        fingerprint: of all that a text depends on beside its subject.

    Raises:
        ConfigError: there is no such model, or of a type that is not among ``kinds``.
        CheckpointMismatch: a weight is missing.
    """

    def __init__(
        self,
        kinds: Mapping[str, Any],
        task: str,
        weights: str,
        *,
        prompt: str | None,
        revision: str | None,
        device: str,
        dtype: Dtype,
        batch_size: int,
        max_new_tokens: int,
    ) -> None:
        revision = pinned(weights, revision)
        kind = kinds[model_type(weights, revision, kinds, task)]
        self.prompt: str = kind.prompt if prompt is None else prompt
        where = device_of(device)
        setup = ModelSetup(
            weights=weights,
            revision=revision,
            prompt=self.prompt,
            max_new_tokens=max_new_tokens,
            device=where,
            dtype=dtype_of(dtype, where),
        )
        self.writer = kind(setup)
        self.model = identity(weights, revision)
        self.fingerprint = fingerprint(
            model=self.model, prompt=self.prompt, dtype=setup.dtype, most=max_new_tokens
        )
        self._batches = Batches(batch_size, "captioning")

    def write(self, subjects: Sequence[Subject]) -> list[str | Refused]:
        """One line each, in order; the reason where there is none."""
        writer: Writer[Subject] = self.writer
        alike: dict[int, list[int]] = defaultdict(list)
        for number, subject in enumerate(subjects):
            alike[writer.size_of(subject)].append(number)

        texts: dict[int, str | Refused] = {}
        for numbers in alike.values():
            found = self._batches.run([subjects[number] for number in numbers], writer.answer)
            texts |= dict(zip(numbers, map(_line, found), strict=True))
        return [texts[number] for number in range(len(subjects))]


def _line(answer: str | Refused) -> str | Refused:
    if isinstance(answer, Refused):
        return answer
    return " ".join(answer.replace("\ufffd", " ").split()) or Refused("empty caption")
