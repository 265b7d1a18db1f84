"""Fitting of measures: a column and what a model sees of its places, judged on places left out.

Spatial blocks are dealt to folds. Each fold is predicted by a process that learnt from the others,
hyperparameters and all; that judges it beside the baselines. It gives how much of what is
predicted is borne out, and the factor by which predicted deviations have to be stretched so that
intervals hold as many numbers as they promise
(normalised conformal residuals, Lei et al. 2018, section 5.2; cross-conformal, Vovk 2015).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psm.errors import ConfigError
from psm.evaluation.against import (
    BASELINES,
    Estimate,
    Scores,
    gain,
    out_of_fold,
    score,
    spatial_blocks,
    spatial_folds,
)
from psm.evaluation.against.blocks import SpatialFolds
from psm.measures.kernel import inputs_of
from psm.measures.links import Link
from psm.measures.predictor import DEVIATIONS, LEVEL, Predictor
from psm.measures.regression import Targets, condition, learn
from psm.measures.tables import Column
from psm.progress import track

_log = logging.getLogger(__name__)

COMPONENTS = 32
"""Principal components of the embedding that are seen, at most."""

FOLDS, BLOCKS = 5, 20
"""Of places: enough blocks that a fold is near to what it learns from, as places of a map are."""

_LEAST_ENERGY = 1e-4  # share of the variance of the embeddings that a component has to have


class Axes(NamedTuple):
    """Principal components of embeddings, in units in which they have a mean square of 1.

    Attributes:
        centre: ``(dim,)``.
        axes: ``(dim, components)``.
    """

    centre: Float[Tensor, " dim"]
    axes: Float[Tensor, "dim components"]

    @classmethod
    def of(cls, means: Float[Tensor, "n dim"]) -> Axes:
        """Those of some embeddings."""
        centre = means.mean(0)
        _, size, directions = torch.linalg.svd(means - centre, full_matrices=False)
        energy = size.square() / size.square().sum()
        kept = (energy > _LEAST_ENERGY) & (torch.arange(len(energy)) < COMPONENTS)
        rms = (means - centre).square().sum(-1).mean().sqrt()
        return cls(centre, directions[kept].T / rms)


@dataclass(frozen=True, eq=False)
class FittedColumn:
    """A column, its process, and how good it is at places left out.

    Attributes:
        column: what was fitted.
        floor: of the recorder; ``None`` where it has none.
        censored: ``(n,)`` rows at the floor or below.
        predictor: of all rows.
        predicted, lower, upper: ``(n,)`` of each row by the others' folds.
        folds: spatial ones.
        block: ``(n,)`` spatial block of each row, for intervals.
        scores: by name: ours is ``measure``, then the baselines.
        gain: of R² over the best baseline.
        best: that baseline.
    """

    column: Column
    floor: float | None
    censored: Bool[np.ndarray, " n"]
    predictor: Predictor
    predicted: Float[np.ndarray, " n"]
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    folds: SpatialFolds
    block: np.ndarray
    scores: Mapping[str, Scores]
    gain: Estimate
    best: str

    def to_json(self) -> dict[str, Any]:
        """Scores of all, ready for JSON."""
        return {
            "folds": len(self.folds),
            "apart_km": round(self.folds.apart_km, 2),
            "scores": {name: found.to_json() for name, found in self.scores.items()},
            "best_baseline": self.best,
            "r2_gain_over_it": self.gain.to_json(),
        }


def fit_column(
    column: Column,
    means: Float[Tensor, "n dim"],
    *,
    link: str | None = None,
    floor: float | None = None,
    seed: int = 0,
    baselines: bool = True,
) -> FittedColumn:
    """Fit a column, and judge it.

    Args:
        column: n numbers.
        means: of the location Gaussians of its rows, ``(n, dim)`` float64.
        link: a :class:`psm.measures.links.LinkKind`; by default as the numbers suggest.
        floor: numbers at or below it say only that; the recorder heard nothing less.
        seed: of the folds, and of the choice of rows where there are many.
        baselines: whether they are fitted too.

    Returns:
        The fitted column.

    Raises:
        ConfigError: the link does not suit the numbers, or all lie at the floor.
        MissingExtra: scikit-learn, of the baselines, is not installed.
    """
    values, points = column.values, column.points
    censored = np.zeros(len(values), bool) if floor is None else values <= floor
    if (~censored).sum() < 2 or np.ptp(values[~censored]) == 0.0:
        raise ConfigError(
            f"column {column.name!r}: {censored.sum()} of {len(values)} numbers lie at the floor "
            f"{floor:g} or below; there is nothing left to map"
        )
    known = np.where(censored, floor or 0.0, values)
    found = Link.of(known, link, low=column.ends[0], high=column.ends[1])
    latent = found.forward(known)
    mean, deviation = float(latent[~censored].mean()), float(latent[~censored].std())
    targets = Targets(torch.from_numpy((latent - mean) / deviation), torch.from_numpy(censored))
    axes = Axes.of(means)
    seen = (means - axes.centre) @ axes.axes
    inputs = inputs_of(seen, lat=points.lat, lon=points.lon, month=points.month, hour=points.hour)

    def fitted(rows: Tensor) -> Predictor:
        own, said = inputs.rows(rows), targets.rows(rows)
        posterior = condition(own, said, learn(own, said, seed=seed), seed=seed)
        return Predictor(posterior, *axes, found, mean, deviation)

    folds = spatial_folds(lat=points.lat, lon=points.lon, folds=FOLDS, blocks=BLOCKS, seed=seed)
    predictors = [
        fitted(torch.from_numpy(np.flatnonzero(learnt)))
        for learnt in track(folds.learnt, f"fit {column.name} by folds")
    ]
    middle, spread = np.empty(len(values)), np.empty(len(values))
    for number, one in enumerate(predictors):
        rows = folds.judged(number)
        middle[rows], spread[rows] = one.latent(inputs.rows(torch.from_numpy(rows)))
    own = ~censored
    shrink = _shrink(latent[own] - mean, middle[own] - mean)
    middle = mean + shrink * (middle - mean)
    stretch = _stretch(np.abs(latent - middle)[own] / spread[own])
    predictor = fitted(torch.arange(len(values))).calibrated(shrink=shrink, stretch=stretch)
    said = predictor.prediction(middle, spread)
    predicted, lower, upper = said.value, said.lower, said.upper
    block = spatial_blocks(lat=points.lat, lon=points.lon)
    scores = {"measure": _score(values, predicted, censored, block, (lower, upper))}
    others = {}
    for name in track(BASELINES if baselines else (), f"baselines of {column.name}"):
        others[name] = out_of_fold(BASELINES[name], points, values, folds)
        scores[name] = _score(values, others[name], censored, block)
    best = max(others, key=lambda name: _r2(scores[name]), default="measure")
    rows = ~censored
    more = gain(values[rows], predicted[rows], others.get(best, predicted)[rows], block=block[rows])
    _log.info("%s fitted: R² %.3f", column.name, _r2(scores["measure"]))
    return FittedColumn(
        column, floor, censored, predictor, predicted, lower, upper, folds, block, scores, more,
        best,
    )  # fmt: skip


def _shrink(measured: Float[np.ndarray, " n"], predicted: Float[np.ndarray, " n"]) -> float:
    """How much of the predicted deviations from the mean the measured ones bear out.

    The weight of a least squares stack of the prediction and the mean (Breiman 1996, "Stacked
    regressions"): a column that follows nothing is mapped as its mean, not as noise.
    """
    size = float(predicted @ predicted)
    return float(np.clip(measured @ predicted / size, 0.0, 1.0)) if size > 0.0 else 1.0


def _stretch(ratios: Float[np.ndarray, " n"]) -> float:
    """Factor that makes normal intervals hold :data:`LEVEL` of the residuals, as of n more."""
    count = len(ratios)
    share = min(1.0, LEVEL * (1.0 + 1.0 / count))
    return float(np.quantile(ratios, share, method="higher")) / DEVIATIONS


def _score(
    values: np.ndarray,
    predicted: np.ndarray,
    censored: np.ndarray,
    block: np.ndarray,
    interval: tuple[np.ndarray, np.ndarray] | None = None,
) -> Scores:
    """Of rows that are known as numbers."""
    rows = ~censored
    ends = None if interval is None else (interval[0][rows], interval[1][rows])
    return score(values[rows], predicted[rows], block=block[rows], interval=ends)


def _r2(found: Scores) -> float:
    value = found.of["r2"].value
    return value if np.isfinite(value) else -np.inf
