"""Comparison with what somebody measured: spatial folds and blocks, baselines, scores, reports.

The protocol of everything that is held against measured numbers: points are dealt to folds by
spatial blocks (:func:`spatial_folds`), whatever learns from the column is judged where it did not
look (:func:`out_of_fold`), and every score has an interval over blocks (:func:`score`).

Example:
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> points = Points.of(lat=rng.uniform(46, 49, 200), lon=rng.uniform(9, 17, 200))
    >>> values = points.lat + rng.normal(0.0, 0.3, 200)
    >>> folds = spatial_folds(lat=points.lat, lon=points.lon)
    >>> kriged = out_of_fold(BASELINES["kriging"], points, values, folds)
    >>> block = spatial_blocks(lat=points.lat, lon=points.lon)
    >>> score(values, kriged, block=block).of["r2"].value > 0.5
    True
"""

from __future__ import annotations

from psm.evaluation.against.baselines import (
    BASELINES,
    Baseline,
    Boosting,
    Kriging,
    Mean,
    MonthHourClimatology,
    out_of_fold,
)
from psm.evaluation.against.blocks import (
    SpatialFolds,
    block_side_km,
    spatial_blocks,
    spatial_folds,
)
from psm.evaluation.against.points import Points
from psm.evaluation.against.scores import LEVEL, Estimate, Scores, gain, is_binary, score
from psm.evaluation.against.variogram import Variogram, variogram

__all__ = [
    "BASELINES",
    "LEVEL",
    "Baseline",
    "Boosting",
    "Estimate",
    "Kriging",
    "Mean",
    "MonthHourClimatology",
    "Points",
    "Scores",
    "SpatialFolds",
    "Variogram",
    "block_side_km",
    "gain",
    "is_binary",
    "out_of_fold",
    "score",
    "spatial_blocks",
    "spatial_folds",
    "variogram",
]
