"""Fitting of adaptation: a copy of a trained model learns from some recordings, step by step.

Batches, views and draws of the context follow from the seed and the number of the step alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from psm.adaptation.inputs import Inputs, Rows
from psm.adaptation.recipe import Recipe
from psm.config import Experiment, LossConfig
from psm.gaussian import Gaussian
from psm.inference.batches import audio_features, image_features
from psm.inference.placefeatures import part_features
from psm.model import PSM
from psm.seeding import generator, torch_seed
from psm.training.objective import Objective, draw_contexts
from psm.training.optimisation import parameter_groups
from psm.training.task import batch_norms

_BETAS, _CLIP = (0.9, 0.98), 1.0
_LOSS_RATE = 1e-3  # of scale and shift of the match probability
_WARM_STEPS = 5


def adapt_to(
    start: PSM, experiment: Experiment, inputs: Inputs, rows: Rows, recipe: Recipe, *, seed: int
) -> Iterator[tuple[int, PSM]]:
    """A model that learns from some recordings, at each of its checkpoints.

    Args:
        start: what it begins with; stays as it is.
        experiment: whose loss is taken.
        inputs: encoded by ``start``.
        rows: of the recordings that are learnt from.
        recipe: what learns, and how.
        seed: of every random choice.

    Yields:
        Number of the step, and the model in evaluation mode with the mean of its weights; valid
        until the next one is asked for.
    """
    model = copy.deepcopy(start).requires_grad_(False)
    rates: dict[int, float] = {}
    for module, rate in recipe.learning(model):
        module.requires_grad_(True)
        rates |= {id(parameter): rate for parameter in module.parameters()}
    objective = Objective(_loss_of(experiment, start), inputs.labels)
    optimizer = _optimizer(model, objective, rates)
    learning: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    mean = [p.detach().clone() for p in learning]
    for step in range(max(recipe.checkpoints)):
        torch.manual_seed(torch_seed(seed, "adapt", step))  # of dropout
        _set_training(model)
        loss = _loss(model, objective, experiment, inputs, rows, recipe, seed, step)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(learning, _CLIP)
        for group in optimizer.param_groups:
            group["lr"] = group["full"] * min(1.0, (step + 1) / _WARM_STEPS)
        optimizer.step()
        # The mean forgets its beginning as fast as there are steps to remember.
        share = max(recipe.averaged, 1.0 / (step + 1))
        torch._foreach_lerp_(mean, [p.detach() for p in learning], share)
        if step + 1 in recipe.checkpoints:
            with _weights(learning, mean):
                known = objective.pair_loss.match_probability()
                if known is not None:
                    model.negative_scale.fill_(known[0])
                    model.shift.fill_(known[1])
                yield step + 1, model.eval()


def _loss_of(experiment: Experiment, start: PSM) -> LossConfig:
    """The loss that the model was trained by, as far as that had come."""
    known = {"shift": float(start.shift), "negative_scale": float(start.negative_scale)}
    return experiment.loss.model_copy(update={**known, "pseudo_positive_warmup": 0.0})


def _optimizer(model: PSM, objective: Objective, rates: dict[int, float]) -> torch.optim.Optimizer:
    """AdamW, each parameter at the rate of its module."""
    groups = [
        {"params": [p for p in group["params"] if rates[id(p)] == rate],
         "weight_decay": group["weight_decay"], "lr": rate, "full": rate}
        for group in parameter_groups(model, weight_decay=0.01)
        for rate in sorted(set(rates.values()))
    ]  # fmt: skip
    others = {"params": list(objective.parameters()), "weight_decay": 0.0}
    groups.append({**others, "lr": _LOSS_RATE, "full": _LOSS_RATE})
    return torch.optim.AdamW([g for g in groups if g["params"]], betas=_BETAS)


def _set_training(model: PSM) -> None:
    """Training mode, with batch norms as they came: a few recordings are no population."""
    model.train()
    for norm in batch_norms(model):
        norm.eval()


@contextmanager
def _weights(learning: list[Tensor], other: list[Tensor]) -> Iterator[None]:
    """Other weights in their place, for a while."""
    own = [p.detach().clone() for p in learning]
    with torch.no_grad():
        torch._foreach_copy_(learning, other)
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(learning, own)


def _loss(
    model: PSM,
    objective: Objective,
    experiment: Experiment,
    inputs: Inputs,
    rows: Rows,
    recipe: Recipe,
    seed: int,
    step: int,
) -> Tensor:
    """The loss of one batch."""
    rng = generator(seed, "adapt", step)
    drawn = rng.choice(rows, min(recipe.batch_size, len(rows)), replace=False)
    at = torch.from_numpy(drawn)
    zooms = rng.choice(inputs.zooms, len(drawn))
    sets = rng.integers(inputs.sounds.shape[1], size=len(drawn))
    if recipe.uses_features:
        image = torch.stack([inputs.images[z][row] for z, row in zip(zooms, drawn, strict=True)])
        sound = inputs.sounds[at, torch.from_numpy(sets)]
    else:
        image, sound = _through_towers(model, inputs, drawn, zooms, sets, rng)
    context = inputs.context.rows(at)
    random = torch.Generator().manual_seed(torch_seed(seed, "context", step))
    draws = draw_contexts(context, experiment.model.context, random)
    locations = [model.fuse(image, known) for known in draws]
    labels = None if inputs.labels is None else model.text_head(inputs.label_texts)
    loss, _ = objective(
        locations,
        model.audio_head(sound),
        model.text_head(inputs.texts[at]),
        labels=labels,
        given=None if inputs.labels is None else inputs.labels.of_recordings[at],
    )
    return torch.as_tensor(loss)


def _through_towers(
    model: PSM, inputs: Inputs, rows: Rows, zooms: np.ndarray, sets: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Features of views, turned at random, and of sound, by towers that learn."""
    corpus = inputs.corpus
    views = np.stack(
        [corpus.views(zoom)[row] for zoom, row in zip(zooms.tolist(), rows, strict=True)]
    )
    views = np.rot90(views, int(rng.integers(4)), axes=(1, 2))
    pixels = torch.from_numpy(np.ascontiguousarray(views)).permute(0, 3, 1, 2)
    gsd_m = torch.from_numpy(corpus.gsd_m[rows] * zooms).float()
    together = corpus.mels.shape[1] // inputs.sounds.shape[1]
    mels = np.stack([
        corpus.mels[row, first * together : (first + 1) * together]
        for row, first in zip(rows.tolist(), sets.tolist(), strict=True)
    ]).astype(np.float32)  # fmt: skip
    known = part_features(model.config, corpus, rows)
    features = None if known is None else torch.from_numpy(known)
    image = model.image_features(pixels, gsd_m, features)
    return image, model.audio_features(torch.from_numpy(mels))


@torch.inference_mode()
def heard_and_seen(model: PSM, inputs: Inputs, rows: Rows, recipe: Recipe) -> dict[str, Gaussian]:
    """Gaussians of some recordings as a model that learnt knows them: place, month and hour told.

    Returns:
        ``location``, ``image`` (the view alone), ``audio``, ``text`` of the rows; and ``label`` of
        every label, where there are any.
    """
    at, zoom = torch.from_numpy(rows), inputs.zooms[0]
    if recipe.uses_features:
        image, sound = inputs.images[zoom][at], inputs.sounds[at].mean(1)
    else:
        corpus = inputs.corpus
        image = image_features(
            model, corpus.views(zoom)[rows], corpus.gsd_m[rows] * zoom,
            features=part_features(model.config, corpus, rows),
        )  # fmt: skip
        sound = audio_features(model, corpus.mels[rows])
    told = inputs.context.rows(at).only("latlon", "month", "hour")
    found = {
        "location": model.fuse(image, told),
        "image": model.fuse(image, None),
        "audio": model.audio_head(sound),
        "text": model.text_head(inputs.texts[at]),
    }
    if inputs.labels is not None:
        found["label"] = model.text_head(inputs.label_texts)
    return found
