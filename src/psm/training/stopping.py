"""How a training ends before its time: stopped from outside, or out of memory."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from lightning.pytorch.callbacks import Callback

from psm.config import Experiment
from psm.errors import NotEnoughMemory

_ALLOCATORS = ("can't allocate memory", "not enough memory", "out of memory", "cannot allocate")


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM, as a cluster sends it, ends a training as Ctrl-C does.

    Lightning keeps its own counsel of both signals: what was there before is put back at the end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGTERM] is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


class StopAtOnce(Callback):
    """Has SIGTERM interrupt while Lightning trains, which would wait and tell other ranks."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """After Lightning has set up handlers of its own."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: Any) -> NoReturn:  # noqa: ARG001
    raise KeyboardInterrupt


@contextmanager
def memory_advice(experiment: Experiment) -> Iterator[None]:
    """Whoever runs out of memory is told by which settings a training takes less.

    Raises:
        NotEnoughMemory: instead of what PyTorch or numpy raise.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as problem:
        if not _is_of_memory(problem):
            raise
        raise NotEnoughMemory(f"out of memory: {_advice(experiment)}") from None


def _is_of_memory(problem: BaseException) -> bool:
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(problem).lower() for words in _ALLOCATORS)


def _advice(experiment: Experiment) -> str:
    recipe = experiment.training
    rows = recipe.micro_batch or recipe.batch_size
    settings = []
    if rows > 1:
        settings.append(
            f"--set training.micro_batch={max(1, rows // 4)} (rows at once, now {rows})"
        )
    if not recipe.checkpoint_activations:
        settings.append("--set training.checkpoint_activations=true")
    settings.append(f"--set training.memory_gb=1 (of recordings, now {recipe.memory_gb:g})")
    return f"try {', '.join(settings[:-1])} or {settings[-1]}" if settings[1:] else settings[0]
