"""One of the two processes that ``test_ranks.py`` starts; arguments: its recipe, SHARDS and OUT.

Writes the loss and gradients of single steps and the scores of a validation, and trains two models
by ``psm train``, one of them in two goes, and the first epoch of a third.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from psm.cli import main
from psm.training import distributed, run
from psm.training.dataloader import Batch
from psm.training.patching import replaced_forward
from psm.training.task import TrainingTask
from tests.training.steps import changed, outcome, prepared

STEPS: dict[str, dict[str, Any]] = {
    "cnn": {"batch_norm": "batch", "loss": {"label_weight": 0.3, "location_label_weight": 0.2}},
    "clap": {"batch_norm": "fixed", "micro_batch": 3},
}


class Step(nn.Module):
    """What DistributedDataParallel wraps."""

    def __init__(self, task: TrainingTask) -> None:
        super().__init__()
        self.task = task

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch."""
        return self.task.loss_of(batch)[0]


def steps(shards: Path, out: Path) -> None:
    """Loss and gradients of a step of each of ``STEPS``, and the scores of a validation."""
    for towers, settings in STEPS.items():
        experiment = changed(towers, **settings)
        task, batch = prepared(experiment, shards, rank=distributed.rank(), world_size=2)
        wrapped = DistributedDataParallel(Step(task), find_unused_parameters=towers == "clap")
        with replaced_forward(distributed.batch_norm_forwards(task)):
            result = outcome(task, batch, wrapped)
        torch.save(result, out / f"{towers}-{distributed.rank()}.pt")
        torch.save(dict(task.named_buffers()), out / f"{towers}-buffers-{distributed.rank()}.pt")
        (out / f"{towers}-{distributed.rank()}.json").write_text(json.dumps(task.validate()))


def trainings(recipe: str, shards: Path, out: Path) -> None:
    """``psm train`` in one go, in two with a kill between them, and a first go alone."""

    def psm_train(folder: Path) -> None:
        sys.argv = [
            "psm", "train", "--preset", recipe, "--data", str(shards), "--out", str(folder),
            "--seed", "3", "--devices", "2", "--accelerator", "cpu",
        ]  # fmt: skip
        main()

    start = run.EpochLog.on_train_epoch_start

    def killed(self: Any, trainer: Any, module: Any) -> None:
        if trainer.current_epoch == 1:
            raise RuntimeError("killed")
        start(self, trainer, module)

    psm_train(out / "whole")
    for folder in (out / "halves", out / "first"):
        run.EpochLog.on_train_epoch_start = killed  # type: ignore[method-assign]
        try:
            psm_train(folder)
        except RuntimeError:
            run.EpochLog.on_train_epoch_start = start  # type: ignore[method-assign]
    psm_train(out / "halves")


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=int(os.environ["LOCAL_RANK"]), world_size=2)
    recipe, shards, out = sys.argv[1:]
    steps(Path(shards), Path(out))
    trainings(recipe, Path(shards), Path(out))
    dist.destroy_process_group()
