"""Batches: halved where the memory is short, and no item spoils another's answer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from psm.collect.captions.batching import Batches
from psm.collect.refusal import Refused


class Model:
    """Doubles numbers; holds so many at once, and chokes on some."""

    def __init__(
        self, room: int, *, chokes_on: Sequence[int] = (), says: str = "bad number"
    ) -> None:
        self.room, self.chokes_on, self.says = room, chokes_on, says
        self.asked: list[int] = []

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.asked.append(len(items))
        if len(items) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        if any(item in self.chokes_on for item in items):
            raise ValueError(self.says)
        return [2 * item for item in items]


def test_answers_come_in_order_and_in_batches() -> None:
    model = Model(8)
    assert Batches(4, "doubling").run(range(10), model) == [2 * n for n in range(10)]
    assert model.asked == [4, 4, 4]  # the last one is filled
    assert Batches(4, "doubling").run([], model) == []


def test_a_full_memory_halves_the_batch_for_good() -> None:
    model, batches = Model(3), Batches(16, "doubling")
    assert batches.run(range(20), model) == [2 * n for n in range(20)]
    assert model.asked == [16, 8, 4, *[2] * 10]
    model.asked.clear()
    batches.run(range(4), model)
    assert model.asked == [2, 2]


def test_what_does_not_fit_alone_may_pass_elsewhere() -> None:
    answers = Batches(2, "doubling").run([1, 2], Model(0))
    for answer in answers:
        assert isinstance(answer, Refused)
        assert (answer.reason, answer.may_pass) == ("out of memory when doubling", True)
    said = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"
    (answer,) = Batches(1, "doubling").run([1], Model(1, chokes_on=[1], says=said))
    assert isinstance(answer, Refused)
    assert answer.may_pass


def test_a_bad_item_fails_alone() -> None:
    model = Model(8, chokes_on=[1, 5])
    answers = Batches(3, "doubling").run(range(7), model)
    for number, answer in enumerate(answers):
        if number in (1, 5):
            assert isinstance(answer, Refused)
            assert (answer.reason, answer.detail) == ("doubling failed", "bad number")
            assert not answer.may_pass
        else:
            assert answer == 2 * number


def test_mistakes_of_ours_are_no_refusals() -> None:
    def broken(_: Sequence[int]) -> list[int]:
        raise AttributeError("a typo")

    with pytest.raises(AttributeError):
        Batches(2, "doubling").run([1], broken)
