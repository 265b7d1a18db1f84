"""Calibration fitted to held-out recordings: the pairs, and the choice of a curve.

Where recordings carry the sounds they hold, as those of the simulated Earth do, every recording is
paired with the canonical phrase of every sound, and the share of positives is what it is: how many
of the sounds a recording holds. Elsewhere a place is paired with its own caption and with captions
of other places. Their share depends on how many are drawn, and says nothing about the world: the
prior is a choice, by default :data:`PRIOR`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from psm import checkpoints
from psm.calibration import Calibration, Method, Task
from psm.data.recording import Recording
from psm.earth.phrases import QUERY_PHRASES
from psm.errors import ConfigError
from psm.evaluation.fitting import FITS, Pairs, held_out, log_loss, reliability_of
from psm.evaluation.reliability import Reliability
from psm.gaussian import Gaussian, csd
from psm.inference.batches import text_gaussians
from psm.inference.heldout import without_held_out
from psm.inference.split import SplitFeatures, encode_split, raw_locations, raw_text
from psm.model import PSM
from psm.seeding import generator

FIELDS = ("latlon", "month", "hour")
"""What is told of a place, as on a map: the sources stay unknown."""

PRIOR = 0.5
"""Of captions: as likely from the place as from anywhere, so that p > 0.5 speaks for the place."""

_OTHERS = 50  # captions of other places that a place is paired with


@dataclass(frozen=True)
class CalibrationFit:
    """A calibration, and the curves that it was chosen from.

    Attributes:
        calibration: the chosen one.
        curves: reliability on pairs of cells not fitted to, by ``raw``, ``platt``, ``isotonic``.
    """

    calibration: Calibration
    curves: Mapping[str, Reliability]


def calibrate(
    model: PSM,
    data: Path,
    *,
    split: str = "val",
    method: Method | Literal["auto"] = "auto",
    prior: float | None = None,
    keep: Path | None = None,
) -> CalibrationFit:
    """Fit a calibration to the recordings of a split that the model was not trained on.

    Args:
        model: in evaluation mode.
        data: folder of shards.
        split: which of them.
        method: ``auto`` takes the one with the lower log-loss on cells left out.
        prior: share of positives that probabilities are to have; see above for the default.
        keep: folder for the features of finished shards, which are not encoded again.

    Returns:
        The calibration, to be saved with :meth:`psm.calibration.Calibration.save`, and the curves
        that it was chosen from.

    Raises:
        MissingData, CorruptShard, CorruptRecording: the shards are absent or broken.
        ConfigError: the prior is no share, or there are too few recordings or cells.
    """
    zoom = model.config.imagery.zooms[0]
    features = without_held_out(model, encode_split(model, data, split, zooms=(zoom,), keep=keep))
    task, kept, pairs = known_pairs(model, features, zoom)
    return fit(model, kept, pairs, task=task, split=split, method=method, prior=prior)


def known_pairs(
    model: PSM, features: SplitFeatures, zoom: int
) -> tuple[Task, Sequence[Recording], Pairs]:
    """Pairs of places and queries whose answer is known, what they say, and of which recordings.

    Raises:
        ConfigError: fewer than two recordings.
    """
    recordings = features.recordings
    locations = raw_locations(model, features, zoom, FIELDS).unit()
    cells = np.unique([r.cell for r in recordings], return_inverse=True)[1]
    labelled = np.array([bool(r.sounds) for r in recordings])
    if labelled.any():
        queries = text_gaussians(model, list(QUERY_PHRASES.values()))
        rows = torch.from_numpy(np.flatnonzero(labelled))
        distance = _floats(csd(locations.rows(rows), _on_cpu(queries)))
        kept = [r for r in recordings if r.sounds]
        positive = np.array([[sound in r.sounds for sound in QUERY_PHRASES] for r in kept])
        cell = np.repeat(cells[labelled], len(QUERY_PHRASES))
        return "sounds", kept, _pairs(distance.ravel(), positive.ravel(), cell)
    if len(recordings) < 2:
        raise ConfigError(f"calibration needs two recordings at least, got {len(recordings)}")
    captions = np.unique([r.caption for r in recordings], return_inverse=True)[1]
    texts = raw_text(model, features).unit()
    own, other = _drawn(captions)
    distance = np.concatenate(
        [
            _floats(csd(locations.rows(slice(i, i + 1)), texts.rows(others)))[0]
            for i in range(len(recordings))
            for others in [torch.from_numpy(other[own == i])]
        ]
    )
    return "pairs", recordings, _pairs(distance, own == other, cells[own])


def fit(
    model: PSM,
    recordings: Sequence[Recording],
    pairs: Pairs,
    *,
    task: Task,
    split: str,
    method: Method | Literal["auto"] = "auto",
    prior: float | None = None,
) -> CalibrationFit:
    """Choose and fit a curve to ``pairs`` of ``recordings``; see :func:`calibrate`."""
    share = pairs.prior if task == "sounds" else PRIOR
    pairs = pairs.with_prior(share if prior is None else prior)
    scale, shift = model.negative_scale.double(), model.shift.double()
    raw = torch.sigmoid(shift.cpu() - scale.cpu() * torch.from_numpy(pairs.distance)).numpy()
    predicted = {"raw": raw, **{name: held_out(pairs, name) for name in FITS}}
    curves = {name: reliability_of(p, pairs) for name, p in predicted.items()}
    loss = {name: log_loss(p, pairs) for name, p in predicted.items()}
    chosen: Method = (
        ("isotonic" if loss["isotonic"] < loss["platt"] else "platt")
        if method == "auto"
        else method
    )
    return CalibrationFit(
        Calibration(
            method=chosen,
            **FITS[chosen](pairs).parameters(),
            task=task,
            prior=pairs.prior,
            data=data_fingerprint(recordings),
            split=split,
            recordings=len(recordings),
            pairs=len(pairs),
            cells=len(np.unique(pairs.cell)),
            ece={name: curve.ece for name, curve in curves.items()},
            log_loss=loss,
            weights=checkpoints.weights_fingerprint(model),
        ),
        curves,
    )


def data_fingerprint(recordings: Sequence[Recording]) -> str:
    """A hash of the metadata of recordings, in whatever order they come."""
    digest = hashlib.sha256()
    for recording in sorted(recordings, key=lambda r: r.key):
        digest.update(json.dumps(recording.to_json(), sort_keys=True).encode())
    return digest.hexdigest()


def _pairs(distance: np.ndarray, positive: np.ndarray, cell: np.ndarray) -> Pairs:
    return Pairs(distance, positive, np.ones(len(distance)), cell)


def _drawn(captions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place and caption of each pair: its own, and up to ``_OTHERS`` that are worded otherwise."""
    rng = generator(0, "calibration pairs")
    own, other = [], []
    everything = np.arange(len(captions))
    for number, caption in enumerate(captions):
        foreign = everything[captions != caption]
        drawn = rng.choice(foreign, min(_OTHERS, len(foreign)), replace=False)
        own.append(np.full(1 + len(drawn), number))
        other.append(np.concatenate([[number], drawn]))
    return np.concatenate(own), np.concatenate(other)


def _on_cpu(gaussians: Gaussian) -> Gaussian:
    return Gaussian(gaussians.mean.cpu(), gaussians.log_var.cpu())


def _floats(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
