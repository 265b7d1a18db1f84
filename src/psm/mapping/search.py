"""The best places for a query, and the best recordings for a place, no two of them too near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from psm.calibration import Curve
from psm.data.recording import Recording
from psm.errors import ConfigError
from psm.gaussian import Gaussian, csd
from psm.geodata.sphere import km_to_chord, unit_vectors
from psm.mapping.bands import UNCERTAINTY
from psm.mapping.map_data import MapData


@dataclass(frozen=True)
class FoundPlace:
    """A cell that matches a query.

    Attributes:
        lat, lon: centre of the cell, degrees.
        probability: of a match.
        uncertainty: its standard deviation.
    """

    lat: float
    lon: float
    probability: float
    uncertainty: float


@dataclass(frozen=True)
class FoundRecording:
    """A recording that matches a place.

    Attributes:
        recording: what is known of it.
        probability: of a match.
    """

    recording: Recording
    probability: float


def best_places(soundscape: MapData, count: int = 20, *, apart_km: float = 0.0) -> list[FoundPlace]:
    """The cells of a map that match best, best first.

    Args:
        soundscape: a map of probabilities.
        count: how many, at most.
        apart_km: a cell nearer than this to a better one is left out.

    Raises:
        ConfigError: a count or a distance that is none.
    """
    values, spread = soundscape.values(), soundscape.values(UNCERTAINTY.name)
    rows, columns = np.nonzero(np.isfinite(values))
    lat, lon = soundscape.frame.places(rows, columns)
    kept = spread_out(values[rows, columns], lat=lat, lon=lon, count=count, apart_km=apart_km)
    return [
        FoundPlace(
            float(lat[at]),
            float(lon[at]),
            float(values[rows[at], columns[at]]),
            float(spread[rows[at], columns[at]]),
        )
        for at in kept
    ]


def best_recordings(
    place: Gaussian,
    gallery: Gaussian,
    recordings: Sequence[Recording],
    curve: Curve,
    count: int = 20,
    *,
    apart_km: float = 0.0,
) -> list[FoundRecording]:
    """The recordings of a gallery that match a place best, best first; exact.

    Args:
        place: its Gaussian, ``(1, dim)``.
        gallery: of the recordings' sound, ``(n, dim)``.
        recordings: the same, in the same order.
        curve: from distance to probability.
        count: how many, at most.
        apart_km: a recording made nearer than this to a better one is left out.

    Raises:
        ConfigError: a count or a distance that is none.
    """
    probability = curve(csd(place, gallery)[0]).cpu().numpy()
    kept = spread_out(
        probability,
        lat=np.array([recording.lat for recording in recordings]),
        lon=np.array([recording.lon for recording in recordings]),
        count=count,
        apart_km=apart_km,
    )
    return [FoundRecording(recordings[at], float(probability[at])) for at in kept]


def spread_out(
    values: Float[np.ndarray, " n"],
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    count: int,
    apart_km: float,
) -> list[int]:
    """Indices of the highest values, highest first, none nearer than ``apart_km`` to a higher one.

    Raises:
        ConfigError: a count or a distance that is none.
    """
    if count < 1 or not 0.0 <= apart_km < np.inf:
        raise ConfigError(f"search for {count} results {apart_km:g} km apart: both must make sense")
    if apart_km == 0.0:
        best = np.argsort(-values, kind="stable")[:count]
        return [int(at) for at in best if np.isfinite(values[at])]
    points = unit_vectors(lat=lat, lon=lon)
    reach = km_to_chord(min(apart_km, 20015.0)) ** 2
    left: NDArray[np.floating] = np.where(np.isfinite(values), values, -np.inf)
    kept: list[int] = []
    while len(kept) < count:
        at = int(np.argmax(left))
        if left[at] == -np.inf:
            break
        kept.append(at)
        left[((points - points[at]) ** 2).sum(-1) < reach] = -np.inf
        left[at] = -np.inf
    return kept
