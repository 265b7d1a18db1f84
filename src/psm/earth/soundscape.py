"""Conditional Poisson sampling of sounds: exact probabilities of sets of sounds from their odds.

Each sound is heard independently with odds o_k, given that a clip holds between one and three of
them (conditional Poisson sampling; Chen, Dempster & Liu 1994, "Weighted finite population sampling
to maximize entropy", Biometrika 81). With e_r the elementary symmetric polynomials of the odds:

    P(S) = prod_{k in S} o_k / Z,   Z = e_1 + e_2 + e_3
    P(k in S) = o_k (1 + e_1' + e_2') / Z,   e' without sound k.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.earth.layers import Layers, LayerValues
from psm.earth.sounds import SOUNDS, Sound
from psm.earth.worlds import OUR_EARTH, World
from psm.errors import ConfigError, InvalidContext

Floats = NDArray[np.float64]
MAX_SOUNDS = 3


def odds(
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    month: ArrayLike,
    hour: ArrayLike,
    world: World = OUR_EARTH,
) -> Floats:
    """Odds of every sound at N places and times (arguments broadcast): ``(N, sounds)``.

    Raises:
        InvalidContext: a coordinate, month or hour out of range.
    """
    lats, lons, months, hours = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(value, float)) for value in (lat, lon, month, hour))
    )
    for name, values, low, high in (
        ("latitude", lats, -90.0, 90.0),
        ("longitude", lons, -180.0, 180.0),
        ("month", months, 1.0, 12.0),
    ):
        if not ((values >= low) & (values <= high)).all():
            raise InvalidContext(f"{name} outside [{low:g}, {high:g}]")
    if not ((hours >= 0.0) & (hours < 24.0)).all():
        raise InvalidContext("hour outside [0, 24)")
    layers = Layers.load().at(lat=lats, lon=lons)
    return world.odds(layers, month=months.astype(int), hour=hours)


def elementary(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Elementary symmetric polynomials e1, e2, e3 over the last axis (all terms positive)."""
    e1 = np.zeros(values.shape[:-1])
    e2, e3 = e1.copy(), e1.copy()
    for k in range(values.shape[-1]):  # the recurrence adds only: no cancellation
        value = values[..., k]
        e3 += e2 * value
        e2 += e1 * value
        e1 += value
    return e1, e2, e3


def normaliser(values: Floats) -> Floats:
    """Z of every row of odds ``(N, K)``: ``(N,)``."""
    e1, e2, e3 = elementary(values)
    return e1 + e2 + e3


def probability(values: Floats) -> Floats:
    """Probability that each sound is in the clip, ``(N, K)`` from odds ``(N, K)``; rows sum 1..3.

    Prefix and suffix polynomials give e' without a division or a subtraction.
    """
    values = np.asarray(values, float)
    count = values.shape[-1]
    # e_1 and e_2 of the sounds before k (prefix) and from k on (suffix).
    prefix = np.zeros((count + 1, 2, *values.shape[:-1]))
    suffix = np.zeros_like(prefix)
    for k in range(count):
        value = values[..., k]
        prefix[k + 1, 0] = prefix[k, 0] + value
        prefix[k + 1, 1] = prefix[k, 1] + prefix[k, 0] * value
    for k in range(count - 1, -1, -1):
        value = values[..., k]
        suffix[k, 0] = suffix[k + 1, 0] + value
        suffix[k, 1] = suffix[k + 1, 1] + suffix[k + 1, 0] * value
    # Joined, they are e_1' and e_2' of all sounds but k: one from either side, or both from one.
    before, after = prefix[:-1], suffix[1:]
    e1 = before[:, 0] + after[:, 0]
    e2 = before[:, 1] + after[:, 1] + before[:, 0] * after[:, 0]
    # P(k in S) = o_k (1 + e_1' + e_2') / Z: alone, with one other, with two others.
    share = np.moveaxis(1.0 + e1 + e2, 0, -1) / normaliser(values)[..., None]
    return np.asarray(values * share)


@lru_cache(maxsize=2)
def all_sets(count: int = len(SOUNDS)) -> NDArray[np.bool_]:
    """Every set that a clip may hold, one to three of ``count`` sounds: ``(sets, count)``."""
    chosen = [
        set_ for size in range(1, MAX_SOUNDS + 1) for set_ in combinations(range(count), size)
    ]
    sets = np.zeros((len(chosen), count), bool)
    for row, members in enumerate(chosen):
        sets[row, list(members)] = True
    sets.setflags(write=False)  # shared by every caller through the cache
    return sets


def log_set_probability(values: Floats, sets: NDArray[np.bool_]) -> Floats:
    """log P(S) of M sets ``(M, K)`` under N rows of odds ``(N, K)``: ``(N, M)``."""
    return np.asarray(np.log(values) @ sets.T.astype(float) - np.log(normaliser(values))[:, None])


def sample_sounds(values: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """One exact draw of a set from the odds ``(K,)`` of one place: bool ``(K,)``.

    Sound by sound, each given those drawn before: with r sounds still allowed and e_r over the
    sounds not yet decided, the odds of taking k are o_k e_{<r}(rest) to e_{<=r}(rest).
    """
    values = np.asarray(values, float)
    count = len(values)
    # The recurrence e_r(k:) = e_r(k+1:) + o_k e_{r-1}(k+1:), from the last sound to the first.
    rest = np.zeros((count + 1, MAX_SOUNDS + 1))  # rest[k, r]: e_r of values[k:]
    rest[:, 0] = 1.0
    for k in range(count - 1, -1, -1):
        rest[k, 1:] = rest[k + 1, 1:] + values[k] * rest[k + 1, :-1]
    # How many sounds: P(r) = e_r / Z. Then which, sound by sound.
    size = 1 + int(rng.choice(MAX_SOUNDS, p=rest[0, 1:] / rest[0, 1:].sum()))
    drawn = np.zeros(count, bool)
    for k in range(count):
        if size == 0:
            break
        if rng.random() * rest[k, size] < values[k] * rest[k + 1, size - 1]:
            drawn[k] = True
            size -= 1
    return drawn


def true_probability(
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    month: ArrayLike,
    hour: ArrayLike,
    sounds: Iterable[Sound | str] | None = None,
    world: World = OUR_EARTH,
) -> Floats:
    """The ground truth of a soundscape map: P(sound | place, month, hour), ``(N, len(sounds))``.

    No audio source's bias enters. All sounds of the world by default. Raises:
        ConfigError: a sound that the world does not know.
        InvalidContext: a coordinate or a time out of range.
    """
    try:
        columns = [world.column(sound) for sound in (world.sounds if sounds is None else sounds)]
    except ValueError as problem:
        raise ConfigError(f"{problem}; known sounds: {', '.join(world.sounds)}") from None
    return probability(odds(lat=lat, lon=lon, month=month, hour=hour, world=world))[:, columns]


def true_probability_at(
    places: LayerValues,
    *,
    month: ArrayLike,
    hour: ArrayLike,
    sound: Sound,
    world: World = OUR_EARTH,
) -> Floats:
    """The same of one sound at places whose layers are known, which take most of the time.

    Args:
        places: ``(N,)``, see :meth:`psm.earth.layers.Layers.at`.
        month, hour: 1..12 and local hours in [0, 24), broadcast over the places.
        sound: of the world.
        world: whose truth it is.
    """
    values = world.odds(places, month=month, hour=hour)
    return probability(values)[:, world.column(sound)]
