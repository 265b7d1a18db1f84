"""What a map says at measured points, and two rasters brought onto one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from rasterio.enums import Resampling
from rasterio.warp import reproject

from psm.errors import ConfigError
from psm.evaluation.against.layers import Layer, Raster
from psm.evaluation.against.points import Points
from psm.evaluation.against.truth import Truth
from psm.mapping.moment import Moment

HOURS_APART = 1.0
"""A measurement is held against a map of another hour up to so much later or earlier."""

OUTSIDE = "outside of the map, or where it holds nothing"
ANOTHER_TIME = "of another month or hour than the map"

_ALIKE = 1.5  # grids whose pixels differ by less are compared as they are


@dataclass(frozen=True, eq=False)
class Prediction:
    """What is held against the truth at N points.

    Attributes:
        name: of what is predicted.
        origin: the map file, or the model.
        value: ``(n,)``; NaN where nothing is predicted.
        interval: ``(n,)`` lower and upper ends, that hold the truth with probability 0.9.
        missing: ``(n,)`` why there is no value; empty where there is one.
        is_probability: whether it is a match probability.
        when: the moment, or moments, in words.
        provenance: what it stands on, in one sentence.
        calibration: what makes probabilities believable; empty for other numbers.
        remarks: what else has to be said.
    """

    name: str
    origin: str
    value: Float[np.ndarray, " n"]
    interval: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]] | None
    missing: np.ndarray
    is_probability: bool = False
    when: str = ""
    provenance: str = ""
    calibration: str = ""
    remarks: Sequence[str] = ()


def sampled(layer: Layer, points: Points, *, any_time: bool = False) -> Prediction:
    """The values of a map in the cells that hold points.

    Of a map that says its month and hour, points of other months, and of hours more than one
    apart, have no value; of a cube each point takes the nearest moment.

    Args:
        layer: the map.
        points: n of them.
        any_time: take the first moment, whenever the points are of.

    Returns:
        The values.

    Raises:
        ConfigError: no point has the time of the map.
    """
    row, column = layer.frame.index(lat=points.lat, lon=points.lon)
    which = np.zeros(len(points), int) if any_time else _moment_of(layer.moments, points)
    if (which < 0).all():
        raise ConfigError(
            f"{layer.origin} is of {_words(layer.moments)}, and no point is; --any-time compares "
            "them all the same"
        )

    def at(rasters: Sequence[Raster]) -> Float[np.ndarray, " n"]:
        found = np.full(len(points), np.nan)
        for number in np.unique(which[which >= 0]).tolist():
            rows = (which == number) & (row >= 0)
            found[rows] = rasters[number][row[rows], column[rows]]
        return found

    value = at(layer.values)
    missing = np.where(which < 0, ANOTHER_TIME, np.where(np.isfinite(value), "", OUTSIDE))
    ends = [[pair[side] for pair in layer.ends] for side in (0, 1)]
    remarks = () if layer.thinned == 1 else (
        f"{Path(layer.origin).name} is large: averaged over {layer.thinned} pixels each way",
    )  # fmt: skip
    return Prediction(
        name=layer.tags.get("query", layer.name),
        origin=layer.origin,
        value=value,
        interval=(at(ends[0]), at(ends[1])) if layer.ends else None,
        missing=missing,
        is_probability=layer.is_probability,
        when=_words(layer.moments),
        provenance=layer.provenance,
        calibration=layer.tags.get("calibration", ""),
        remarks=remarks,
    )


def on_one_grid(truth: Layer, predicted: Layer) -> tuple[Layer, Layer]:
    """Two rasters, the finer one averaged over the pixels of the coarser one.

    Intervals are averaged too, end by end, as if errors within a pixel went together.

    Args:
        truth: what was measured.
        predicted: the map.

    Returns:
        Both; as they are where their pixels are about as large.
    """
    ratio = predicted.pixel_km / truth.pixel_km
    if ratio > _ALIKE:
        return _averaged(truth, predicted), predicted
    if ratio < 1.0 / _ALIKE:
        return truth, _averaged(predicted, truth)
    return truth, predicted


def points_of(layer: Layer, *, value_name: str | None = None) -> Truth:
    """The pixels of a raster that was measured, as points at their centres.

    Args:
        layer: the raster.
        value_name: what was measured; by default the name of the layer.

    Returns:
        A point for each pixel and moment that has a number.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    for raster, moment in zip(layer.values, layer.moments, strict=True):
        rows, columns = np.nonzero(np.isfinite(raster))
        lat, lon = layer.frame.places(rows, columns)
        month = np.full(len(rows), np.nan if moment.month is None else float(moment.month))
        parts.append((lat, lon, month, moment.local_hours(lon), raster[rows, columns]))
    lat, lon, month, hour, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    is_there = np.isfinite(lat) & np.isfinite(lon)
    places = (column[is_there] for column in (lat, lon, month, hour))
    thinned = () if layer.thinned == 1 else (
        f"{Path(layer.origin).name} is large: averaged over {layer.thinned} pixels each way",
    )  # fmt: skip
    return Truth(
        name=value_name or layer.tags.get("query", layer.name),
        origin=layer.origin,
        points=Points(*places),
        value=value[is_there],
        remarks=thinned,
        provenance=layer.provenance,
    )


def _averaged(fine: Layer, coarse: Layer) -> Layer:
    """A layer on the grid of another one, each pixel the mean of what lies in it."""

    def onto(raster: Raster) -> Raster:
        target = np.full(coarse.frame.shape, np.nan)
        reproject(
            raster, target,
            src_transform=fine.frame.transform, src_crs=fine.frame.crs, src_nodata=np.nan,
            dst_transform=coarse.frame.transform, dst_crs=coarse.frame.crs, dst_nodata=np.nan,
            resampling=Resampling.average,
        )  # fmt: skip
        return target

    return replace(
        fine,
        frame=coarse.frame,
        values=[onto(raster) for raster in fine.values],
        ends=[(onto(low), onto(high)) for low, high in fine.ends],
    )


def _moment_of(moments: Sequence[Moment], points: Points) -> np.ndarray:
    """Number of the moment that fits each point best; -1 where none does."""
    best = np.full(len(points), -1)
    least = np.full(len(points), np.inf)
    for number, moment in enumerate(moments):
        off = np.zeros(len(points))
        # What is not known of a single map or of a point is no difference; of a cube it is.
        unknown = np.inf if len(moments) > 1 else 0.0
        if moment.month is not None:
            off += np.where(points.month == moment.month, 0.0, np.inf)
            off = np.where(np.isfinite(points.month), off, unknown)
        hours = moment.local_hours(points.lon)
        gap = np.abs(points.hour - hours)
        gap = np.minimum(gap, 24.0 - gap)
        gap = np.where(np.isfinite(points.hour), gap, unknown)
        off = off + np.where(np.isfinite(hours), gap, 0.0)
        is_better = (off < least) & (off <= HOURS_APART)
        best[is_better], least[is_better] = number, off[is_better]
    return best


def _words(moments: Sequence[Moment]) -> str:
    if len(moments) == 1:
        return f"{moments[0]}"
    return f"{len(moments)} moments, {moments[0]} to {moments[-1]}"
