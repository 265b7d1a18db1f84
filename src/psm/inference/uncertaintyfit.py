"""Second opinions fitted: linear probes of location means on the labels of recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from scipy.special import expit, logit

from psm.checkpoints import weights_fingerprint
from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.data.recording import Recording
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import Sound
from psm.earth.worlds import world_of
from psm.gaussian import Gaussian, csd
from psm.inference.batches import image_features, location_gaussians, text_gaussians
from psm.inference.heldout import find_learnt
from psm.inference.placefeatures import corpus_features
from psm.model import PSM
from psm.uncertainty import ModelUncertainty

MOST_RECORDINGS = 12_000
"""More are not looked at: a probe of some hundred dimensions learns little from them."""

_PRIOR = 300.0  # precision of a probe's weights, whose inputs have unit variance
_STEPS = 60
_LEAST_POSITIVES = 5
_AT_ONCE = 256
_FIELDS = ("latlon", "month", "hour")

Features = Float[torch.Tensor, "n dim"]
Floats = Float[np.ndarray, "..."]


def fit_uncertainty(
    model: PSM,
    train: tuple[Features, Sequence[Recording]],
    held_out: tuple[Features, Sequence[Recording]],
    queries: Mapping[Sound, str] | Mapping[str, str] = QUERY_PHRASES,
) -> ModelUncertainty | None:
    """Second opinions from labelled recordings.

    Args:
        model: in evaluation mode.
        train: image features before fusion, and the recordings that the model was trained on.
        held_out: of recordings that it was not trained on: how sure a probe may be is found there.
        queries: phrase of each sound that labels name.

    Returns:
        What belongs beside the model's weights, or ``None`` where recordings carry no labels or too
        few of them.
    """
    own, positive = _labelled(model, *train, list(queries))
    other, expected = _labelled(model, *held_out, list(queries))
    known = np.flatnonzero(positive.sum(0) >= _LEAST_POSITIVES)
    if not len(known) or not expected[:, known].any():
        return None
    phrases = [list(queries.values())[sound] for sound in known]
    asked = text_gaussians(model, phrases)
    asked = Gaussian(asked.mean.cpu(), asked.log_var.cpu()).unit()
    positive, expected = positive[:, known], expected[:, known]
    scale = float(model.negative_scale)
    near = -scale * _numbers(csd(own, asked))
    centre, unit = own.mean.mean(0), own.mean.std(0).clamp_min(1e-6)
    inputs = _numbers((own.mean - centre) / unit)
    found = np.stack(
        [_probe(inputs, near[:, sound], positive[:, sound]) for sound in range(len(known))]
    )
    # logit = bias - scale csd(location, phrase) + weights (mean - centre) / unit
    weights, bias = torch.from_numpy(found[:, :-1]).float() / unit, found[:, -1]
    probes = asked.mean + weights / (2.0 * scale)
    phrase = _numbers(asked.mean.square().sum(-1) + asked.var.sum(-1))
    offsets = torch.from_numpy(bias - _numbers(weights @ centre) - scale * phrase).float()
    size = other.mean.square().sum(-1) + other.var.sum(-1)
    guess = _numbers(offsets - scale * (size[:, None] - 2.0 * other.mean @ probes.T))
    lapse, shift, slope = _lapse(guess.ravel(), expected.ravel())
    return ModelUncertainty(
        known=asked.mean,
        probes=probes,
        offsets=offsets,
        scale=scale,
        lapse=lapse,
        shift=shift,
        slope=slope,
        recordings=len(positive),
        weights=weights_fingerprint(model),
    )


def some_rows(recordings: Sequence[Recording], count: int = MOST_RECORDINGS) -> np.ndarray:
    """Numbers of recordings with labels, ascending: every one, or as many spread over all."""
    rows = np.flatnonzero([bool(recording.sounds) for recording in recordings])
    if len(rows) <= count:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, count).round().astype(int)])


def fit_from_shards(model: PSM, data: Path) -> ModelUncertainty | None:
    """Second opinions from the train and val splits of a folder of shards; ``None`` without labels.

    Args:
        model: as loaded from its folder; what it held out in training is left out here too.
        data: folder of the shards that it was trained on.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    imagery = model.config.imagery
    parts = []
    for split in ("train", "val"):
        found = find_learnt(model, data, split)
        corpus = Corpus.load(
            data, split, zooms=imagery.zooms[:1], view_px=imagery.view_px, memory_gb=0, found=found
        )
        parts.append(seen(model, corpus))
    return fit_uncertainty(model, parts[0], parts[1], world_of(data).queries)


