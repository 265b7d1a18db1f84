"""Recentring: the model is asked about every part of a view as though the place lay there.

The satellite tower was taught to answer for the middle of what it sees, so that leaving parts of a
view out, or weighing its patches, mostly shows that the middle counts. Here the view is moved
instead, until each part of it lies in the middle, and the model answers as for any place. Nothing
is looked at beyond the view: what moves in from outside is its own mirror image. Place and time
stay those of the view, so that differences come from the picture alone.

Held against what the painter of the simulated Earth painted, this points better than occlusion
(Zeiler & Fergus 2014), random masks (RISE, Petsiuk et al. 2018), integrated gradients (Sundararajan
et al. 2017) or the patch tokens one by one: docs/explain.md has the numbers.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from psm.calibration import UNCALIBRATED, Calibration, curves_of
from psm.data.context import Context
from psm.explaining.explanation import Heat, SeenView
from psm.inference.batches import image_features, location_gaussians
from psm.mapping.bands import BANDS
from psm.mapping.distances import Distances
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.moment import Moment, Sources
from psm.mapping.profile import require_covered
from psm.mapping.query import Query
from psm.mapping.scale import scale_of
from psm.model import PSM

CELLS = 16
"""Parts along a side of a view: 4 pixels each of the packaged model's 64."""

_WAY = "were the place there: the view moved under it, mirrored at its edges"


@torch.inference_mode()
def recentred(
    model: PSM,
    view: SeenView,
    query: Query,
    moment: Moment,
    calibration: Calibration | None = None,
    *,
    cells: int = CELLS,
) -> Heat:
    """Match probability of every part of a view; see :class:`psm.explaining.Explainer`.

    Args:
        model: in evaluation mode.
        view: that it is shown.
        query: what to listen for.
        moment: when.
        calibration: turns distances into calibrated probabilities.
        cells: parts along a side; the model looks ``cells² + 1`` times.

    Returns:
        Match probability, its uncertainty and the distance, ``(cells, cells)`` each.

    Raises:
        ConfigError: the model does not know about the sources of the query.
        CorruptRecording: an audio file of the query cannot be read.
        MissingData: the model does not cover the place.
        CheckpointMismatch: the calibration is of other weights.
    """
    if calibration is not None:
        calibration.require(model)
    encoded = query.encode(model)
    features = features_of_parts(model, view, cells)
    return heat_of(model, view, features, query, encoded, moment, calibration)


@torch.inference_mode()
def features_of_parts(model: PSM, view: SeenView, cells: int = CELLS) -> Float[Tensor, "parts dim"]:
    """Image features of a view moved to each of its parts; they serve every query and moment.

    Raises:
        MissingData: the model does not cover the place.
    """
    here = image_features(model, view.pixels[None].copy(), view.gsd_m)
    require_covered(model, here, lat=view.lat, lon=view.lon)
    shown = moved_views(view.pixels, cells)
    return image_features(model, shown, view.gsd_m, "parts of the view")


@torch.inference_mode()
def heat_of(
    model: PSM,
    view: SeenView,
    features: Float[Tensor, "parts dim"],
    query: Query,
    encoded: EncodedQuery,
    moment: Moment,
    calibration: Calibration | None,
) -> Heat:
    """The heat map of a query from :func:`features_of_parts`."""
    cells = math.isqrt(len(features))
    curves = curves_of(model, calibration, encoded.gaussians)
    context = _context(view, query, moment, len(features))
    places = location_gaussians(model, features, context)
    distances = Distances.between(places, encoded.asked)
    numbers = answer(encoded, distances.csd, distances.variance, curves)
    return Heat(
        values={
            band.name: numbers[band.name].cpu().numpy().reshape(cells, cells) for band in BANDS
        },
        bands=BANDS,
        way=_WAY,
        calibration=UNCALIBRATED if calibration is None else calibration.summary,
        familiarity=encoded.familiarity,
        scale=scale_of(encoded, calibration),
    )


def moved_views(
    pixels: UInt8[np.ndarray, "size size 3"], cells: int
) -> UInt8[np.ndarray, "parts size size 3"]:
    """A view moved ``cells²`` times, so that each of its parts comes to lie in the middle.

    Args:
        pixels: of the view.
        cells: parts along a side, rows from the north.

    Returns:
        As many views, row by row; what lies outside of the view is mirrored at its edge.
    """
    size = len(pixels)
    half = size // 2
    wide = np.pad(pixels, ((half, size - half), (half, size - half), (0, 0)), mode="symmetric")
    starts = ((np.arange(cells) + 0.5) * size / cells).astype(int)
    # A window that starts at s has pixel s of the view in its middle.
    return np.stack(
        [wide[top : top + size, left : left + size] for top in starts for left in starts]
    )


def _context(view: SeenView, query: Query, moment: Moment, count: int) -> Context:
    told = Sources(query.audio_source, query.caption_source)
    lat, lon = np.full(count, view.lat), np.full(count, view.lon)
    return moment.context(lat=lat, lon=lon, sources=told)
