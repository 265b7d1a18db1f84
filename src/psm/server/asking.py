"""What a model is asked, and its answers as arrays of the cells. All of it runs in one thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from psm.calibration import Curve
from psm.data.context import Context
from psm.gaussian import Gaussian, csd, csd_variance
from psm.inference.batches import location_gaussians
from psm.mapping.bands import BANDS
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.moment import Moment
from psm.mapping.profile import HOURS, MONTHS
from psm.model import PSM

NAMES = tuple(band.name for band in BANDS)


@dataclass(frozen=True, eq=False)
class Answer:
    """One query at one moment.

    Attributes:
        values: ``(3, cells)``: match probability, uncertainty, csd; float32, NaN without imagery.
        seconds: that it took.
    """

    values: Float[np.ndarray, "3 cells"]
    seconds: float

    @property
    def size_bytes(self) -> int:
        """In memory."""
        return self.values.nbytes

    def layer(self, name: str) -> NDArray[np.float32]:
        """``probability`` or ``uncertainty`` of all cells."""
        layer: NDArray[np.float32] = self.values[0 if name == "probability" else 1]
        return layer


@torch.inference_mode()
def ask(
    model: PSM, places: EmbeddedRegion, query: EncodedQuery, moment: Moment, curve: Curve
) -> Answer:
    """The map of a query at a moment."""
    start = time.perf_counter()
    distance, variance = places.distances(model, query.gaussians, moment)
    found = answer(query, distance, variance, curve)
    values = np.stack([found[name].cpu().numpy() for name in NAMES]).astype(np.float32)
    return Answer(values, time.perf_counter() - start)


@torch.inference_mode()
def through_time(
    model: PSM,
    features: Float[torch.Tensor, "1 dim"],
    query: EncodedQuery,
    curve: Curve,
    *,
    lat: float,
    lon: float,
) -> Float[np.ndarray, "2 12 24"]:
    """Probability and uncertainty of a query at a place, by month and local hour; exact."""
    month, hour = np.meshgrid(np.arange(1.0, MONTHS + 1), np.arange(float(HOURS)), indexing="ij")
    context = Context.of(
        lat=np.full(month.size, lat), lon=np.full(month.size, lon),
        month=month.ravel(), hour=hour.ravel(),
    )  # fmt: skip
    places = location_gaussians(model, features.expand(month.size, -1), context)
    found = answer(
        query, csd(places, query.gaussians), csd_variance(places, query.gaussians), curve
    )
    values = [found[name].cpu().numpy() for name in NAMES[:2]]
    return np.stack(values).reshape(2, MONTHS, HOURS)


@torch.inference_mode()
def loudest(
    model: PSM,
    features: Float[torch.Tensor, "1 dim"],
    sounds: Gaussian,
    curve: Curve,
    moment: Moment,
    *,
    lat: float,
    lon: float,
) -> Float[np.ndarray, " sounds"]:
    """Probability of every sound of a vocabulary at a place and a moment."""
    context = moment.context(lat=np.array([lat]), lon=np.array([lon]))
    place = location_gaussians(model, features, context)
    return curve(csd(place, sounds)[0]).cpu().numpy()


def weighted_range(
    values: NDArray[np.float32], area: NDArray[np.float64], share: float = 0.02
) -> tuple[float, float]:
    """Values between which all but ``share`` of the area at either end lies; 0 to 1 without any.

    Args:
        values: ``(..., cells)``.
        area: ``(cells,)``.
    """
    weights = np.broadcast_to(area, values.shape)
    known = np.isfinite(values)
    if not known.any():
        return 0.0, 1.0
    low, high = np.quantile(
        values[known].astype(np.float64), [share, 1.0 - share],
        weights=weights[known], method="inverted_cdf",
    )  # fmt: skip
    if high - low < 1e-6:  # a flat map still needs two ends
        half = max(5e-7, 0.01 * abs(low))
        low, high = low - half, high + half
    return float(low), float(high)


def ranked(
    texts: Sequence[str], probability: Sequence[float], count: int
) -> list[dict[str, object]]:
    """The likeliest of a vocabulary, likeliest first."""
    order = np.argsort(-np.asarray(probability), kind="stable")[:count]
    return [{"text": texts[k], "probability": round(float(probability[k]), 5)} for k in order]
