"""Adaptive batches for a model: halved when memory is short; a bad item fails alone."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from psm.collect.refusal import Refused

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_FAILURES = (RuntimeError, ValueError, IndexError, MemoryError)
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


class Batches:
    """Asks in batches, which are halved for good when the memory does not hold one.

    Every batch is full, with its last item again where there are too few: its shape, by which
    processors round, does not depend on how many items came together.

    Args:
        size: items asked for at a time.
        doing: what fails where an item fails, as ``captioning``.
    """

    def __init__(self, size: int, doing: str) -> None:
        self.size = size
        self._doing = doing

    def run(
        self, items: Sequence[Item], ask: Callable[[Sequence[Item]], Sequence[Answer]]
    ) -> list[Answer | Refused]:
        """The answers in order; the reason for each item that has none."""
        answers: list[Answer | Refused] = []
        while len(answers) < len(items):
            some = items[len(answers) : len(answers) + self.size]
            found = self._try(some, ask)
            if not isinstance(found, Refused):
                answers += found
            elif found.may_pass and self.size > 1:  # the memory was full
                self.size //= 2
            elif len(some) == 1:
                answers.append(found)
            else:  # at least one of them is bad: which?
                for item in some:
                    answers += self.run([item], ask)
        return answers

    def _try(
        self, items: Sequence[Item], ask: Callable[[Sequence[Item]], Sequence[Answer]]
    ) -> Sequence[Answer] | Refused:
        try:
            filled = [*items, *[items[-1]] * (self.size - len(items))]
            return ask(filled)[: len(items)]
        except torch.AcceleratorError:
            raise  # the device is lost to this process: nothing after it can succeed
        except _FAILURES as problem:
            refused = self._refused(problem)
        # Only now, when no frame of the failure holds its tensors any more.
        if refused.may_pass and torch.cuda.is_available():
            gc.collect()
            torch.cuda.empty_cache()
        return refused

    def _refused(self, problem: BaseException) -> Refused:
        said = (str(problem) or type(problem).__name__).strip().splitlines()[0]
        if isinstance(problem, (MemoryError, torch.OutOfMemoryError)) or any(
            words in str(problem) for words in _OUT_OF_MEMORY
        ):
            return Refused(f"out of memory when {self._doing}", may_pass=True, detail=said)
        return Refused(f"{self._doing} failed", detail=said)
