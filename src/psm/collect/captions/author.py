"""A model of the hub that writes captions, whatever it writes about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from psm.collect.captions.batching import Batches
from psm.collect.captions.loading import (
    Dtype,
    Setup,
    device_of,
    dtype_of,
    fingerprint,
    identity,
    model_type,
    pinned,
)
from psm.collect.refusal import Refused

Subject = TypeVar("Subject", contravariant=True)


class Writer(Protocol[Subject]):
    """A model that answers with a text for each subject of a batch."""

    model: Any

    def size_of(self, subject: Subject, /) -> int:
        """Subjects of one size make tensors of one shape."""
        ...

    def answer(self, subjects: Sequence[Subject], /) -> list[str]:
        """One text a subject."""
        ...


class Author(Generic[Subject]):
    """A model of one of several kinds, known by name, and asked in batches.

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
        source: str,
        *,
        prompt: str | None,
        revision: str | None,
        device: str,
        dtype: Dtype,
        batch_size: int,
        max_new_tokens: int,
    ) -> None:
        revision = pinned(source, revision)
        kind = kinds[model_type(source, revision, kinds, task)]
        self.prompt: str = kind.prompt if prompt is None else prompt
        where = device_of(device)
        setup = Setup(
            source=source,
            revision=revision,
            prompt=self.prompt,
            max_new_tokens=max_new_tokens,
            device=where,
            dtype=dtype_of(dtype, where),
        )
        self.writer = kind(setup)
        self.model = identity(source, revision)
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
