"""Pairs of places and queries whose answer is known, for calibration to be fitted to.

Where recordings carry the sounds they hold, as those of the simulated Earth do, every recording is
paired with the canonical phrase of every sound. Elsewhere a place is paired with its own caption
and with captions of other places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from psm.calibration import Task
from psm.data.recording import Recording
from psm.earth.worlds import OUR_EARTH, World
from psm.errors import ConfigError
from psm.evaluation.fitting import Pairs
from psm.gaussian import Gaussian, csd
from psm.inference.batches import text_gaussians
from psm.inference.split import SplitFeatures, raw_locations, raw_text
from psm.model import PSM
from psm.seeding import generator

FIELDS = ("latlon", "month", "hour")
"""What is told of a place, as on a map: the sources stay unknown."""

_OTHERS = 50  # captions of other places that a place is paired with


def phrase_gaussians(model: PSM, silent: Sequence[str] = (), world: World = OUR_EARTH) -> Gaussian:
    """The phrase of every sound of a world that labels are not ``silent`` about."""
    asked = [phrase for sound, phrase in world.queries.items() if sound not in silent]
    return text_gaussians(model, asked)


def known_pairs(
    model: PSM,
    features: SplitFeatures,
    zoom: int,
    silent: Sequence[str] = (),
    world: World = OUR_EARTH,
) -> tuple[Task, Sequence[Recording], Pairs]:
    """Pairs of places and queries whose answer is known, what they say, and of which recordings.

    Labels say nothing of sounds that they are ``silent`` about, neither yes nor no.

    Raises:
        ConfigError: fewer than two recordings.
    """
    recordings = features.recordings
    locations = raw_locations(model, features, zoom, FIELDS).unit()
    cells = np.unique([r.cell for r in recordings], return_inverse=True)[1]
    labelled = np.array([bool(r.sounds) for r in recordings])
    if labelled.any():
        asked = [sound for sound in world.sounds if sound not in silent]
        queries = phrase_gaussians(model, silent, world)
        rows = torch.from_numpy(np.flatnonzero(labelled))
        distance = _floats(csd(locations.rows(rows), _on_cpu(queries)))
        kept = [r for r in recordings if r.sounds]
        positive = np.array([[sound in r.sounds for sound in asked] for r in kept])
        cell = np.repeat(cells[labelled], len(asked))
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
