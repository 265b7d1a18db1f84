"""``train``: from an experiment and a folder of shards to a model folder."""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from psm import checkpoints
from psm.config import Experiment, write_yaml
from psm.data.corpus import Corpus
from psm.data.shards import shard_paths
from psm.errors import CheckpointMismatch
from psm.losses import PCMEPlusPlus
from psm.model import PSM
from psm.precision import has_bfloat16
from psm.progress import console
from psm.seeding import torch_seed
from psm.training.batches import BatchStream, cached_text_features
from psm.training.calibrate import fit_match_probability
from psm.training.loading import Loader
from psm.training.task import TrainingTask

LOG_NAME = "log.jsonl"
# Lightning's hints about accelerators and products are not about this run.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
_RESUME_NAME = "last.ckpt"


def train(
    experiment: Experiment, data: Path, out: Path, *, seed: int = 0, resume: bool = True
) -> PSM:
    """Train ``experiment`` on the shards in ``data`` and write the model into ``out``.

    ``out`` receives ``config.yaml`` and ``model.safetensors``, ``log.jsonl`` (a line for each
    epoch), TensorBoard events and, while training, a resume point at the end of every epoch: run
    the same command again after a kill and the curve goes on as if nothing had happened.

    Args:
        experiment: model, loss and recipe.
        data: folder of shards with a train and a val split.
        out: folder of the result.
        seed: every random choice follows from it.
        resume: go on from the last resume point in ``out``, where there is one.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
        CheckpointMismatch: ``out`` holds a run of another experiment.
    """
    for split in ("train", "val"):
        shard_paths(data, split)  # before anything that takes long
    resume_from = _resume_point(experiment, out, seed) if resume else None
    if resume_from is not None and (out / checkpoints.WEIGHTS_NAME).exists():
        console().print(f"{out}: trained already")
        return PSM.from_pretrained(out)
    imagery = experiment.model.imagery
    training, validation = (
        Corpus.load(
            data,
            split,
            zooms=zooms,
            view_px=imagery.view_px,
            memory_gb=experiment.training.memory_gb,
        )
        for split, zooms in (("train", imagery.zooms), ("val", imagery.zooms[:1]))
    )
    console().print(f"train: {training.describe()}\nval:   {validation.describe()}")
    if resume_from is None:
        _start_over(experiment, out, seed)
    torch.manual_seed(torch_seed(seed, "weights"))
    model = PSM(experiment.model)
    batches = BatchStream(
        training,
        cached_text_features(model, training),
        batch_size=experiment.training.batch_size,
        seed=seed,
        windows=model.audio.windows,
    )
    steps = len(batches) * experiment.training.epochs
    task = TrainingTask(model, experiment, validation, total_steps=steps, seed=seed)
    _fit(task, batches, out, resume_from)
    _learn_match_probability(task)
    model.eval()
    model.save_pretrained(out, experiment)
    return model


def _fit(task: TrainingTask, batches: BatchStream, out: Path, resume_from: Path | None) -> None:
    recipe = task.experiment.training
    keep = ModelCheckpoint(out / "resume", save_last=True, save_top_k=0, every_n_epochs=1)
    trainer = lightning.Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=recipe.epochs,
        precision=_precision(recipe.precision),
        gradient_clip_val=recipe.gradient_clip,
        callbacks=[keep, _EpochLog(out / LOG_NAME)],
        logger=TensorBoardLogger(out, name="", version="tensorboard"),
        log_every_n_steps=10,
        num_sanity_val_steps=0,
        enable_progress_bar=console().is_terminal,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=0,
    )
    loader = Loader(batches, recipe.workers if batches.corpus.on_disk else 0)
    once: Any = [0]  # validation sees all rows at once, in a hook
    with warnings.catch_warnings():
        # One process reads arrays from memory (workers would copy them), a short run logs less
        # often than it is asked to, frozen towers are meant to be in evaluation mode, and the last
        # is between Lightning and PyTorch.
        for message in (
            "does not have many workers",
            "logging interval",
            "in eval mode",
            "LeafSpec",
        ):
            warnings.filterwarnings("ignore", message=f".*{message}.*")
        trainer.fit(
            task,
            loader,
            DataLoader(once, batch_size=None),
            ckpt_path=resume_from,
            weights_only=True,
        )


class _EpochLog(Callback):
    """Sets the epoch of the batches, and writes a line of figures at the end of each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Forget lines of epochs that a kill cut off after the resume point."""
        done = trainer.current_epoch
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["epoch"] <= done]
        self.path.write_text("".join(f"{line}\n" for line in kept))

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Shuffle anew."""
        trainer.train_dataloader.dataset.epoch = trainer.current_epoch

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """One JSON line, one line on screen."""
        figures = {name: round(float(v), 6) for name, v in trainer.callback_metrics.items()}
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, **figures}
        with self.path.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        console().print(
            f"epoch {row['epoch']}/{trainer.max_epochs}  loss {figures['train/loss']:.3f}  "
            f"val R@10%: image {figures['val/image_to_audio_r10']:.3f}, "
            f"with context {figures['val/image_context_to_audio_r10']:.3f}, "
            f"text to audio {figures['val/text_to_audio_r10']:.3f}"
        )


def _resume_point(experiment: Experiment, out: Path, seed: int) -> Path | None:
    """The resume point in ``out`` of the same run, where there is one. Writes nothing."""
    folder = out / "resume"
    point, recipe, seed_file = (
        folder / _RESUME_NAME,
        folder / checkpoints.CONFIG_NAME,
        folder / "seed",
    )
    if not point.exists():
        if (out / checkpoints.WEIGHTS_NAME).exists():
            raise CheckpointMismatch(
                f"{out}: holds a model without a resume point; "
                "choose another folder, or replace it with --no-resume"
            )
        return None
    same = recipe.exists() and checkpoints.read_experiment(folder) == experiment
    if not same or seed_file.read_text() != str(seed):
        raise CheckpointMismatch(
            f"{out}: holds a run of another experiment or seed; "
            "choose another folder, or start over with --no-resume"
        )
    return point


def _start_over(experiment: Experiment, out: Path, seed: int) -> None:
    """Clear ``out`` of an older run and note whose run it is now."""
    folder = out / "resume"
    shutil.rmtree(folder, ignore_errors=True)
    for name in (checkpoints.WEIGHTS_NAME, LOG_NAME):
        (out / name).unlink(missing_ok=True)
    folder.mkdir(parents=True)
    write_yaml(experiment, folder / checkpoints.CONFIG_NAME)
    (folder / "seed").write_text(str(seed))


def _learn_match_probability(task: TrainingTask) -> None:
    """Give the model the scale and shift of its match probability."""
    if isinstance(task.loss, PCMEPlusPlus):
        scale, shift = task.loss.negative_scale.item(), task.loss.shift.item()
    else:
        scale, shift = fit_match_probability(task.model, task.validation)
    task.model.negative_scale.fill_(scale)
    task.model.shift.fill_(shift)


def _precision(setting: str) -> Any:
    if setting != "auto":
        return setting
    if torch.cuda.is_available():
        return "bf16-mixed"
    return "bf16-mixed" if has_bfloat16() else "32-true"
