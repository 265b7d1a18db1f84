"""Raking: weights under which recordings lie evenly over the land and around the clock.

Archives record near towns, in some latitudes and by day. That much of their bias is known from
where and when each recording was made, and can be undone: recordings are weighted until their
shares by distance to the nearest town, by zone of latitude, by month and by hour are those of the
land (Deming & Stephan 1940, "On a least squares adjustment of a sampled frequency table when the
expected marginal totals are known"). What archives listen for, there and then, cannot be undone so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from psm.data.recording import Recording
from psm.geodata.land import land_grid
from psm.geodata.packages import towns
from psm.geodata.sphere import km_to_chord, unit_vectors

LARGEST = 20.0
"""No recording counts more than as many of them on average."""

_TOWN_KM = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)  # edges of the strata
_ZONES = 20  # of latitude, of equal area from pole to pole
_HOURS = 6  # parts of the day
_STEP_DEG = 1.0
_ROUNDS = 40

Floats = Float[np.ndarray, " n"]


def even_weights(recordings: Sequence[Recording]) -> Floats:
    """Weight of each recording, 1 on average, by which they stand for the land as it is.

    Recordings of unknown month or hour keep the share of these that they have. Every square
    kilometre of land counts alike, and every hour of the year.

    Raises:
        MissingExtra: the packages with the shores and the towns are not installed.
    """
    lat = np.array([recording.lat for recording in recordings])
    lon = np.array([recording.lon for recording in recordings])
    land = _land()
    margins = [(strata, share) for strata, share in zip(_strata(lat, lon), land, strict=True)]
    for values, parts, cycle in (
        ([recording.month for recording in recordings], 12, 12.0),
        ([recording.hour for recording in recordings], _HOURS, 24.0),
    ):
        margins.append(_round_the_clock(values, parts, cycle))
    weight = np.ones(len(recordings))
    for _ in range(_ROUNDS):
        for strata, share in margins:
            weight = weight * _factor(strata, share, weight)[strata]
        weight = np.minimum(weight / weight.mean(), LARGEST)
    return np.asarray(weight / weight.mean())


def effective_size(weight: Floats) -> float:
    """How many recordings of equal weight would tell as much (Kish 1965)."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def _factor(strata: Int[np.ndarray, " n"], share: Floats, weight: Floats) -> Floats:
    """What the weights of each stratum are multiplied by; strata without recordings are left out.

    A share of NaN is not known: that stratum stays as it is.
    """
    held = np.bincount(strata, weight, minlength=len(share))
    is_asked = np.isfinite(share) & (held > 0.0)
    wanted = np.where(is_asked, share, 0.0)
    wanted *= held[is_asked].sum() / max(wanted.sum(), np.finfo(float).tiny)
    return np.divide(wanted, held, out=np.ones(len(share)), where=is_asked)


def _round_the_clock(
    values: Sequence[float | None], parts: int, cycle: float
) -> tuple[Int[np.ndarray, " n"], Floats]:
    """Equal parts of a year or a day; what is unknown is a stratum of its own."""
    first = 1.0 if parts == 12 else 0.0
    strata = np.array(
        [parts if v is None else int((v - first) * parts / cycle) % parts for v in values]
    )
    return strata, np.array([*np.full(parts, 1.0 / parts), np.nan])


def _strata(lat: Floats, lon: Floats) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """By distance to the nearest town, and by zone of latitude."""
    distance, _ = _towns().query(unit_vectors(lat=lat, lon=lon))
    nearness = np.searchsorted([km_to_chord(km) for km in _TOWN_KM], distance, side="right")
    zone = ((np.sin(np.deg2rad(lat)) + 1.0) * _ZONES / 2.0).astype(np.int64)
    return nearness, np.clip(zone, 0, _ZONES - 1)


@lru_cache(maxsize=1)
def _towns() -> KDTree:
    known = towns()
    return KDTree(unit_vectors(lat=known.lat, lon=known.lon))


@lru_cache(maxsize=1)
def _land() -> tuple[Floats, Floats]:
    """Shares of the land by :func:`_strata`."""
    lat, lon = land_grid(_STEP_DEG)
    area = np.cos(np.deg2rad(lat))
    counts = zip(_strata(lat, lon), (len(_TOWN_KM) + 1, _ZONES), strict=True)
    near, zone = (np.bincount(strata, area, minlength=size) / area.sum() for strata, size in counts)
    return near, zone


def thinned(
    weight: Floats, count: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " kept"], Floats]:
    """A sample of ``count`` rows that serves all recordings alike and those of weight as well.

    Half of a row's chance is that of any other, half goes by its weight (systematic sampling;
    Madow 1949), so that the sample is efficient with either weights, and no weight more than
    doubles.

    Returns:
        The rows in random order, and the chance that each had to be drawn.
    """
    if count >= len(weight):
        rows = rng.permutation(len(weight))
        return rows, np.ones(len(rows))
    share = 0.5 / len(weight) + 0.5 * weight / weight.sum()
    chance = np.minimum(1.0, count * share)
    for _ in range(20):  # those that are certain leave more to the others
        free = chance < 1.0
        left = count - np.count_nonzero(~free)
        chance = np.where(free, np.minimum(1.0, left * share / share[free].sum()), 1.0)
    order = rng.permutation(len(weight))
    ends = np.cumsum(chance[order])
    ends *= count / ends[-1]
    at = np.searchsorted(ends, np.arange(count) + rng.random(), side="right")
    rows = order[np.minimum(at, len(order) - 1)]
    # A certain row is met once: its stretch is as long as the step.
    rows = rng.permutation(np.unique(rows))
    return rows, chance[rows]
