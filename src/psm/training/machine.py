"""Trainer set-up: devices, processes and precision."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from psm.config import Experiment
from psm.errors import ConfigError
from psm.precision import resolved
from psm.training.resuming import ResumePointIO
from psm.training.stopping import StopAtOnce

# Lightning's hints about accelerators, ranks and products are not about this run.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def build_trainer(
    experiment: Experiment,
    *,
    accelerator: str,
    devices: int | str,
    callbacks: Sequence[Callback],
    **settings: Any,
) -> lightning.Trainer:
    """A trainer of ``experiment`` on ``devices``, one process for each.

    Args:
        experiment: its recipe sets epochs, precision and clipping.
        accelerator: ``auto``, ``cpu``, ``gpu`` or another name that Lightning knows.
        devices: how many, or ``auto``: all GPUs, or one process on a CPU.
        callbacks: of the trainer.
        settings: what else the trainer is to be given.

    Raises:
        ConfigError: this machine has no such devices, or ``srun`` starts several processes.
    """
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    if tasks.isdecimal() and int(tasks) > 1:
        raise ConfigError(
            f"srun starts this {tasks} times; start it once, with srun --ntasks=1, and "
            f"--devices {tasks} for a process on each device"
        )
    recipe = experiment.training
    has_gpus = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    if devices == "auto":
        count = torch.cuda.device_count() if has_gpus else 1
    elif str(devices).isdecimal() and int(devices) > 0:
        count = int(devices)
    else:
        raise ConfigError(f"--devices {devices}: say how many, from 1 up, or auto")
    strategy = DDPStrategy(
        find_unused_parameters=_may_skip_parameters(experiment), gradient_as_bucket_view=True
    )
    try:
        return lightning.Trainer(
            accelerator=accelerator,
            devices=count,
            strategy=strategy if count > 1 else "auto",
            max_epochs=recipe.epochs,
            precision=_precision(recipe.precision, has_gpus=has_gpus),
            gradient_clip_val=recipe.gradient_clip,
            use_distributed_sampler=False,  # a batch stream knows its rank
            num_sanity_val_steps=0,
            enable_model_summary=False,
            callbacks=[StopAtOnce(), *callbacks],
            plugins=[_environment(), ResumePointIO()],
            **settings,
        )
    except (MisconfigurationException, ValueError) as problem:
        reason = str(problem).strip().splitlines()[0]
        raise ConfigError(f"--accelerator {accelerator} --devices {devices}: {reason}") from None


def _environment() -> ClusterEnvironment:
    """Processes are started here, or by torchrun; variables of a cluster's job change nothing."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    return LightningEnvironment()


def _may_skip_parameters(experiment: Experiment) -> bool:
    """Whether some batches leave parameters without a gradient: those without a long clip."""
    tower = experiment.model.audio_tower
    return tower.sees_long_clips_apart and not tower.frozen


def _precision(setting: str, *, has_gpus: bool) -> Any:
    if setting != "auto":
        return setting
    if resolved("auto", torch.device("cuda" if has_gpus else "cpu")) == "bfloat16":
        return "bf16-mixed"
    return "16-mixed" if has_gpus else "32-true"
