"""A query asked of a model at the very points that were measured, each at its month and hour."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from affine import Affine
from jaxtyping import Int

from psm.calibration import UNCALIBRATED, Calibration, curves_of
from psm.errors import UnfamiliarQuery
from psm.evaluation.against.points import Points
from psm.evaluation.against.prediction import Prediction
from psm.geodata.frame import WGS84, Frame
from psm.imagery import Provider
from psm.inference.batches import location_gaussians
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.cells import Cells
from psm.mapping.distances import Distances
from psm.mapping.matching import answer
from psm.mapping.moment import Sources
from psm.mapping.query import Query
from psm.mapping.store import EmbeddedCells, embed_cells
from psm.model import PSM
from psm.uncertainty import interval

NOT_COVERED = "not covered by what the model learnt"
NO_IMAGERY = "without imagery"

_POINTS = 4096
_STEP_DEG = 0.0005  # some 50 m: places nearer than this are seen in one view
_FRAME = Frame(
    WGS84,
    Affine(_STEP_DEG, 0.0, -180.0, 0.0, -_STEP_DEG, 90.0),
    (round(180 / _STEP_DEG), round(360 / _STEP_DEG)),
)


def embedded_places(
    model: PSM, imagery: Provider, points: Points, zoom: int | None = None
) -> tuple[EmbeddedCells, Int[np.ndarray, " n"]]:
    """The places of points as embedded cells of a very fine frame, and which is whose.

    Views are embedded once a place and kept in the user's cache: a run that is killed goes on, and
    the next question costs nothing.

    Args:
        model: in evaluation mode.
        imagery: where the views come from.
        points: n of them.
        zoom: level that the model was trained on; by default its first.

    Returns:
        Each place once, and for each point the row of its place, ``(n,)``.

    Raises:
        ConfigError: the model does not know the zoom level.
    """
    level = model.config.imagery.zooms[0] if zoom is None else zoom
    row, column = _FRAME.index(lat=points.lat, lon=points.lon)
    flat, index = np.unique(row * _FRAME.shape[1] + column, return_inverse=True)
    cells = Cells(_FRAME, *np.divmod(flat, _FRAME.shape[1]))
    return embed_cells(model, imagery, cells, level), index.reshape(-1)


@torch.inference_mode()
def asked_at(
    model: PSM,
    provider: Provider,
    query: Query,
    points: Points,
    *,
    calibration: Calibration | None = None,
    zoom: int | None = None,
) -> Prediction:
    """What a model says of a query at points, exactly: no grid, no nearest hour.

    Args:
        model: in evaluation mode.
        provider: of the imagery.
        query: what to listen for.
        points: where and when; what is unknown of the time stays unknown to the model.
        calibration: turns distances into calibrated probabilities.
        zoom: level that the model was trained on; by default its first.

    Returns:
        The match probabilities, with intervals of 90 % by their uncertainty.

    Raises:
        ConfigError: the model does not know the zoom level, or about the sources of the query.
        CorruptRecording: an audio file of the query cannot be read.

    Warns:
        UnfamiliarQuery: the query is unlike anything that the model was trained on.
    """
    encoded = query.encode(model)
    if encoded.familiarity is not None and not encoded.familiarity.is_familiar:
        warnings.warn(encoded.familiarity.statement, UnfamiliarQuery, stacklevel=2)
    places, which = embedded_places(model, provider, points, zoom)
    is_seen = ~places.features[:, 0].isnan().numpy()
    left_out = np.zeros(len(is_seen), bool) if places.not_covered is None else places.not_covered
    missing = np.where(is_seen, "", np.where(left_out, NOT_COVERED, NO_IMAGERY))[which]
    curves = curves_of(model, calibration, encoded.gaussians)
    told = Sources(query.audio_source, query.caption_source)
    value, spread = np.full(len(points), np.nan), np.full(len(points), np.nan)
    known = np.flatnonzero(missing == "")
    for start in range(0, len(known), _POINTS):
        rows = known[start : start + _POINTS]
        part = points.part(rows)
        context = part.context(told)
        fused = location_gaussians(model, places.features[which[rows]], context)
        distance, variance = Distances.between(fused, encoded.asked)
        found = answer(encoded, distance, variance, curves)
        value[rows] = found[PROBABILITY.name].cpu().numpy()
        spread[rows] = found[UNCERTAINTY.name].cpu().numpy()
    low, high = interval(torch.from_numpy(value), torch.from_numpy(spread))
    return Prediction(
        name=query.label,
        origin=model.config.name,
        value=value,
        interval=(low.numpy(), high.numpy()) if encoded.is_uncertainty_known else None,
        missing=missing,
        is_probability=True,
        when="each point at its own month and hour",
        provenance=model.provenance.statement,
        calibration=UNCALIBRATED if calibration is None else calibration.summary,
    )
