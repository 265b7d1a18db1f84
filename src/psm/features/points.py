"""Features of points: each place takes those of the nearest one, if it is near enough."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.spatial import cKDTree

from psm.errors import ConfigError
from psm.features.provider import Vector
from psm.geodata.sphere import chord_to_km, unit_vectors
from psm.imagery.provider import NoImagery, Reason


@dataclass(frozen=True, eq=False)
class FeaturePoints:
    """Points with features.

    Attributes:
        lat, lon: degrees, ``(n,)``.
        values: ``(n, numbers)``; a row that is not finite has none.
        reach_km: how far from a point a place may lie and still have its features.
    """

    lat: Float[np.ndarray, " n"]
    lon: Float[np.ndarray, " n"]
    values: Float32[np.ndarray, "n numbers"]
    reach_km: float

    @property
    def digest(self) -> str:
        """A short name of places and values."""
        whole = hashlib.sha256()
        for array in (self.lat, self.lon, self.values):
            whole.update(np.ascontiguousarray(array).tobytes())
        return whole.hexdigest()[:16]

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
    ) -> Iterator[Vector | NoImagery]:
        """The features of the nearest point of each place, or why there are none.

        Args:
            lat, lon: degrees.
        """
        tree = cKDTree(unit_vectors(lat=self.lat, lon=self.lon))
        chord, nearest = tree.query(unit_vectors(lat=lat, lon=lon))
        for km, row in zip(chord_to_km(chord), np.asarray(nearest), strict=True):
            if km > self.reach_km:
                yield NoImagery(Reason.OUTSIDE, f"nearest features {km:.1f} km away")
            elif not np.isfinite(self.values[row]).all():
                yield NoImagery(Reason.NO_DATA)
            else:
                yield self.values[row]


class NearestFeatures:
    """Base of providers whose features are those of the nearest of some points.

    Attributes:
        name: of the provider.
        version: of the features.
    """

    name: str
    version: str
    _points: FeaturePoints

    @property
    def size(self) -> int:
        """Numbers a place."""
        return int(self._points.values.shape[1])

    @property
    def settings(self) -> Mapping[str, object]:
        """The version, the content, and how far a point reaches."""
        return {
            "provider": self.name,
            "version": self.version,
            "content": self._points.digest,
            "reach_km": self._points.reach_km,
        }

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
    ) -> Iterator[Vector | NoImagery]:
        """See :meth:`psm.features.FeatureProvider.read`.

        Args:
            lat, lon: degrees.

        Returns:
            The vector of the nearest point of every place, or why there is none.
        """
        return self._points.read(lat=lat, lon=lon)


def require_points(
    origin: str, lat: np.ndarray, lon: np.ndarray, values: np.ndarray, reach_km: float
) -> FeaturePoints:
    """Points from arrays of a file, checked.

    Args:
        origin: the file, for errors.
        lat, lon, values: as the file has them.
        reach_km: see :class:`FeaturePoints`.

    Raises:
        ConfigError: their shapes do not fit together, or a place lies outside of the Earth.
    """
    if lat.ndim != 1 or lat.shape != lon.shape or values.ndim != 2 or len(values) != len(lat):
        shapes = ", ".join("x".join(map(str, array.shape)) for array in (lat, lon, values))
        raise ConfigError(f"{origin}: lat, lon and vector are {shapes}; they must be n, n and nxF")
    if not len(lat) or not values.shape[1]:
        raise ConfigError(f"{origin}: holds no features")
    for name, degrees, most in (("lat", lat, 90.0), ("lon", lon, 180.0)):
        if not (np.abs(degrees.astype(float)) <= most).all():
            raise ConfigError(f"{origin}: a {name} that is not from -{most:g} to {most:g} degrees")
    return FeaturePoints(lat.astype(float), lon.astype(float), values.astype(np.float32), reach_km)
