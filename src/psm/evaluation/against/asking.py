"""A query asked of a model at the very points that were measured, each at its month and hour."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.calibration import UNCALIBRATED, Calibration, curves_of
from psm.errors import ConfigError, UnfamiliarQuery
from psm.evaluation.against.points import Points
from psm.evaluation.against.prediction import Prediction
from psm.imagery import NoImagery, Provider, View
from psm.inference.batches import image_features, location_gaussians, picture_px
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.distances import Distances
from psm.mapping.matching import answer
from psm.mapping.moment import Sources
from psm.mapping.query import Query
from psm.model import PSM
from psm.progress import track
from psm.uncertainty import interval

NOT_COVERED = "not covered by what the model learnt"

_VIEWS, _POINTS = 256, 4096


@dataclass(frozen=True, eq=False)
class SeenPlaces:
    """N places as a model sees them.

    Attributes:
        features: ``(n, dim)`` of the image; NaN where there is none.
        missing: ``(n,)`` why not; empty where it is seen.
    """

    features: Float[Tensor, "n dim"]
    missing: np.ndarray


@torch.inference_mode()
def see_places(
    model: PSM,
    provider: Provider,
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    zoom: int | None = None,
) -> SeenPlaces:
    """Image features of places, one bar while they are looked at.

    Args:
        model: in evaluation mode.
        provider: of the imagery.
        lat, lon: ``(n,)`` degrees; no place twice, which would be looked at twice.
        zoom: level that the model was trained on; by default its first.

    Returns:
        The features, and why a place has none.

    Raises:
        ConfigError: the model does not know the zoom level.
    """
    imagery = model.config.imagery
    level = imagery.zooms[0] if zoom is None else zoom
    if level not in imagery.zooms:
        known = ", ".join(map(str, imagery.zooms))
        raise ConfigError(f"zoom {level}: {model.config.name} knows {known}")
    view = View(picture_px(model.config), imagery.gsd_m * level)
    features = torch.full((len(lat), model.config.dim), torch.nan)
    missing = np.full(len(lat), "", dtype=object)
    blocks = np.split(np.arange(len(lat)), range(_VIEWS, len(lat), _VIEWS))
    for rows in track(blocks, "look at places", len(lat), weight=len, unit="places"):
        seen, pictures = [], []
        answers = provider.read(lat=lat[rows], lon=lon[rows], view=view)
        for row, picture in zip(rows.tolist(), answers, strict=True):
            if isinstance(picture, NoImagery):
                missing[row] = picture.reason.value
            else:
                seen.append(row)
                pictures.append(picture)
        if not seen:
            continue
        pixels = np.stack([picture.pixels for picture in pictures])
        gsd_m = np.array([picture.gsd_m for picture in pictures], np.float32)
        features[seen] = image_features(model, pixels, gsd_m).cpu().float()
    is_seen = np.flatnonzero(missing == "")
    if model.coverage is not None and len(is_seen):
        covered = model.coverage.covers(features[is_seen], lat=lat[is_seen], lon=lon[is_seen])
        missing[is_seen[~covered]] = NOT_COVERED
    features[torch.from_numpy(missing != "")] = torch.nan
    return SeenPlaces(features, missing)


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
    places, which = np.unique(
        np.stack([points.lat, points.lon], axis=1), axis=0, return_inverse=True
    )
    which = which.reshape(-1)
    seen = see_places(model, provider, lat=places[:, 0], lon=places[:, 1], zoom=zoom)
    missing = seen.missing[which]
    curves = curves_of(model, calibration, encoded.gaussians)
    told = Sources(query.audio_source, query.caption_source)
    value, spread = np.full(len(points), np.nan), np.full(len(points), np.nan)
    known = np.flatnonzero(missing == "")
    for start in range(0, len(known), _POINTS):
        rows = known[start : start + _POINTS]
        part = points.part(rows)
        context = part.context(told)
        fused = location_gaussians(model, seen.features[which[rows]], context)
        distance, variance = Distances.between(fused, encoded.asked)
        found = answer(encoded, distance, variance, curves)
        value[rows] = found[PROBABILITY.name].cpu().numpy()
        spread[rows] = found[UNCERTAINTY.name].cpu().numpy()
    low, high = interval(torch.from_numpy(value), torch.from_numpy(spread))
    return Prediction(
        name=query.label,
        origin=model.config.name,
        value=value,
        interval=(low.numpy(), high.numpy()),
        missing=missing,
        is_probability=True,
        when="each point at its own month and hour",
        provenance=model.provenance.statement,
        calibration=UNCALIBRATED if calibration is None else calibration.summary,
    )
