"""Sampling of the simulated Earth: places, times, and what each audio source listens for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, AudioSource
from psm.earth.layers import Layers
from psm.earth.network import shores
from psm.earth.sounds import SOUNDS, Sound
from psm.errors import ConfigError
from psm.geodata import packages
from psm.geodata.land import NORTH_LIMIT, SOUTH_LIMIT
from psm.geodata.packages import town_radius_km
from psm.geodata.sphere import KM_PER_DEGREE, wrap_longitude
from psm.seeding import generator

Floats = NDArray[np.float64]

SHORE_KM = 10.0
"""Places at sea are kept up to this far from land."""

BANDS = ((-60.0, -20.0, 0.30), (-20.0, 0.0, 0.16), (0.0, 25.0, 0.16), (25.0, 84.0, 0.38))
"""Latitude bands (south, north, share): the southern seasons get as good a look as the northern."""


class Box(NamedTuple):
    """Part of the world that places are drawn in, and its share of them."""

    south: float
    north: float
    west: float
    east: float
    share: float


WORLD = tuple(Box(south, north, -180.0, 180.0, share) for south, north, share in BANDS)

KINDS = (("town", 0.55), ("shore", 0.12), ("anywhere", 0.33))
_ATTEMPTS = 24

SHARES: dict[AudioSource, float] = {
    AudioSource.YFCC: 0.30,
    AudioSource.INAT: 0.35,
    AudioSource.APOREE: 0.20,
    AudioSource.FREESOUND: 0.15,
}
"""Share of each source in the recordings, about that of GeoSound."""

ROUND_THE_CLOCK: dict[AudioSource, float] = {
    AudioSource.YFCC: 0.45,
    AudioSource.INAT: 0.90,
    AudioSource.APOREE: 0.70,
    AudioSource.FREESOUND: 0.80,
}
"""Share of recordings whose hour is drawn evenly round the clock; the rest come by day."""

_ANIMALS = (
    Sound.DAWN_CHORUS, Sound.SONGBIRDS, Sound.GULLS, Sound.OWLS, Sound.CRICKETS, Sound.CICADAS,
    Sound.FROGS, Sound.WOLVES, Sound.WOODPECKERS, Sound.GEESE, Sound.HOWLER_MONKEYS,
)  # fmt: skip
_FARM = (Sound.DOGS, Sound.ROOSTERS, Sound.CATTLE, Sound.SHEEP)
_WEATHER = (Sound.WAVES, Sound.WIND, Sound.RAIN, Sound.THUNDER, Sound.STREAM, Sound.LAKE_ICE)
_MACHINES = (
    Sound.TRAFFIC, Sound.HORNS, Sound.SIRENS, Sound.TRAINS, Sound.AIRCRAFT, Sound.CONSTRUCTION,
    Sound.FOG_HORNS, Sound.SPRINKLERS,
)  # fmt: skip
_PEOPLE = (Sound.VOICES, Sound.CHURCH_BELLS, Sound.CAMPFIRE, Sound.ROWING, Sound.SNOW_STEPS)

_BIAS: dict[AudioSource, tuple[tuple[tuple[Sound, ...], float], ...]] = {
    AudioSource.INAT: (
        (_ANIMALS, 3.5), (_FARM, 0.8), (_WEATHER, 0.4), (_MACHINES, 0.2), (_PEOPLE, 0.2),
    ),
    AudioSource.YFCC: (
        (_ANIMALS, 0.4), (_FARM, 1.0), (_WEATHER, 0.7), (_MACHINES, 1.8), (_PEOPLE, 3.0),
    ),
    AudioSource.APOREE: (
        (_ANIMALS, 1.0), (_FARM, 1.5), (_WEATHER, 1.5), (_MACHINES, 0.8), (_PEOPLE, 1.0),
    ),
    AudioSource.FREESOUND: (
        (_ANIMALS, 0.5), (_FARM, 0.8), (_WEATHER, 2.5), (_MACHINES, 2.5), (_PEOPLE, 0.7),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class SampledPlaces:
    """Places and times of N recordings, arrays ``(N,)``; row i depends on the seed and i alone."""

    lat: Floats
    lon: Floats
    month: NDArray[np.int64]
    hour: Floats
    """Local mean solar time in [0, 24): the true hour, also where the recording hides it."""
    audio_source: NDArray[np.str_]
    caption_source: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.lat)

    def rows(self, index: NDArray[np.int64]) -> SampledPlaces:
        """The places at ``index``."""
        return SampledPlaces(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    @classmethod
    def concatenate(cls, parts: Sequence[SampledPlaces]) -> SampledPlaces:
        """One list of places from several."""
        columns = (f.name for f in fields(cls))
        return cls(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in columns})

    @property
    def has_hour(self) -> NDArray[np.bool_]:
        """False for freesound, whose recordings carry a month but no hour."""
        return np.asarray(self.audio_source != AudioSource.FREESOUND.value)


def sample_places(
    n: int, seed: int, *, start: int = 0, region: BaseGeometry | None = None
) -> SampledPlaces:
    """Places ``start .. start + n - 1`` of the endless list that ``seed`` names.

    A place lies on land or within 10 km of it, north of 60 degrees south. Its latitude band is
    drawn first (:data:`BANDS`), then whether it lies near a town (larger towns more often), on a
    sea shore, or anywhere on land. In a region the boxes of its polygons stand for the bands.

    Args:
        n: how many.
        seed: of the list.
        start: number of the first.
        region: polygons in longitude and latitude, within which they lie; a place for which none
            of its attempts found land there has NaN for latitude and longitude.

    Returns:
        The places.

    Raises:
        ConfigError: ``n`` or ``start`` is negative.
    """
    if n < 0 or start < 0:
        raise ConfigError(f"places: n={n} and start={start} must not be negative")
    draws = np.empty((n, 8 + 3 * _ATTEMPTS))
    for i in range(n):
        draws[i] = generator(seed, "places", start + i).random(draws.shape[1])
    boxes = WORLD if region is None else _boxes(region)
    band = _choose([box.share for box in boxes], draws[:, 0])
    kind = _choose([share for _, share in KINDS], draws[:, 1])
    source = _choose([SHARES[name] for name in AUDIO_SOURCES], draws[:, 2])
    any_hour = draws[:, 5] < np.array([ROUND_THE_CLOCK[name] for name in AUDIO_SOURCES])[source]
    hour = np.where(any_hour, draws[:, 4] * 24.0, 6.0 + draws[:, 4] * 14.0)
    attempts = draws[:, 8:].reshape(n, _ATTEMPTS, 3)
    lat, lon = _positions(boxes, band, kind, attempts, region)
    return SampledPlaces(
        lat=lat,
        lon=lon,
        month=1 + np.minimum((draws[:, 3] * 12).astype(np.int64), 11),
        hour=np.minimum(hour, np.nextafter(24.0, 0.0)),
        audio_source=np.array([name.value for name in AUDIO_SOURCES])[source],
        caption_source=np.array([name.value for name in CAPTION_SOURCES])[
            np.minimum((draws[:, 6] * len(CAPTION_SOURCES)).astype(int), len(CAPTION_SOURCES) - 1)
        ],
    )


def _choose(shares: list[float], uniform: Floats) -> NDArray[np.int64]:
    edges = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(edges, uniform, side="right"), len(shares) - 1)


def _boxes(region: BaseGeometry) -> tuple[Box, ...]:
    """The boxes around the polygons of a region, each with its area for its share."""
    found = []
    for polygon in shapely.get_parts(region):
        west, south, east, north = polygon.bounds
        height = np.sin(np.deg2rad(north)) - np.sin(np.deg2rad(south))
        found.append(Box(south, north, west, east, float(height * (east - west))))
    return tuple(found)


def _positions(
    boxes: Sequence[Box],
    band: NDArray[np.int64],
    kind: NDArray[np.int64],
    draws: Floats,
    region: BaseGeometry | None,
) -> tuple[Floats, Floats]:
    """The first of each place's attempts that lies on land or near the shore, and in the region."""
    lat, lon = np.full(len(band), np.nan), np.full(len(band), np.nan)
    for attempt in range(draws.shape[1]):
        open_ = np.flatnonzero(np.isnan(lat))
        if not len(open_):
            break
        if attempt == draws.shape[1] // 2:  # a small band of sea: go where there is a town
            kind = np.where(np.isnan(lat), 0, kind)
        lats, lons = _attempt(boxes, band[open_], kind[open_], draws[open_, attempt])
        layers = Layers.load().at(lat=lats, lon=lons)
        good = (layers.is_land | (layers.coast_km <= SHORE_KM)) & (lats > SOUTH_LIMIT)
        if region is not None:
            good &= shapely.contains_xy(region, lons, lats)
        lat[open_[good]], lon[open_[good]] = lats[good], lons[good]
    assert region or not np.isnan(lat).any(), "a dozen attempts near towns found no land"
    return lat, lon


