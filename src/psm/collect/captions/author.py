"""A model of the hub that writes captions, whatever it writes about."""

from __future__ import annotations

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
from psm.collect.source import Refused

Subject = TypeVar("Subject", contravariant=True)


class Writer(Protocol[Subject]):
    """A model that answers with a text for each subject of a batch."""

    model: Any

    def answer(self, subjects: Sequence[Subject], /) -> list[str]: ...


class Author(Generic[Subject]):
    """A model of one of several kinds, known by name, and asked in batches.

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
        return [_line(answer) for answer in self._batches.run(subjects, writer.answer)]


def _line(answer: str | Refused) -> str | Refused:
    if isinstance(answer, Refused):
        return answer
    return " ".join(answer.replace("\ufffd", " ").split()) or Refused("empty caption")
