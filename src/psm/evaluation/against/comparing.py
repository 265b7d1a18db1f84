"""A map held against what somebody measured: scores, baselines, the variogram of the errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from psm.evaluation.against.baselines import BASELINES, out_of_fold
from psm.evaluation.against.blocks import BLOCKS, block_side_km, spatial_blocks, spatial_folds
from psm.evaluation.against.prediction import Prediction
from psm.evaluation.against.scores import Estimate, Scores, gain, is_binary, score
from psm.evaluation.against.truth import Truth
from psm.evaluation.against.variogram import Variogram, in_km, variogram
from psm.progress import track


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of holding a map against the truth.

    Attributes:
        truth: what was measured, where the map has a value.
        prediction: of the map at the same points.
        is_same_scale: whether both are the same quantity in the same unit; if not, only their order
            is compared, and errors are those of rank.
        error: ``(n,)`` prediction minus truth, in the truth's unit; of another scale, difference of
            the ranks as parts of all points.
        block: ``(n,)`` spatial block of each point.
        side_km: how large the median block is.
        scores: of the map.
        baselines: of what the column alone tells at places left out.
        gains: by how much the map's R² is above that of each baseline; of another scale, its
            Spearman.
        variogram: of the errors.
    """

    truth: Truth
    prediction: Prediction
    is_same_scale: bool
    error: Float[np.ndarray, " n"]
    block: Int[np.ndarray, " n"]
    side_km: float
    scores: Scores
    baselines: Mapping[str, Scores]
    gains: Mapping[str, Estimate]
    variogram: Variogram

    @property
    def gained(self) -> str:
        """The score that the gains are of."""
        return "r2" if self.is_same_scale else "spearman"

    @property
    def remarks(self) -> list[str]:
        """What has to be known beside the scores, in sentences."""
        told = [f"left out: {n:,} {why}" for why, n in self.truth.left_out.items()]
        told += [*self.truth.remarks, *self.prediction.remarks]
        if not self.is_same_scale:
            told.append(
                f"{self.truth.name} is no probability, and the map is one: only their order is "
                "compared"
            )
        if self.scores.blocks < 2:
            told.append("all points lie at one place: there are no intervals")
        reach = self.variogram.range_km
        if self.scores.blocks > 1 and np.isfinite(reach) and reach > 1.2 * self.side_km:
            told.append(
                f"blocks are {in_km(self.side_km)} wide and errors are alike within "
                f"{in_km(reach)}: intervals are too narrow"
            )
        elif self.scores.blocks > 1 and np.isinf(reach):
            told.append("errors are alike over the whole region: intervals are too narrow")
        return told

    def to_json(self) -> dict[str, Any]:
        """All the numbers, and what they stand on."""
        truth, map_ = self.truth, self.prediction
        return {
            "truth": {
                "file": truth.origin, "name": truth.name, "points": len(truth),
                "mean": float(truth.value.mean()), "sd": float(truth.value.std()),
                "left_out": dict(truth.left_out), "provenance": truth.provenance or None,
            },
            "map": {
                "name": map_.name, "of": map_.origin, "when": map_.when,
                "is_probability": map_.is_probability, "provenance": map_.provenance or None,
                "calibration": map_.calibration or None,
            },
            "is_same_scale": self.is_same_scale,
            "block_side_km": self.side_km,
            "scores": self.scores.to_json(),
            "baselines": {name: found.to_json() for name, found in self.baselines.items()},
            "gains": {
                "of": self.gained, **{n: found.to_json() for n, found in self.gains.items()},
            },
            "variogram": self.variogram.to_json(),
            "remarks": self.remarks,
        }  # fmt: skip


def compare(
    truth: Truth, prediction: Prediction, *, baselines: bool = True, seed: int = 0
) -> Comparison:
    """Hold what a map says against what was measured at the same points.

    Intervals are over blocks at least as wide as errors are alike, as far as ten such blocks fit.
    Baselines learn from the column at other blocks, in five folds; the map has seen none of it.

    Args:
        truth: n points.
        prediction: of the map at these; where it has no value, a point is counted as left out.
        baselines: whether to judge them too.
        seed: of the draws, the folds and the baselines.

    Returns:
        Scores and errors.

    Raises:
        ConfigError: too few points are left, or all have one value.
        MissingExtra: scikit-learn is not installed, which baselines need.
    """
    is_known = prediction.missing == ""
    for reason in np.unique(prediction.missing[~is_known]).tolist():
        rest = prediction.missing != reason
        truth = truth.kept(rest, reason)
        prediction = _part(prediction, rest)
    truth, rows = truth.require_enough().drawn(seed)
    prediction = _part(prediction, rows)
    points, value = truth.points, truth.value
    is_share = bool(value.min() >= 0.0 and value.max() <= 1.0)
    is_same = is_share or not prediction.is_probability
    # Whether something was heard is a coin tossed once: an interval of the odds need not hold it.
    interval = prediction.interval if is_same and not is_binary(value) else None
    size = len(value)
    error = (
        prediction.value - value
        if is_same
        else (rankdata(prediction.value) - rankdata(value)) / size
    )
    spread = variogram(error, lat=points.lat, lon=points.lon, seed=seed)
    reach = 0.0 if np.isnan(spread.range_km) else spread.range_km
    block = spatial_blocks(lat=points.lat, lon=points.lon, least_km=reach)
    scores = score(
        value, prediction.value, block=block, interval=interval, is_same_scale=is_same, seed=seed
    )
    others = _baselines(truth, seed, is_share=is_share) if baselines else {}
    name = "r2" if is_same else "spearman"
    return Comparison(
        truth=truth,
        prediction=prediction,
        is_same_scale=is_same,
        error=error,
        block=block,
        side_km=block_side_km(lat=points.lat, lon=points.lon, block=block),
        scores=scores,
        baselines={
            other: score(value, found, block=block, seed=seed, ranked=other != "mean")
            for other, found in others.items()
        },
        gains={
            other: gain(value, prediction.value, found, block=block, name=name, seed=seed)
            for other, found in others.items()
            if is_same or other != "mean"
        },
        variogram=spread,
    )


def _baselines(truth: Truth, seed: int, *, is_share: bool) -> dict[str, Float[np.ndarray, " n"]]:
    """Predictions of every baseline at places that it did not learn from."""
    points = truth.points
    folds = spatial_folds(lat=points.lat, lon=points.lon, blocks=BLOCKS, seed=seed)
    if len(folds) < 2:
        return {}
    found = {
        name: out_of_fold(make, points, truth.value, folds)
        for name, make in track(list(BASELINES.items()), "judge baselines")
    }
    # A share that is predicted above 1 is 1.
    return {name: np.clip(p, 0.0, 1.0) if is_share else p for name, p in found.items()}


def _part(prediction: Prediction, mask: np.ndarray) -> Prediction:
    ends = prediction.interval
    return replace(
        prediction,
        value=prediction.value[mask],
        missing=prediction.missing[mask],
        interval=None if ends is None else (ends[0][mask], ends[1][mask]),
    )
