"""One step of training, taken apart: what the tests of memory and of ranks compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from psm.config import Experiment
from psm.data.corpus import Corpus
from psm.model import PSM
from psm.training.dataloader import Batch, BatchStream, cached_text_features
from psm.training.labels import Labels
from psm.training.task import TrainingTask
from tests.tiny import tiny_clap_experiment, tiny_experiment

EXPERIMENTS = {"cnn": tiny_experiment, "clap": tiny_clap_experiment}


def changed(
    towers: str, *, dropout: float = 0.0, loss: dict[str, float] | None = None, **training: Any
) -> Experiment:
    """An experiment with two draws of the context and, unless asked for, no batch statistics."""
    experiment = EXPERIMENTS[towers]()
    values = experiment.model.model_dump()
    values["context"].update(dropout=dropout, draws=2)
    if towers == "clap":
        for tower in ("audio_tower", "text_tower"):
            values[tower]["clap"].update(
                hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout
            )
    recipe = {"batch_size": 8, "batch_norm": "fixed", "precision": "32-true", "epochs": 1}
    return EXPERIMENTS[towers](model=values, loss=loss or {}, training={**recipe, **training})


def prepared(
    experiment: Experiment, shards: Path, *, rank: int = 0, world_size: int = 1
) -> tuple[TrainingTask, Batch]:
    """A task with fixed weights, and one of its batches."""
    corpus = Corpus.load(shards, "train", zooms=(1, 3), view_px=16)
    # Equal captions tie exactly, and rounding would say which of them is a pseudo-positive.
    distinct = tuple(replace(r, caption=f"{r.caption} {r.key}") for r in corpus.recordings)
    corpus = replace(corpus, recordings=distinct)
    torch.manual_seed(0)
    model = PSM(experiment.model)
    text = cached_text_features(model, corpus)
    labels = Labels.find(corpus.recordings) if experiment.loss.names_labels else None
    batches = BatchStream(
        corpus, text, batch_size=8, seed=0, rank=rank, world_size=world_size, labels=labels
    )
    every = Corpus.load(shards, "val", zooms=(1,), view_px=16)
    validation = Corpus(every.recordings[:15], {1: every.views(1)[:15]}, every.mels[:15])
    task = TrainingTask(model, experiment, validation, total_steps=9, seed=0, labels=labels)
    return task.train(), batches[1]


def outcome(
    task: TrainingTask, batch: Batch, loss_of: Callable[[Batch], Tensor] | None = None
) -> dict[str, Tensor]:
    """The loss, under no name, and every gradient of one batch."""
    task.zero_grad()
    torch.manual_seed(1)
    loss = task.loss_of(batch)[0] if loss_of is None else loss_of(batch)
    torch.autograd.backward(loss)
    gradients = {n: p.grad.clone() for n, p in task.named_parameters() if p.grad is not None}
    return {"": loss.detach(), **gradients}


def assert_equal(ours: dict[str, Tensor], theirs: dict[str, Tensor], **tolerance: float) -> None:
    """The same tensors by name, within tolerance."""
    assert ours.keys() == theirs.keys()
    assert len(ours) > 40
    for name, value in ours.items():
        torch.testing.assert_close(
            value, theirs[name], msg=lambda message, name=name: f"{name}: {message}", **tolerance
        )