def _attempt(
    boxes: Sequence[Box], band: NDArray[np.int64], kind: NDArray[np.int64], draws: Floats
) -> tuple[Floats, Floats]:
    lat, lon = np.empty(len(band)), np.empty(len(band))
    for b, box in enumerate(boxes):
        for k, (name, _) in enumerate(KINDS):
            here = np.flatnonzero((band == b) & (kind == k))
            u, v, w = draws[here].T
            anchors = None if name == "anywhere" else _anchors(box, name)
            if anchors is None:
                low, high = np.sin(np.deg2rad([box.south, box.north]))
                lat[here] = np.rad2deg(np.arcsin(low + u * (high - low)))
                lon[here] = (box.east - box.west) * v + box.west
                continue
            anchor_lat, anchor_lon, reach_km, edges = anchors
            index = np.minimum(np.searchsorted(edges, u, side="right"), len(edges) - 1)
            # Uniform in angle; the distance is exponential, so that most places are near.
            distance = np.minimum(-np.log1p(-v), 4.0) * reach_km[index] / KM_PER_DEGREE
            lat[here] = anchor_lat[index] + distance * np.sin(2.0 * np.pi * w)
            shrink = np.cos(np.deg2rad(anchor_lat[index]))
            lon[here] = anchor_lon[index] + distance * np.cos(2.0 * np.pi * w) / shrink
    return np.asarray(np.clip(lat, -89.0, NORTH_LIMIT), float), wrap_longitude(lon)


