"""Training run: from an experiment and a folder of shards to a model folder; resumable."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from psm import checkpoints
from psm.config import Experiment
from psm.data.corpus import Corpus
from psm.data.shards import shard_paths
from psm.earth.worlds import world_of
from psm.encoders.places import feature_encoder
from psm.errors import ConfigError
from psm.inference.coveragefit import fit_coverage
from psm.inference.familiarityfit import fit_familiarity
from psm.inference.gallerymaking import keep_gallery
from psm.inference.placefeatures import corpus_features
from psm.inference.uncertaintyfit import fit_uncertainty, seen
from psm.locking import alone_in
from psm.model import PSM
from psm.progress import console
from psm.provenance import DataSet, Provenance
from psm.seeding import torch_seed
from psm.training import distributed
from psm.training.augmentation import Augmenter
from psm.training.corpora import find_splits, load_corpora, require_weights
from psm.training.dataloader import BatchLoader, BatchStream, cached_text_features
from psm.training.epochlog import EpochLog
from psm.training.frozenfeatures import cached_audio_features
from psm.training.labels import Labels
from psm.training.machine import build_trainer
from psm.training.patching import replaced_forward
from psm.training.recomputation import recomputed_activations
from psm.training.resuming import (
    FOLDER_NAME,
    RunIdentity,
    go_on,
    keep_resume_points,
    require_same_run,
    resume_point,
    start_over,
)
from psm.training.starting import Start
from psm.training.stopping import interruptible, memory_advice
from psm.training.task import TrainingTask, batch_norms

LOG_NAME = "log.jsonl"


def train(
    experiment: Experiment,
    data: Path,
    out: Path,
    *,
    seed: int = 0,
    start: Start | None = None,
    resume: bool = True,
    accelerator: str = "auto",
    devices: int | str = 1,
) -> PSM:
    """Train ``experiment`` on the shards in ``data`` and write the model into ``out``.

    ``out`` receives ``config.yaml``, ``model.safetensors``, ``gallery.safetensors``,
    ``familiarity.safetensors``, ``coverage.safetensors``, ``log.jsonl`` (a line for each epoch),
    TensorBoard events and, while training, a resume point at the end of every epoch: run the same
    command again after a kill and training resumes as if nothing had happened.

    With several ``devices`` there is a process for each: the others run the same program again and
    every one returns the trained model, but only the first, whose rank is 0, writes anything.

    Args:
        experiment: model, loss and recipe, as from :func:`psm.experiments.load_experiment`.
        data: folder of shards with a train and a val split.
        out: folder of the result.
        seed: every random choice follows from it.
        start: a trained model to begin with, whose :meth:`~Start.experiment` this is; from random
            weights without.
        resume: go on from the last resume point in ``out``, where there is one.
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        devices: how many, or ``auto``: all GPUs, or one process on a CPU.

    Returns:
        The trained model, in evaluation mode, where it was trained.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
        SettingsChanged: ``out`` holds a run of another experiment, seed or data set.
        CheckpointMismatch: its resume points are broken, or the weights of ``start`` do not fit.
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
        callbacks=[keep_resume_points(out), EpochLog(out / LOG_NAME)],
        logger=TensorBoardLogger(out, name="", version="tensorboard"),
        log_every_n_steps=10,
        enable_progress_bar=console().is_terminal,
    )
    console().quiet = not trainer.is_global_zero
    with interruptible(), memory_advice(experiment), ExitStack() as stack:
        return _train(
            trainer, experiment, data, out, seed=seed, start=start, resume=resume, stack=stack
        )


def _train(
    trainer: lightning.Trainer,
    experiment: Experiment,
    data: Path,
    out: Path,
    *,
    seed: int,
    start: Start | None,
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
    require_weights(experiment.model)
    training, validation = load_corpora(experiment, data, splits)
    console().print(f"train: {training.describe()}\nval:   {validation.describe()}")
    task, batches = prepare(experiment, training, validation, trainer, seed=seed, start=start)
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
        learnt_from = DataSet.of(data, training.recordings)
        task.model.provenance = (
            Provenance(trained_on=(learnt_from,))
            if start is None
            else start.provenance(learnt_from)
        )
        task.model.uncertainty = fit_uncertainty(
            task.model,
            seen(task.model, training),
            seen(task.model, validation),
            world_of(data).queries,
        )
        task.model.coverage = fit_coverage(task.model, training, validation)
        gallery = keep_gallery(task.model, training, out)  # first: with weights it is finished
        if gallery is not None:
            task.model.familiarity = fit_familiarity(task.model, training, validation, gallery)
        task.model.save_pretrained(out, experiment)
    return task.model


def _is_finished(out: Path, run: RunIdentity) -> bool:
    """Whether ``out`` holds the model of this run; a run of anything else is refused."""
    require_same_run(out, run)
    if not (out / checkpoints.WEIGHTS_NAME).exists():
        return False
    console().print(f"{out}: trained already")
    return True


def prepare(
    experiment: Experiment,
    training: Corpus,
    validation: Corpus,
    trainer: lightning.Trainer,
    *,
    seed: int,
    start: Start | None = None,
) -> tuple[TrainingTask, BatchStream]:
    """The task, its weights drawn from ``seed`` or those of ``start``, and this rank's batches.

    Raises:
        ConfigError: the recipe does not fit the model or the number of processes.
        CheckpointMismatch: the weights of ``start`` do not fit the model.
    """
    torch.manual_seed(torch_seed(seed, "weights"))
    model = PSM(experiment.model)
    if start is not None:
        start.load_into(model)
    model.to(trainer.strategy.root_device)  # where frozen towers are asked once
    if model.satellite.backbone is not None:
        console().print(f"satellite: {model.satellite.backbone.describe()}")
    labels = Labels.find(training.recordings) if experiment.loss.names_labels else None
    features = corpus_features(experiment.model, training)
    adapter = feature_encoder(model.satellite)
    if adapter is not None and features is not None and start is None:
        adapter.standardise(torch.from_numpy(features).to(model.device))
    batches = BatchStream(
        training,
        cached_text_features(model, training, experiment.training.memory_gb),
        sound=cached_audio_features(model, training, by_set=True),
        batch_size=experiment.training.batch_size,
        seed=seed,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
        windows=model.audio.windows,
        augmenter=Augmenter(experiment.training.audio_augmentation, experiment.model.audio),
        labels=labels,
        features=features,
    )
    steps = len(batches) * experiment.training.epochs
    task = TrainingTask(
        model, experiment, validation, total_steps=steps, seed=seed, labels=labels
    ).train()
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