def seen(model: PSM, corpus: Corpus) -> tuple[Features, Sequence[Recording]]:
    """Image features at the lowest zoom, and the recordings, of those of a split with labels."""
    rows = some_rows(corpus.recordings)
    zoom = min(corpus.views_by_zoom)
    kept = [corpus.recordings[row] for row in rows]
    views, gsd_m = corpus.views(zoom), corpus.gsd_m * zoom
    features = corpus_features(model.config, corpus)
    parts = [
        image_features(
            model, views[some], gsd_m[some], features=None if features is None else features[some]
        )
        for some in np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE))
    ]
    return torch.cat(parts), kept


def _labelled(
    model: PSM, features: Features, recordings: Sequence[Recording], sounds: Sequence[str]
) -> tuple[Gaussian, Bool[np.ndarray, "n sounds"]]:
    """Locations of the recordings with labels, and which sounds each holds."""
    rows = some_rows(recordings)
    kept = [recordings[row] for row in rows]
    held = np.array([[sound in recording.sounds for sound in sounds] for recording in kept], bool)
    held = held.reshape(len(kept), len(sounds))
    if not kept:
        nothing = torch.empty(0, model.config.dim)
        return Gaussian(nothing, nothing), held
    context = Context.of_recordings(kept).only(*_FIELDS)
    places = location_gaussians(model, features[torch.from_numpy(rows)], context)
    return Gaussian(places.mean.cpu(), places.log_var.cpu()), held


def _probe(inputs: Floats, near: Floats, positive: Bool[np.ndarray, " n"]) -> Floats:
    """Weights and bias of a logistic regression whose logit starts from ``near``."""
    answer = positive.astype(float)
    rate = answer.mean()

    def loss(parameters: Floats) -> tuple[float, Floats]:
        weights, bias = parameters[:-1], parameters[-1]
        values = near + inputs @ weights + bias
        error = expit(values) - answer
        cost = float(np.logaddexp(0.0, values).sum() - answer @ values)
        gradient = np.append(inputs.T @ error + _PRIOR * weights, error.sum())
        return cost + 0.5 * _PRIOR * float(weights @ weights), gradient

    start = np.zeros(inputs.shape[1] + 1)
    start[-1] = logit(rate) - near.mean()
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return np.asarray(found.x)


def _lapse(guess: Floats, positive: Bool[np.ndarray, " n"]) -> tuple[float, float, float]:
    """Lapse, shift and slope under which held-out labels are most likely (Wichmann & Hill 2001)."""
    answer = positive.astype(float)

    def loss(parameters: Floats) -> float:
        lapse = expit(parameters[0])
        chance = lapse + (1.0 - lapse) * expit(parameters[1] + np.exp(parameters[2]) * guess)
        chance = np.clip(chance, 1e-9, 1.0 - 1e-9)
        return float(-np.where(positive, np.log(chance), np.log1p(-chance)).mean())

    rare = logit(np.clip(answer.mean() / 5.0, 1e-4, 0.1))
    start = np.array([rare, 0.0, 0.0])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 500})
    return float(expit(found.x[0])), float(found.x[1]), float(np.exp(found.x[2]))


def _numbers(values: torch.Tensor) -> Floats:
    return values.detach().double().cpu().numpy()