@lru_cache(maxsize=16)
def _anchors(box: Box, kind: str) -> tuple[Floats, Floats, Floats, Floats] | None:
    """Anchor points in a box: lat, lon, reach in km, cumulative share; ``None`` without any."""
    if kind == "town":
        towns = packages.towns()
        lat, lon = towns.lat, towns.lon
        reach_km, weight = 1.0 + 1.3 * town_radius_km(towns.people), towns.people**0.4
    else:
        shore = shores()
        lat, lon = np.asarray(shore["sea_lat"], float), np.asarray(shore["sea_lon"], float)
        # Mask pixels narrow towards the poles; the Arctic's ragged shores count less still.
        reach_km, weight = np.full(len(lat), 3.0), np.cos(np.deg2rad(lat)) ** 2
    inside = (lat > box.south) & (lat <= box.north) & (lon >= box.west) & (lon <= box.east)
    weight = weight * inside
    if not weight.any():
        return None
    return lat, lon, reach_km, np.cumsum(weight) / weight.sum()


def source_bias(source: AudioSource | str, sounds: Sequence[Sound] = SOUNDS) -> Floats:
    """What a source listens for: multipliers ``(sounds,)`` on the odds."""
    factors = {sound: factor for group, factor in _BIAS[AudioSource(source)] for sound in group}
    return np.array([factors[sound] for sound in sounds])


def source_biases(sounds: Sequence[Sound] = SOUNDS) -> Floats:
    """:func:`source_bias` of every source, ``(4, sounds)`` in the order of ``AUDIO_SOURCES``."""
    return np.stack([source_bias(source, sounds) for source in AUDIO_SOURCES])


def hour_weight(source: AudioSource | str, hour: ArrayLike) -> Floats:
    """Density of a source's recordings over the local hour, 1 = even; its mean over 24 h is 1."""
    share = ROUND_THE_CLOCK[AudioSource(source)]
    by_day = (np.asarray(hour, float) >= 6.0) & (np.asarray(hour, float) < 20.0)
    return np.asarray(share + (1.0 - share) * by_day * 24.0 / 14.0)
