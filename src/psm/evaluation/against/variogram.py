"""Empirical semivariogram of errors, and the range within which they are alike.

Matheron's estimator over classes of great-circle distance, and an exponential model with a nugget
fitted to it by weighted least squares (Cressie 1993, "Statistics for Spatial Data", sections 2.4
and 2.6). By hand, since it is a few lines of numpy: libraries for it bring compilers along, or know
the plane alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from psm.geodata.sphere import chord_to_km, unit_vectors
from psm.seeding import generator

_MOST = 1500  # points: their pairs are a million
_CLASSES = 15
_LEAST_PAIRS = 30  # in a class (Journel & Huijbregts 1978)
_LEAST_CLASSES = 4  # else three numbers cannot be fitted
_REACH = 0.5  # of the largest distance: beyond, pairs are of the margins alone
_CLEAR = 0.1  # part of the sill that has to have a range, for one to be spoken of


@dataclass(frozen=True, eq=False)
class Variogram:
    """Half the mean squared difference of two values, by the distance between them.

    Attributes:
        distance_km: ``(classes,)`` mean distance of the pairs of a class.
        semivariance: ``(classes,)`` in the squared unit of the values.
        pairs: ``(classes,)`` how many.
        nugget: semivariance of the model at no distance: noise, and what changes at a place.
        sill: that at any distance; NaN where there are too few pairs for a model.
        range_km: distance at which the model has come 95 % of the way from nugget to sill: nearer
            values are alike. 0 where no structure shows, infinite where it is longer than the
            distances that there are.
        scale_km: of the exponential.
    """

    distance_km: Float[np.ndarray, " classes"]
    semivariance: Float[np.ndarray, " classes"]
    pairs: Int[np.ndarray, " classes"]
    nugget: float
    sill: float
    range_km: float
    scale_km: float

    def model(self, distance_km: ArrayLike) -> Float[np.ndarray, "*shape"]:
        """The fitted model: ``nugget + (sill - nugget) (1 - exp(-distance / scale))``.

        Args:
            distance_km: any shape.

        Returns:
            Its semivariance, the same shape.
        """
        return _exponential(np.asarray(distance_km, float), self.nugget, self.sill, self.scale_km)

    @property
    def words(self) -> str:
        """What the range says, in one sentence."""
        if not np.isfinite(self.sill):
            return "too few pairs of points for a range"
        if self.range_km == 0.0:
            return "errors of neighbours are no more alike than those of others"
        if np.isinf(self.range_km):
            return "errors are alike over all distances that there are"
        return f"errors are alike within some {in_km(self.range_km)}"

    def to_json(self) -> dict[str, Any]:
        """All of it; what is not known, or infinite, is null."""

        def known(value: float) -> float | None:
            return float(value) if np.isfinite(value) else None

        return {
            "range_km": known(self.range_km),
            "nugget": known(self.nugget),
            "sill": known(self.sill),
            "words": self.words,
            "classes": [
                {"distance_km": float(d), "semivariance": float(s), "pairs": int(n)}
                for d, s, n in zip(self.distance_km, self.semivariance, self.pairs, strict=True)
            ],
        }


def in_km(length: float) -> str:
    """A length for people, to two digits.

    Args:
        length: kilometres.

    Returns:
        As ``190 km``, ``4,400 km`` or ``0.35 km``.
    """
    rounded = float(f"{length:.2g}")
    return f"{rounded:,.0f} km" if rounded >= 10.0 else f"{rounded:g} km"


def variogram(values: ArrayLike, *, lat: ArrayLike, lon: ArrayLike, seed: int = 0) -> Variogram:
    """Semivariogram of values at places.

    Args:
        values: ``(n,)``, as errors of a prediction.
        lat, lon: ``(n,)`` degrees.
        seed: which 1500 points, where there are more.

    Returns:
        The classes that hold at least 30 pairs, narrower where points are near, and the model.
    """
    chosen = generator(seed, "variogram").permutation(len(np.atleast_1d(values)))[:_MOST]
    error = np.atleast_1d(np.asarray(values, float))[chosen]
    vectors = unit_vectors(lat=lat, lon=lon)[chosen]
    first, second = np.triu_indices(len(error), 1)
    distance = chord_to_km(np.linalg.norm(vectors[first] - vectors[second], axis=1))
    half = 0.5 * (error[first] - error[second]) ** 2
    reach = _REACH * float(distance.max(initial=0.0))
    edges = reach * (np.arange(1, _CLASSES + 1) / _CLASSES) ** 2
    number = np.searchsorted(edges, distance)
    pairs = np.bincount(number, minlength=_CLASSES + 1)[:_CLASSES]
    is_kept = pairs >= _LEAST_PAIRS
    mean_distance, semivariance = (
        (np.bincount(number, x, minlength=_CLASSES + 1)[:_CLASSES] / np.maximum(pairs, 1))[is_kept]
        for x in (distance, half)
    )
    fitted = _fitted(mean_distance, semivariance, pairs[is_kept])
    return Variogram(mean_distance, semivariance, pairs[is_kept], *fitted)


def _exponential(
    distance: Float[np.ndarray, "*shape"], nugget: float, sill: float, scale: float
) -> Float[np.ndarray, "*shape"]:
    return np.asarray(nugget + (sill - nugget) * -np.expm1(-distance / scale))


def _fitted(
    distance: Float[np.ndarray, " classes"],
    semivariance: Float[np.ndarray, " classes"],
    pairs: Int[np.ndarray, " classes"],
) -> tuple[float, float, float, float]:
    """Nugget, sill, range and scale; NaN where there is too little to fit them to."""
    unknown = float("nan")
    if len(distance) < _LEAST_CLASSES or not semivariance.max() > 0.0:
        return unknown, unknown, unknown, unknown
    level = float(np.average(semivariance, weights=pairs))
    farthest = float(distance.max())

    def misfit(log: Float[np.ndarray, " three"]) -> Float[np.ndarray, " classes"]:
        nugget, partial, scale = np.exp(log)
        model = _exponential(distance, nugget, nugget + partial, scale)
        return np.asarray(np.sqrt(pairs) * (semivariance / model - 1.0))  # Cressie 1985, eq. 5

    low, high = np.log([[1e-6 * level, 1e-6 * level, 1e-3 * farthest],
                     [10.0 * level, 10.0 * level, 10.0 * farthest]])  # fmt: skip
    starts = [np.log([level * share, level * (1.0 - share), farthest * at])
              for share in (0.1, 0.6) for at in (0.05, 0.3)]  # fmt: skip
    best = min((least_squares(misfit, start, bounds=(low, high)) for start in starts),
               key=lambda found: float(found.cost))  # fmt: skip
    nugget, partial, scale = (float(value) for value in np.exp(best.x))
    sill, range_km = nugget + partial, -np.log(0.05) * scale
    if _exponential(np.array([farthest]), 0.0, partial, scale)[0] < _CLEAR * sill:
        range_km = 0.0
    elif range_km > 2.0 * farthest:
        range_km = float("inf")
    return nugget, sill, range_km, scale
