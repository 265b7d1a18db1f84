"""Estimate of the memory and time that a training takes, measured on two steps of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from psm.config import Experiment
from psm.data.corpus import Corpus
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, Recording
from psm.data.shards import shard_paths
from psm.errors import MissingData
from psm.progress import console
from psm.seeding import generator
from psm.training.corpora import load_corpora
from psm.training.machine import build_trainer
from psm.training.run import fit, prepare
from psm.training.starting import Start
from psm.training.stopping import interruptible, memory_advice
from psm.training.task import TrainingTask

_STEPS = 2
_MADE_UP_VALIDATION = 64
_SENTENCE = "rain on the leaves of a garden while birds sing and cars pass in the distance"
_CAPTION_WORDS = 40
_PROCESS = Path("/proc/self")


def dry_run(
    experiment: Experiment,
    data: Path,
    *,
    seed: int = 0,
    start: Start | None = None,
    accelerator: str = "auto",
    devices: int | str = 1,
) -> list[str]:
    """Run two steps and a validation of a training, and say what the whole of it would take.

    They go the way of :func:`psm.training.train`, on the same devices, but nothing is written. The
    second step is the one that is timed: the first also sets things up.

    Args:
        experiment: model, loss and recipe.
        data: folder of shards; without any, recordings are made up in the experiment's shapes.
        seed, start: as in training.
        accelerator: as in training.
        devices: as in training.

    Returns:
        Lines to print: parameters, memory and time, and how each figure was found. None on ranks
        after the first.

    Raises:
        CorruptShard: the shards are broken.
        ConfigError: the recipe does not fit model or devices, or a tower cannot be loaded.
        NotEnoughMemory: there is less than a step takes; the message says what takes less.
    """
    meter = ResourceMeter()
    trainer = build_trainer(
        experiment,
        accelerator=accelerator,
        devices=devices,
        fast_dev_run=_STEPS,
        callbacks=[meter],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    console().quiet = not trainer.is_global_zero
    is_made_up = not _has_shards(data)
    with interruptible(), memory_advice(experiment):
        corpora = _made_up_corpora(experiment) if is_made_up else load_corpora(experiment, data)
        task, batches = prepare(experiment, *corpora, trainer, seed=seed, start=start)
        fit(trainer, task, batches)
    if not trainer.is_global_zero:
        return []
    machine = f"{trainer.world_size} x {trainer.strategy.root_device.type}, {trainer.precision}"
    what = (
        f"made-up recordings ({data} has none)" if is_made_up else f"{len(corpora[0])} recordings"
    )
    state = (
        values for by_name in trainer.optimizers[0].state.values() for values in by_name.values()
    )
    optimiser = sum(values.nbytes for values in state if isinstance(values, Tensor))
    return [
        f"{experiment.model.name} on {machine}; {what}",
        "",
        *_parameters(task),
        "",
        *_memory(task, optimiser, meter.peak_bytes),
        "",
        *_time(experiment, meter, len(corpora[1]), None if is_made_up else len(batches)),
    ]


def _has_shards(data: Path) -> bool:
    try:
        return bool(shard_paths(data, "train"))
    except MissingData:
        return False


def _made_up_corpora(experiment: Experiment) -> tuple[Corpus, Corpus]:
    train = _made_up(experiment, _STEPS * experiment.training.batch_size)
    return train, _made_up(experiment, _MADE_UP_VALIDATION)


def _made_up(experiment: Experiment, count: int) -> Corpus:
    """Noise in the shapes that the model reads; clips are long where the audio tower fuses them."""
    model = experiment.model
    rng = generator(0, "made up", count)
    size = (count, model.imagery.view_px, model.imagery.view_px, 3)
    windows = 4 if model.audio_tower.fused else 1
    mels = rng.normal(-40.0, 10.0, (count, windows, model.audio.frames, model.audio.n_mels))
    caption = " ".join(islice(cycle(_SENTENCE.split()), _CAPTION_WORDS))
    recordings = tuple(
        Recording(
            key=f"made-up-{number}",
            lat=float(rng.uniform(-60.0, 60.0)),
            lon=float(rng.uniform(-180.0, 180.0)),
            month=int(rng.integers(1, 13)),
            hour=float(rng.uniform(0.0, 24.0)),
            audio_source=AUDIO_SOURCES[number % len(AUDIO_SOURCES)],
            caption_source=CAPTION_SOURCES[number % len(CAPTION_SOURCES)],
            caption=f"{number} {caption}",
            split="train",
            cell="",
            gsd_m=model.imagery.gsd_m,
        )
        for number in range(count)
    )
    views = rng.integers(0, 256, size, dtype=np.uint8)
    wanted = model.satellite.features
    features = None if wanted is None else rng.normal(size=(count, wanted.size)).astype(np.float32)
    by_zoom = dict.fromkeys(model.imagery.zooms, views)
    return Corpus(recordings, by_zoom, mels.astype(np.float16), features)


def _parameters(task: TrainingTask) -> Iterator[str]:
    yield f"{'parameters':<28}{'learn':>14}{'frozen':>14}"
    parts: dict[str, nn.Module] = dict(task.model.named_children())
    parts["loss"] = task.objective.pair_loss
    for name, part in {**parts, "together": task}.items():
        learn, frozen = (
            sum(p.numel() for p in part.parameters() if p.requires_grad is learns)
            for learns in (True, False)
        )
        yield f"{name.replace('_', ' '):<28}{learn:>14,}{frozen:>14,}"


def _memory(task: TrainingTask, optimiser: int, peak: int | None) -> Iterator[str]:
    weights = sum(values.nbytes for values in chain(task.parameters(), task.buffers()))
    gradients = sum(p.nbytes for p in task.parameters() if p.requires_grad)
    counted = weights + gradients + optimiser
    yield f"{'memory of a process':<28}{'GB':>8}"
    for name, size in (("weights", weights), ("gradients", gradients), ("optimiser", optimiser)):
        yield f"{name:<28}{size / 1e9:>8.2f}  counted"
    if peak is None:
        yield f"{'activations':<28}{'?':>8}  not measured on this system"
        return
    rest = max(0, peak - counted)
    yield f"{'activations, work space':<28}{rest / 1e9:>8.2f}  measured: the peak less the above"
    yield f"{'together':<28}{max(peak, counted) / 1e9:>8.2f}  without recordings and libraries"


def _time(
    experiment: Experiment, meter: ResourceMeter, validation: int, steps: int | None
) -> Iterator[str]:
    recipe = experiment.training
    order = "second" if len(meter.steps_s) > 1 else "first and only"
    step_s, validation_s = meter.steps_s[-1], meter.validation_s
    yield f"{'time':<28}"
    parts = f", {recipe.micro_batch} at once" if recipe.micro_batch else ""
    yield _row("step", step_s, f"measured: the {order}, {recipe.batch_size} rows{parts}")
    yield _row("validation", validation_s, f"measured: {validation} rows")
    if steps is None:
        total = 1e5 / recipe.batch_size * step_s
        yield _row("100,000 recordings", total, "estimated: step x recordings, once through")
    else:
        total = recipe.epochs * (steps * step_s + validation_s)
        yield _row("whole run", total, f"estimated: {recipe.epochs} x ({steps} steps + validation)")


def _row(name: str, seconds: float, how: str) -> str:
    size, unit = next(
        (size, unit)
        for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s"))
        if seconds >= 2 * size or size == 1.0
    )
    return f"{name:<28}{seconds / size:>8.2f} {unit:<4} {how}"


class ResourceMeter(Callback):
    """Measures time and memory while a trainer runs.

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
