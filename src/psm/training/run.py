"""Training run: from an experiment and a folder of shards to a model folder; resumable."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from psm import checkpoints
from psm.config import Experiment
from psm.data.corpus import Corpus
from psm.data.holdout import find_unseen
from psm.data.shards import shard_paths
from psm.errors import ConfigError
from psm.files import atomic_path
from psm.http import hub
from psm.inference.uncertaintyfit import fit_uncertainty, seen
from psm.locking import alone_in
from psm.model import PSM
from psm.progress import console
from psm.seeding import torch_seed
from psm.training import distributed
from psm.training.dataloader import BatchLoader, BatchStream, cached_text_features
from psm.training.machine import build_trainer
from psm.training.patching import replaced_forward
from psm.training.recomputation import recomputed_activations
from psm.training.resuming import (
    FOLDER_NAME,
    RunIdentity,
    Splits,
    go_on,
    keep_resume_points,
    require_same_run,
    resume_point,
    start_over,
)
from psm.training.stopping import interruptible, memory_advice
from psm.training.task import TrainingTask, batch_norms

LOG_NAME = "log.jsonl"


def train(
    experiment: Experiment,
    data: Path,
    out: Path,
    *,
    seed: int = 0,
    resume: bool = True,
    accelerator: str = "auto",
    devices: int | str = 1,
) -> PSM:
    """Train ``experiment`` on the shards in ``data`` and write the model into ``out``.

    ``out`` receives ``config.yaml`` and ``model.safetensors``, ``log.jsonl`` (a line for each
    epoch), TensorBoard events and, while training, a resume point at the end of every epoch: run
    the same command again after a kill and the curve goes on as if nothing had happened.

    With several ``devices`` there is a process for each: the others run the same program again and
    every one returns the trained model, but only the first, whose rank is 0, writes anything.

    Args:
        experiment: model, loss and recipe, as from :func:`psm.config.load_experiment`.
        data: folder of shards with a train and a val split.
        out: folder of the result.
        seed: every random choice follows from it.
        resume: go on from the last resume point in ``out``, where there is one.
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        devices: how many, or ``auto``: all GPUs, or one process on a CPU.

    Returns:
        The trained model, in evaluation mode, where it was trained.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
        SettingsChanged: ``out`` holds a run of another experiment, seed or data set.
        CheckpointMismatch: its resume points are broken.
        ConfigError: the recipe does not fit the model or the devices, or another process trains in
            ``out``.
        NotEnoughMemory: there is less than the recipe takes.
    """
    for split in ("train", "val"):
        shard_paths(data, split)  # before anything that takes long
    trainer = build_trainer(
        experiment,
        accelerator=accelerator,
        devices=devices,
        callbacks=[keep_resume_points(out), _EpochLog(out / LOG_NAME)],
        logger=TensorBoardLogger(out, name="", version="tensorboard"),
        log_every_n_steps=10,
        enable_progress_bar=console().is_terminal,
    )
    console().quiet = not trainer.is_global_zero
    with interruptible(), memory_advice(experiment), ExitStack() as stack:
        return _train(trainer, experiment, data, out, seed=seed, resume=resume, stack=stack)


def _train(
    trainer: lightning.Trainer,
    experiment: Experiment,
    data: Path,
    out: Path,
    *,
    seed: int,
    resume: bool,
    stack: ExitStack,
) -> PSM:
    """Train with ``trainer``; ``stack`` keeps others out of ``out`` until it is closed."""
    splits = find_splits(experiment, data)
    is_first = trainer.is_global_zero
    # One process answers for all: the others start when it has found everything in order.
    run = RunIdentity.of(experiment, seed, data, splits) if is_first else None

    def is_done() -> bool:
        return resume and run is not None and _is_finished(out, run)

    def claim() -> bool:
        """Keep others out; whether one of them has finished meanwhile."""
        if is_first:
            stack.enter_context(alone_in(out, "training", notes=out / FOLDER_NAME))
        return is_done()

    # A recipe that does not fit leaves no folder behind.
    is_new = not out.exists()
    if is_done() or (not is_new and claim()):
        return PSM.from_pretrained(out)
    for part in ("satellite", "audio_tower", "text_tower"):  # before recordings are read
        hub.require(getattr(experiment.model, part).weights, f"model.{part}.weights")
    training, validation = load_corpora(experiment, data, splits)
    console().print(f"train: {training.describe()}\nval:   {validation.describe()}")
    task, batches = prepare(experiment, training, validation, trainer, seed=seed)
    if is_new and claim():
        return PSM.from_pretrained(out)
    resume_from = resume_point(out) if resume else None
    if run is not None:
        begin = start_over if resume_from is None else go_on
        begin(out, run)
    fit(trainer, task, batches, resume_from)
    task.eval()
    if trainer.is_global_zero:
        scale, shift = task.match_probability()
        task.model.negative_scale.fill_(scale)
        task.model.shift.fill_(shift)
        task.model.experiment = experiment
        task.model.uncertainty = fit_uncertainty(
            task.model, seen(task.model, training), seen(task.model, validation)
        )
        task.model.save_pretrained(out, experiment)
    return task.model


def _is_finished(out: Path, run: RunIdentity) -> bool:
    """Whether ``out`` holds the model of this run; a run of anything else is refused."""
    require_same_run(out, run)
    if not (out / checkpoints.WEIGHTS_NAME).exists():
        return False
    console().print(f"{out}: trained already")
    return True


def find_splits(experiment: Experiment, data: Path) -> Splits:
    """Where the recordings of train and val lie, without those that show what is held out."""
    imagery, hold_out = experiment.model.imagery, experiment.training.hold_out
    tile_px = imagery.view_px * max(imagery.zooms)
    return {
        split: find_unseen(data, split, hold_out, tile_px=tile_px) for split in ("train", "val")
    }


def load_corpora(
    experiment: Experiment, data: Path, splits: Splits | None = None
) -> tuple[Corpus, Corpus]:
    """The training split at every zoom, and the validation split at the first."""
    imagery, memory_gb = experiment.model.imagery, experiment.training.memory_gb
    splits = find_splits(experiment, data) if splits is None else splits
    training, validation = (
        Corpus.load(
            data,
            split,
            zooms=zooms,
            view_px=imagery.view_px,
            memory_gb=memory_gb,
            found=splits[split],
        )
        for split, zooms in (("train", imagery.zooms), ("val", imagery.zooms[:1]))
    )
    return training, validation


def prepare(
    experiment: Experiment,
    training: Corpus,
    validation: Corpus,
    trainer: lightning.Trainer,
    *,
    seed: int,
) -> tuple[TrainingTask, BatchStream]:
    """The task, its weights drawn from ``seed``, and this rank's batches.

    Raises:
        ConfigError: the recipe does not fit the model or the number of processes.
    """
    torch.manual_seed(torch_seed(seed, "weights"))
    model = PSM(experiment.model)
    if model.satellite.backbone is not None:
        console().print(f"satellite: {model.satellite.backbone.describe()}")
    batches = BatchStream(
        training,
        cached_text_features(model, training),
        batch_size=experiment.training.batch_size,
        seed=seed,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
        windows=model.audio.windows,
    )
    steps = len(batches) * experiment.training.epochs
    task = TrainingTask(model, experiment, validation, total_steps=steps, seed=seed).train()
    _check_batch_norms(task, batches)
    return task, batches


def _check_batch_norms(task: TrainingTask, batches: BatchStream) -> None:
    """Refuse batch norms whose statistics would not be those of the joint batch."""
    tower, micro_batch = task.model.config.audio_tower, task.experiment.training.micro_batch
    if not any(norm.training for norm in batch_norms(task.model)):
        return
    advice = "set training.batch_norm=fixed, which suits towers with trained weights"
    if micro_batch is not None and micro_batch < batches.batch_size // batches.world_size:
        raise ConfigError(
            f"training.micro_batch={micro_batch}: a tower has batch norms, which would see parts "
            f"of the batch instead of all of it; {advice}, or leave micro_batch out"
        )
    if tower.sees_long_clips_apart and batches.world_size > 1:
        raise ConfigError(
            "training.batch_norm=batch: the audio tower has norms that see longer clips alone, of "
            f"which a process may have none; {advice}, or train in one process"
        )


def fit(
    trainer: lightning.Trainer,
    task: TrainingTask,
    batches: BatchStream,
    resume_from: Path | None = None,
) -> None:
    """Run ``trainer``: every epoch trains on all ``batches`` and then validates."""
    workers = task.experiment.training.workers
    loader = BatchLoader(batches, workers if batches.on_disk else 0)
    once: Any = [0]  # validation sees all rows at once, in a hook
    with warnings.catch_warnings(), ExitStack() as stack:
        # One process reads arrays from memory (workers would copy them), a short run logs less
        # often than it is asked to, frozen towers are meant to be in evaluation mode, weights lie
        # channels last, LeafSpec is between Lightning and PyTorch, and the folder of the resume
        # point says whose it is before the point is there.
        for message in (
            "does not have many workers",
            "logging interval",
            "in eval mode",
            "Grad strides do not match",
            "LeafSpec",
            "exists and is not empty",
        ):
            warnings.filterwarnings("ignore", message=f".*{message}.*")
        if task.experiment.training.checkpoint_activations:
            stack.enter_context(recomputed_activations(task.model))
        if trainer.world_size > 1:
            stack.enter_context(replaced_forward(distributed.batch_norm_forwards(task.model)))
        try:
            trainer.fit(
                task,
                loader,
                DataLoader(once, batch_size=None),
                ckpt_path=resume_from,
                weights_only=True,
            )
        except SystemExit:
            # What Lightning makes of an interrupt.
            if not trainer.interrupted:
                raise
            raise KeyboardInterrupt from None


class _EpochLog(Callback):
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
