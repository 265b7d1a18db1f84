"""Linear probes: what frozen embeddings hold, read out by regularised regression.

A probe is trained on some places and read on others (cross-fitted), so that it shows what carries
over (Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes").
Folds are whole boxes of ten degrees, wider than any view: neighbours never stand on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.optimize import minimize

from psm.data.recording import Recording
from psm.earth.soundscape import normaliser, probability
from psm.errors import ConfigError
from psm.seeding import generator

Floats = NDArray[np.float64]

FOLDS = 5
BOX_DEG = 10.0
STRENGTHS = (0.01, 0.03, 0.1, 0.3)
"""Ridge penalties that a probe of sounds chooses from, in units of a recording's likelihood."""

_RIDGES = 10.0 ** np.arange(-1.0, 6.0, 0.5)
_MAX_LOG_ODDS = 30.0
_STEPS = 60
_CURVATURE = 0.05  # of the likelihood in a log-odds: p (1 - p) of a sound, about


@dataclass(frozen=True)
class Folds:
    """Which fold each recording is read in: ``(n,)`` numbers from 0."""

    number: NDArray[np.int64]

    @classmethod
    def of(cls, recordings: Sequence[Recording], *, count: int = FOLDS, seed: int = 0) -> Folds:
        """Whole boxes of ten degrees, dealt out so that the folds are of like size.

        Raises:
            ConfigError: the recordings lie in fewer boxes than there are to be folds.
        """
        lat = np.array([recording.lat for recording in recordings])
        lon = np.array([recording.lon for recording in recordings])
        boxes = np.floor((lat + 90.0) / BOX_DEG) * 1000.0 + np.floor((lon + 180.0) / BOX_DEG)
        _, box, size = np.unique(boxes, return_inverse=True, return_counts=True)
        if len(size) < count:
            raise ConfigError(
                f"probes: recordings in {len(size)} boxes of {BOX_DEG:g} degrees cannot make "
                f"{count} folds"
            )
        order = generator(seed, "probe folds").permutation(len(size))
        order = order[np.argsort(-size[order], kind="stable")]
        fold_of, load = np.zeros(len(size), np.int64), np.zeros(count)
        for one in order:  # the largest box first, each to the fold that has least
            fold_of[one] = int(load.argmin())
            load[fold_of[one]] += size[one]
        return cls(fold_of[box])

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rows to train on and rows to read, fold by fold."""
        for fold in np.unique(self.number):
            yield np.flatnonzero(self.number != fold), np.flatnonzero(self.number == fold)


def probe_odds(
    features: Float[np.ndarray, "n dim"],
    sets: Bool[np.ndarray, "n sounds"],
    folds: Folds,
    strengths: Sequence[float] = STRENGTHS,
) -> Float[np.ndarray, "n sounds"]:
    """Odds of every sound as a linear probe reads them from features.

    The probe is the simulated Earth's own distribution of sets (:mod:`psm.earth.soundscape`) with
    log-odds that are linear in the features: logistic regression of all sounds at once, knowing
    that a recording holds one to three. Its ridge penalty is the one of ``strengths`` under which
    the first fold is likeliest.

    Args:
        features: of the recordings.
        sets: the sounds of each recording.
        folds: of the recordings.
        strengths: penalties to choose from.

    Returns:
        Odds, every row read by a probe that was trained on other folds.
    """
    odds = np.empty(sets.shape)
    tried = sorted(strengths, reverse=True)
    for train, read in folds:
        seen, asked = _standardised(features, train, read)
        share = sets[train].mean(axis=0).clip(1e-4, 0.5)
        weights = np.concatenate([np.zeros((seen.shape[1] - 1, sets.shape[1])), [np.log(share)]])
        best = -np.inf
        for strength in tried:  # from the strongest: each starts where the last one ended
            weights = _fit_sets(seen, sets[train], strength, weights)
            found = _odds(asked, weights)
            likelihood = float(_log_likelihood(found, sets[read]).mean())
            if likelihood > best or len(tried) == 1:
                best, chosen, odds[read] = likelihood, strength, found
        tried = [chosen]
    return odds


def probe_values(
    features: Float[np.ndarray, "n dim"], targets: Float[np.ndarray, "n k"], folds: Folds
) -> Float[np.ndarray, "n k"]:
    """Targets as ridge regression reads them from features, each row trained on other folds.

    The penalty is chosen for each target among the training rows by generalised cross-validation
    (Golub, Heath & Wahba 1979).
    """
    found = np.empty(targets.shape)
    for train, read in folds:
        seen, asked = (part[:, :-1] for part in _standardised(features, train, read))
        mean = targets[train].mean(axis=0)
        left, size, right = np.linalg.svd(seen, full_matrices=False)
        inside = left.T @ (targets[train] - mean)
        outside = ((targets[train] - mean) ** 2).sum(axis=0) - (inside**2).sum(axis=0)
        shrink = size[:, None] ** 2 / (size[:, None] ** 2 + _RIDGES)  # (rank, ridges)
        error = ((1.0 - shrink).T ** 2) @ inside**2 + outside  # (ridges, k)
        freedom = len(train) - 1.0 - shrink.sum(axis=0)
        best = (error / freedom[:, None] ** 2).argmin(axis=0)
        scale = size[:, None] / (size[:, None] ** 2 + _RIDGES[best])
        found[read] = asked @ right.T @ (scale * inside) + mean
    return found


def _standardised(
    features: Floats, train: NDArray[np.int64], read: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Features to train on and to read, by the scale of the former, with a column of ones."""
    centre, unit = features[train].mean(axis=0), features[train].std(axis=0)
    scale = np.where(unit > 1e-12, unit, np.inf)
    parts = ((features[rows] - centre) / scale for rows in (train, read))
    seen, asked = (np.concatenate([part, np.ones((len(part), 1))], axis=1) for part in parts)
    return seen, asked


def _fit_sets(features: Floats, sets: NDArray[np.bool_], strength: float, start: Floats) -> Floats:
    """Maximum of the penalised likelihood; it is concave, as of any exponential family.

    The search runs along the principal axes of the features, each in units of about its curvature:
    so it takes a third of the steps.
    """
    held, size = sets.astype(float), len(features)
    spread, axes = np.linalg.eigh(features[:, :-1].T @ features[:, :-1] / size)
    curvature = _CURVATURE * spread.clip(0.0) + strength
    # The last column, of ones, is an axis of its own, and is not penalised.
    basis = np.zeros((len(start), len(start)))
    basis[:-1, :-1] = axes / np.sqrt(curvature)
    basis[-1, -1] = 1.0 / np.sqrt(_CURVATURE)
    penalty = np.append(strength / curvature, 0.0)[:, None]
    turned = features @ basis

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(start.shape)
        odds = _odds(turned, weights)
        value = -_log_likelihood(odds, sets).mean() + 0.5 * float((penalty * weights**2).sum())
        slope = turned.T @ (probability(odds) - held) / size + penalty * weights
        return float(value), slope.ravel()

    begin = np.linalg.solve(basis, start)
    found = minimize(
        loss, begin.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "ftol": 1e-7}
    )
    return np.asarray(basis @ found.x.reshape(start.shape))


def _odds(features: Floats, weights: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(features @ weights, -_MAX_LOG_ODDS, _MAX_LOG_ODDS)))


def _log_likelihood(odds: Floats, sets: NDArray[np.bool_]) -> Floats:
    """log P(set of a row) under the odds of that row."""
    return np.asarray((np.log(odds) * sets).sum(axis=1) - np.log(normaliser(odds)))
