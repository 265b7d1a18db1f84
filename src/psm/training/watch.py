"""The clock and the memory of a training."""

from __future__ import annotations

import time
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback

_PROCESS = Path("/proc/self")


class Watch(Callback):
    """Reads the clock and the memory while a trainer runs.

    Attributes:
        steps_s: seconds of each step, reading its batch included.
        validation_s: seconds of the last validation.
        peak_bytes: the most that was in use, without what was there before the model: of the
            device's memory on a GPU, of the process's on Linux; elsewhere ``None``.
    """

    def __init__(self) -> None:
        self.steps_s: list[float] = []
        self.validation_s = 0.0
        self.peak_bytes: int | None = None
        self._base_bytes: int | None = None
        self._since = 0.0

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:  # noqa: ARG002
        """Before the model goes to its device."""
        device = trainer.strategy.root_device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        model = sum(values.nbytes for values in chain(pl_module.parameters(), pl_module.buffers()))
        self._base_bytes = _restart_peak()
        if self._base_bytes is not None:
            self._base_bytes -= model

    def on_train_epoch_start(self, trainer: Any, *_: Any) -> None:
        """Start the clock."""
        self._lap(trainer)

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """A step is over."""
        self.steps_s.append(self._lap(trainer))

    def on_validation_start(self, trainer: Any, *_: Any) -> None:
        """Start the clock again."""
        self._lap(trainer)

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        """A validation is over."""
        self.validation_s = self._lap(trainer)

    def on_train_end(self, trainer: Any, *_: Any) -> None:
        """Read the memory."""
        device = trainer.strategy.root_device
        if device.type == "cuda":
            self.peak_bytes = torch.cuda.max_memory_allocated(device)
        elif self._base_bytes is not None:
            self.peak_bytes = _status_bytes("VmHWM") - self._base_bytes

    def _lap(self, trainer: Any) -> float:
        if trainer.strategy.root_device.type == "cuda":
            torch.cuda.synchronize()
        before, self._since = self._since, time.perf_counter()
        return self._since - before


def _restart_peak() -> int | None:
    """Forget the highest use of memory so far; what is in use now, where the system tells it."""
    try:
        (_PROCESS / "clear_refs").write_text("5")
        return _status_bytes("VmRSS")
    except OSError:
        return None


def _status_bytes(name: str) -> int:
    lines = (_PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
