"""Maps and profiles of measures: values and intervals in every cell, at every month and hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.evaluation.against.points import Points
from psm.imagery import Provider
from psm.inference.batches import location_gaussians
from psm.mapping.compare import map_of_places, require_covered
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.moment import Moment
from psm.mapping.profile import HOURS, MONTHS, look
from psm.mapping.query import Combination
from psm.mapping.soundscape_map import SoundscapeMap
from psm.measures.kernel import inputs_of
from psm.measures.measure import Measure
from psm.measures.predictor import DEVIATIONS, LEVEL, IntervalEstimate
from psm.model import PSM

_BLOCK = 8192  # cells that are predicted together: their numbers stay in the cache


def query_of(measure: Measure) -> Combination:
    """What its maps say that they are of.

    Args:
        measure: any.

    Returns:
        Its name in words, and what it was fitted on.
    """
    about, fitted = measure.about, measure.about.fitted
    words = about.name.replace("_", " ")
    tags = {
        "measure": about.name,
        "unit": about.unit,
        "method": about.method,
        "fitted_on": f"{fitted.table}, {fitted.rows} measurements at {fitted.places} places",
        "interval": f"{LEVEL:.0%} of what would be measured",
    }
    return Combination(words, tuple(tags.items()))


def map_measure(
    measure: Measure, model: PSM, places: EmbeddedRegion, moment: Moment | None = None
) -> SoundscapeMap:
    """The map of a measure at one moment; see :func:`map_measures`.

    Args:
        measure: what was fitted.
        model: that it was fitted with, in evaluation mode.
        places: embedded cells, or a timetable.
        moment: when; month and hour unknown by default.

    Returns:
        The map: value, lower and upper end of the interval of 90 %, and the uncertainty.

    Warns:
        NotCovered: the model does not cover some of the places, which are left out.

    Raises:
        CheckpointMismatch: it was fitted with another model.
        MissingData: the model covers none of the places.
        ConfigError: the places keep no means, as the globe that comes with a model.

    Example:
        >>> measure = Measure.load("runs/measures/laeq_db")
        >>> embedded = embed_cells(model, BlueMarble(), Cells.globe(1.0))
        >>> map_measure(measure, model, embedded, Moment(month=5, hour=8.0)).write("level.png")
    """
    return next(map_measures(measure, model, places, [moment or Moment()]))


def map_measures(
    measure: Measure, model: PSM, places: EmbeddedRegion, moments: Sequence[Moment]
) -> Iterator[SoundscapeMap]:
    """The map of a measure at every moment.

    Args:
        measure, model, places: as of :func:`map_measure`.
        moments: when.

    Returns:
        Maps, made as they are asked for.

    Warns:
        NotCovered: as of :func:`map_measure`.

    Raises:
        CheckpointMismatch, MissingData, ConfigError: as of :func:`map_measure`.
    """
    measure.require_model(model)
    require_covered(model, places)
    for moment in moments:
        found = values_of(measure, model, places, moment)
        yield measured_map(measure, model, places, moment, found)


def measured_map(
    measure: Measure,
    model: PSM,
    places: EmbeddedRegion,
    moment: Moment,
    values: Sequence[Float[np.ndarray, " n"]],
) -> SoundscapeMap:
    """The map of what :func:`values_of` says.

    Args:
        measure, model, places: as of :func:`map_measure`.
        moment: when.
        values: of every cell, in the order of the bands.

    Returns:
        The map, with everything that says what it is.
    """
    bands = measure.bands
    numbers = dict(zip((band.name for band in bands), values, strict=True))
    return map_of_places(
        model, places, numbers, bands=bands, query=query_of(measure), moment=moment,
        calibration=f"intervals of {LEVEL:.0%} hold it on places left out",
    )  # fmt: skip


@torch.inference_mode()
def values_of(
    measure: Measure, model: PSM, places: EmbeddedRegion, moment: Moment
) -> tuple[Float[np.ndarray, " n"], ...]:
    """Value, lower, upper and uncertainty of every cell.

    Args:
        measure, model, places: as of :func:`map_measure`.
        moment: when.

    Returns:
        Four arrays ``(N,)``, float32, NaN where there is no imagery.
    """
    cells, predictor = places.cells, measure.predictor
    axes = predictor.axes.float()
    offset = predictor.centre.float() @ axes
    found = np.empty((4, len(cells)), np.float32)
    month = np.nan if moment.month is None else float(moment.month)
    for start in range(0, len(cells), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(cells)))
        lat, lon = cells.lat[rows], cells.lon[rows]
        seen = places.components(model, moment, axes, rows) - offset
        when = {"month": np.full(len(lat), month), "hour": moment.local_hours(lon)}
        found[:, rows] = _rows(predictor.at(inputs_of(seen, lat=lat, lon=lon, **when)))
    return tuple(found)


@torch.inference_mode()
def profile_measure(
    measure: Measure,
    model: PSM,
    provider: Provider,
    *,
    lat: float,
    lon: float,
    zoom: int | None = None,
) -> Float[np.ndarray, "3 12 24"]:
    """A measure at one place, by month and local hour.

    Args:
        measure, model: as of :func:`map_measure`.
        provider: of the imagery.
        lat, lon: the place, degrees.
        zoom: level of the view; by default that of the measure.

    Returns:
        Value, lower and upper end of the interval of 90 %.

    Raises:
        MissingData: there is no imagery of the place.
        InvalidContext: there is no such place.
        CheckpointMismatch: the measure was fitted with another model.
    """
    measure.require_model(model)
    level = measure.about.zoom if zoom is None else zoom
    features = look(model, provider, lat=lat, lon=lon, zoom=level)
    return measure_through_time(measure, model, features, lat=lat, lon=lon)


@torch.inference_mode()
def measure_through_time(
    measure: Measure, model: PSM, features: Float[Tensor, "1 dim"], *, lat: float, lon: float
) -> Float[np.ndarray, "3 12 24"]:
    """A measure at a place that was seen, by month and local hour.

    Args:
        measure, model: as of :func:`map_measure`.
        features: of the view of the place.
        lat, lon: the place, degrees.

    Returns:
        Value, lower and upper end of the interval of 90 %.
    """
    month, hour = (
        part.ravel()
        for part in np.meshgrid(np.arange(1.0, MONTHS + 1), np.arange(float(HOURS)), indexing="ij")
    )
    points = Points.of(lat=lat, lon=lon, month=month, hour=hour)
    means = location_gaussians(model, features.expand(month.size, -1), points.context()).mean
    said = measure.predictor.predict(means.cpu().double(), points)
    return np.stack([part.reshape(MONTHS, HOURS) for part in _rows(said)[:3]])


def _rows(said: IntervalEstimate) -> Float[np.ndarray, "4 n"]:
    """Of the bands of a measure, in their order."""
    width = (said.upper - said.lower) / (2.0 * DEVIATIONS)
    return np.stack([said.value, said.lower, said.upper, width])
