"""Features of cells whose inner products are the kernel of a field: what a site tells of a place.

The kernel is that of a measure, or one that stands for any sound; places are seen as they are on
average over the months and hours that are asked for. Its features follow from landmarks among the
cells (Nyström; Williams & Seeger 2001, "Using the Nyström method to speed up kernel machines").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.geodata.sphere import unit_vectors
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.moment import Moment
from psm.measures.fitting import Axes
from psm.measures.kernel import NAMES, Inputs, covariance, variance
from psm.measures.measure import Measure
from psm.model import PSM
from psm.progress import track
from psm.seeding import generator

LANDMARKS = 300
"""Cells that features are made of: as many features as landmarks."""

ANY_SOUND = {
    "linear": 0.3, "curved": 0.15, "reach": 1.0, "spatial": 0.03, "range_km": 100.0,
    "temporal": 0.02, "noise": 0.5,
}  # fmt: skip
"""Hyperparameters where no measure says them: about those of measures on the simulated Earth."""

_BLOCK = 8192
_SAMPLE = 500  # cells whose principal components are seen, where no measure has its own
_JITTER = 1e-6


@dataclass(frozen=True, eq=False)
class CellFeatures:
    """Features of N cells.

    Attributes:
        cells: ``(n, rank)`` float32.
        own: ``(n,)`` variance that they leave unexplained.
        measured: ``(m, rank)`` of what a measure was fitted on; none without one.
        noise: variance of one measurement.
    """

    cells: Float[np.ndarray, "n rank"]
    own: Float[np.ndarray, " n"]
    measured: Float[np.ndarray, "m rank"]
    noise: float


@torch.inference_mode()
def features_of(
    model: PSM,
    places: EmbeddedRegion,
    moments: Sequence[Moment],
    measure: Measure | None = None,
    *,
    seed: int = 0,
) -> CellFeatures:
    """Features of cells, averaged over moments.

    Args:
        model: in evaluation mode.
        places: embedded cells with imagery, or a timetable.
        moments: when it matters.
        measure: whose kernel and measurements count; by default any sound's, and none.
        seed: of the landmarks.
    """
    axes = (
        _axes(model, places, moments, seed)
        if measure is None
        else Axes(measure.predictor.centre, measure.predictor.axes)
    )
    seen = _averaged(model, places, moments, axes)
    logs = (
        torch.tensor([ANY_SOUND[name] for name in NAMES]).log()
        if measure is None
        else measure.predictor.posterior.logs.float()
    )
    cells = places.cells
    vectors = torch.from_numpy(unit_vectors(lat=cells.lat, lon=cells.lon)).float()
    every = Inputs(seen, vectors, torch.zeros(len(cells), 6))
    some = generator(seed, "landmarks").permutation(len(cells))[:LANDMARKS]
    landmarks = every.rows(torch.from_numpy(np.sort(some))).to(torch.float64)
    wide = logs.double()
    own = covariance(landmarks, landmarks, wide)
    factor = torch.linalg.cholesky(own + _JITTER * own.diagonal().mean() * torch.eye(len(own)))
    project = torch.linalg.solve_triangular(
        factor, torch.eye(len(own), dtype=torch.float64), upper=False
    ).T.float()
    parts = [
        covariance(every.rows(rows), landmarks.to(torch.float32), logs) @ project
        for rows in _blocks(len(cells))
    ]
    found = torch.cat(parts)
    left = (variance(every, logs) - found.square().sum(-1)).clamp_min(0.0)
    measured = np.empty((0, found.shape[1]))
    if measure is not None:
        points = measure.predictor.posterior.points.to(torch.float32)
        points = points._replace(time=torch.zeros_like(points.time))
        seen_there = covariance(points, landmarks.to(torch.float32), logs) @ project
        measured = seen_there.double().numpy()
    return CellFeatures(found.numpy(), left.double().numpy(), measured, float(logs[-1].exp()))


def _axes(model: PSM, places: EmbeddedRegion, moments: Sequence[Moment], seed: int) -> Axes:
    """Principal components of cells as they are on average over the moments."""
    count = len(places.cells)
    some = places.part(np.sort(generator(seed, "axes").permutation(count)[:_SAMPLE]))
    whole = Axes(torch.zeros(model.config.dim), torch.eye(model.config.dim))
    return Axes.of(_averaged(model, some, moments, whole).double())


def _averaged(
    model: PSM, places: EmbeddedRegion, moments: Sequence[Moment], axes: Axes
) -> Float[Tensor, "n k"]:
    projection = axes.axes.float()
    offset = axes.centre.float() @ projection
    total = torch.zeros(len(places.cells), projection.shape[1])
    for moment in track(moments, "look at the cells"):
        for rows in _blocks(len(total)):
            total[rows] += places.components(model, moment, projection, rows) - offset
    return total / len(moments)


def _blocks(count: int) -> list[slice]:
    return [slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK)]
