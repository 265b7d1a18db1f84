"""Log of a training: a line of figures for each epoch, in a file and on screen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from psm.files import atomic_path
from psm.progress import console


class EpochLog(Callback):
    """Sets the epoch of the batches, and writes a line of figures at the end of each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Forget lines of epochs that a kill cut off after the resume point."""
        if not trainer.is_global_zero:
            return
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        # A line for each epoch; the last one may have been cut off.
        kept = lines[: trainer.current_epoch]
        with atomic_path(self.path) as aside:
            aside.write_text("".join(f"{line}\n" for line in kept))

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Shuffle anew."""
        trainer.train_dataloader.dataset.epoch = trainer.current_epoch

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """One JSON line, one line on screen."""
        if not trainer.is_global_zero:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        figures = {n: None if math.isnan(v) else round(v, 6) for n, v in metrics.items()}
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, **figures}
        with self.path.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        console().print(
            f"epoch {row['epoch']}/{trainer.max_epochs}  loss {metrics['train/loss']:.3f}  "
            f"val R@10%: {_scores(figures)}"
        )


def _scores(figures: Mapping[str, float | None]) -> str:
    """Recall on the validation split in words."""
    shown = {
        "image": figures["val/image_to_audio_r10"],
        "with context": figures["val/image_context_to_audio_r10"],
        "text to audio": figures["val/text_to_audio_r10"],
    }
    told = [f"{name} {value:.3f}" for name, value in shown.items() if value is not None]
    return ", ".join(told) or "too few recordings to tell, 10 at least"
