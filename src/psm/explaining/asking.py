"""Asking for an explanation: the view of a place, and a way to explain it."""

from __future__ import annotations

import warnings

from psm.calibration import Calibration
from psm.errors import UnfamiliarQuery
from psm.explaining.codewords import codewords
from psm.explaining.explanation import Explainer, Explanation, SeenView
from psm.explaining.recentring import recentred
from psm.imagery import Provider
from psm.mapping.moment import Moment
from psm.mapping.profile import picture_of
from psm.mapping.query import Query
from psm.model import PSM


def explain(
    model: PSM,
    provider: Provider,
    query: Query,
    moment: Moment | None = None,
    *,
    lat: float,
    lon: float,
    zoom: int | None = None,
    calibration: Calibration | None = None,
    way: Explainer | None = None,
) -> Explanation:
    """Where in the view of a place a query is heard.

    Args:
        model: in evaluation mode.
        provider: of the imagery.
        query: what to listen for.
        moment: when; month and hour unknown by default.
        lat, lon: the place in the middle of the view, degrees.
        zoom: level that the model was trained on; by default its first, the closest.
        calibration: turns distances into calibrated probabilities; by default they are as learnt.
        way: how to explain; by default by codewords where the model has a codebook, else by
            recentring.

    Returns:
        Numbers over the view.

    Warns:
        UnfamiliarQuery: the query is unlike anything that the model was trained on.

    Raises:
        ConfigError: the model does not know the zoom level, or about the sources of the query.
        MissingData: there is no imagery of the place, or the model does not cover it.
        InvalidContext: there is no such place.
        CorruptRecording: an audio file of the query cannot be read.
        CheckpointMismatch: the calibration is of other weights.

    Example:
        >>> found = explain(model, BlueMarble(), Query.parse("traffic"), lat=48.2, lon=16.4)
        >>> found.peak
    """
    moment = moment or Moment()
    level = model.config.imagery.zooms[0] if zoom is None else zoom
    picture = picture_of(model, provider, lat=lat, lon=lon, zoom=level)
    view = SeenView(
        lat, lon, picture.pixels, picture.gsd_m, level, provider.attribution, provider.licence
    )
    chosen = way or (codewords if model.codebook is not None else recentred)
    heat = chosen(model, view, query, moment, calibration)
    if heat.familiarity is not None and not heat.familiarity.is_familiar:
        warnings.warn(heat.familiarity.statement, UnfamiliarQuery, stacklevel=2)
    return Explanation.of(model, view, query, moment, heat)
