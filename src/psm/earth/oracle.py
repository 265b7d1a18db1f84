"""Oracle retrieval: the best scores that anybody could reach, knowing the true distribution.

Each function scores N locations (rows) against N recordings (columns), whose sound sets it knows.
Ranking recordings for a location uses log P(S_j | i) - log P(S_j); ranking locations for a
recording uses log P(S_i | j). Both follow from Bayes' rule with a uniform prior over the gallery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.data.recording import AUDIO_SOURCES, AudioSource
from psm.earth.imputation import VIEW_REACH_KM, ImputedLayers, impute
from psm.earth.layers import Layers, LayerValues
from psm.earth.sampling import SHARES, hour_weight, source_biases
from psm.earth.soundscape import all_sets, normaliser
from psm.earth.worlds import OUR_EARTH, World
from psm.errors import ConfigError
from psm.seeding import generator

Floats = NDArray[np.float64]
_HOURS = np.arange(1.0, 24.0, 2.0)
_ROWS = 1024
_OTHER_SOURCE = 1e-12
_UNEQUAL = "oracle: place, time, source and sets must have one row per recording"


class Knowledge(StrEnum):
    """Knowledge of an oracle: what it is told about a location."""

    PIXELS = "pixels"
    """What a view of the place shows (:mod:`psm.earth.imputation`), and nothing of where it is."""
    PLACE = "place"
    PLACE_TIME = "place+time"
    ALL = "place+time+source"
    ALL_TAGS = "place+time+source, tags of both"
    """The same, and the source of every recording too: the limit where recordings betray it."""
    SOURCE = "source"
    """The location's source, and what that source tends to hear."""
    SOURCE_TAG = "source tag"
    """The sources of both location and recording, and nothing else (0.397 on GeoSound)."""


_OF_ALL_SOURCES = (Knowledge.PIXELS, Knowledge.PLACE, Knowledge.PLACE_TIME)


@dataclass(frozen=True)
class OracleScores:
    """Scores ``(N, N)``: row = query, column = gallery item; the true pairs are the diagonal."""

    location_to_audio: Floats
    audio_to_location: Floats


def oracle_scores(
    knowledge: Knowledge | str,
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    month: ArrayLike,
    hour: ArrayLike,
    audio_source: ArrayLike,
    sets: NDArray[np.bool_],
    reach_km: float = VIEW_REACH_KM,
    world: World = OUR_EARTH,
) -> OracleScores:
    """Scores of every location against every recording.

    Args:
        knowledge: what is known of a location beside the rules.
        lat, lon: ``(N,)`` degrees.
        month: ``(N,)`` 1..12.
        hour: ``(N,)`` local hour, NaN where unknown: then it is averaged over.
        audio_source: ``(N,)`` names.
        sets: ``(N, sounds)`` the sounds of every recording.
        reach_km: half the width of the view, for the oracle of the pixels.
        world: whose rules are known.

    Raises:
        ConfigError: an unknown kind of knowledge, or arrays of different lengths.
    """
    known, times, sources = _checked(knowledge, lat, lon, month, hour, audio_source)
    if len(sets) != len(sources):
        raise ConfigError(_UNEQUAL)
    # The tag alone tells recordings of the same source from the others, and nothing more.
    same_source = sources[:, None] == sources[None, :]
    if known is Knowledge.SOURCE_TAG:
        return _break_ties(same_source.astype(float), same_source.T.astype(float))
    # P(S | location) once for each distinct set of sounds: recordings with equal sets score alike.
    unique, column = np.unique(sets, axis=0, return_inverse=True)
    place = _place(known, lat, lon, reach_km)
    if known is Knowledge.SOURCE:
        # The source's own average over its places and times stands for each of its locations.
        table = _set_probability(known, place, times, sources, unique, world)
        given = np.empty_like(table)
        for s in np.unique(sources):
            given[sources == s] = table[sources == s].mean(axis=0)
    else:
        given = _set_probability(known, place, times, sources, unique, world)
    if known is Knowledge.ALL_TAGS:
        # A recording of another source cannot be the one; now equal sets differ by their source.
        given = given[:, column.ravel()] * np.where(same_source, 1.0, _OTHER_SOURCE)
        column = np.arange(len(given))
    # Bayes: log P(S | i) - log P(S) ranks recordings of a location, log P(S | i) its locations.
    log_given = np.log(given)[:, column.ravel()]
    log_prior = np.log(given.mean(axis=0))[column.ravel()]
    return _break_ties(log_given - log_prior, log_given.T)


def set_probability(
    knowledge: Knowledge | str,
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    month: ArrayLike,
    hour: ArrayLike,
    audio_source: ArrayLike,
    sets: NDArray[np.bool_] | None = None,
    reach_km: float = VIEW_REACH_KM,
    world: World = OUR_EARTH,
) -> Floats:
    """P(S | what is known of location i) of sets of sounds.

    Args:
        knowledge: one that is of a location alone: not ``source``, and none of the tags.
        lat, lon, month, hour, audio_source, reach_km, world: as of :func:`oracle_scores`.
        sets: ``(U, sounds)``; :func:`psm.earth.soundscape.all_sets` by default.

    Returns:
        ``(N, U)``.

    Raises:
        ConfigError: as :func:`oracle_scores`.
    """
    known, times, sources = _checked(knowledge, lat, lon, month, hour, audio_source)
    place = _place(known, lat, lon, reach_km)
    return _set_probability(known, place, times, sources, sets, world)


def _checked(
    knowledge: Knowledge | str,
    lat: ArrayLike,
    lon: ArrayLike,
    month: ArrayLike,
    hour: ArrayLike,
    audio_source: ArrayLike,
) -> tuple[Knowledge, Floats, NDArray[np.int64]]:
    """The kind of knowledge, times ``(N, 2)`` and the numbers of the sources."""
    try:
        known = Knowledge(knowledge)
        sources = np.array([AUDIO_SOURCES.index(AudioSource(s)) for s in np.asarray(audio_source)])
    except ValueError as problem:
        choices = ", ".join(Knowledge)
        raise ConfigError(f"oracle: {problem}; kinds of knowledge: {choices}") from None
    times = np.stack([np.asarray(month, float), np.asarray(hour, float)], axis=1)
    if not len(times) == len(sources) == np.size(lat) == np.size(lon):
        raise ConfigError(_UNEQUAL)
    return known, times, sources


def _place(
    known: Knowledge, lat: ArrayLike, lon: ArrayLike, reach_km: float
) -> LayerValues | ImputedLayers:
    place = Layers.load().at(lat=lat, lon=lon)
    return impute(place, reach_km=reach_km) if known is Knowledge.PIXELS else place


def _break_ties(location_to_audio: Floats, audio_to_location: Floats) -> OracleScores:
    """Equal scores in random order: averaged ranks would put whole groups in or out of the top."""
    jitter = 1e-9 * generator(0, "oracle ties").random(location_to_audio.shape)
    return OracleScores(
        location_to_audio=location_to_audio + jitter, audio_to_location=audio_to_location + jitter
    )


def _set_probability(
    known: Knowledge,
    place: LayerValues | ImputedLayers,
    times: Floats,
    sources: NDArray[np.int64],
    sets: NDArray[np.bool_] | None,
    world: World,
) -> Floats:
    """P(S | what is known of location i): ``(N, U)`` for U sets, or for all of them."""
    rows = np.arange(len(place))
    parts = []
    for part in np.array_split(rows, max(1, -(-len(rows) // _ROWS))):
        moments = list(_moments(known, place.rows(part), times[part], sources[part], world))
        biases = source_biases(world.sounds)
        total = _sums_of_all(moments, biases) if sets is None else _sums(moments, biases, sets)
        parts.append(total / np.sum([moment.mass for moment in moments], axis=0)[:, None])
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Moment:
    """N places at one of the moments that are averaged over.

    P(S) of a source s is prod(odds) * prod(bias_s) / Z_s, of which only the last two depend on s.
    """

    odds: Floats
    """``(N, sounds)``"""
    share: Floats
    """``(N, sources)``: how likely each source is then, over its Z."""
    mass: Floats
    """``(N,)``: how much the moment counts."""


def _moments(
    known: Knowledge,
    place: LayerValues | ImputedLayers,
    times: Floats,
    sources: NDArray[np.int64],
    world: World,
) -> Iterator[_Moment]:
    biases = source_biases(world.sounds)
    for number, (month, hour, share) in enumerate(_passes(known, times)):
        layers = place.draw(number) if isinstance(place, ImputedLayers) else place
        odds = world.odds(layers, month=month, hour=hour)
        # How likely each source is at this hour: all sources, or only the one that is known.
        weight = np.stack([SHARES[s] * hour_weight(s, hour) for s in AUDIO_SOURCES], axis=1)
        weight *= share[:, None]
        if known not in _OF_ALL_SOURCES:
            weight *= np.arange(len(AUDIO_SOURCES)) == sources[:, None]
        normalisers = np.stack([normaliser(odds * bias) for bias in biases], axis=1)
        yield _Moment(odds, weight / normalisers, weight.sum(axis=1))


def _sums(moments: Sequence[_Moment], biases: Floats, sets: NDArray[np.bool_]) -> Floats:
    """Sums over moments and sources of share * prod(odds) * prod(bias), for some sets."""
    members = sets.T.astype(float)
    # Products over the members of a set, as matrix products of logarithms.
    bias_products = np.exp(np.log(biases) @ members)
    total = np.zeros((len(moments[0].mass), len(sets)))
    for moment in moments:
        total += np.exp(np.log(moment.odds) @ members) * (moment.share @ bias_products)
    return total


def _sums_of_all(moments: Sequence[_Moment], biases: Floats) -> Floats:
    """The same for :func:`psm.earth.soundscape.all_sets`, in their order.

    Sums over moments of products of two odds are a matrix product, those of three one for each
    first sound: a fifth of the work of a product for each set and moment.
    """
    odds = np.stack([moment.odds for moment in moments], axis=1)  # (N, moments, sounds)
    share = np.stack([moment.share for moment in moments], axis=1)
    count = odds.shape[2]
    upper = [np.triu_indices(size, 1) for size in range(count + 1)]
    total = np.zeros((len(odds), len(all_sets(count))))
    for s, bias in enumerate(biases):
        biased = odds * bias
        weighted = share[:, :, s, None] * biased
        pairs = weighted.transpose(0, 2, 1) @ biased
        found = [weighted.sum(axis=1), pairs[:, *upper[count]]]
        for k in range(count - 2):
            later = biased[:, :, k + 1 :]
            triples = (weighted[:, :, k, None] * later).transpose(0, 2, 1) @ later
            found.append(triples[:, *upper[count - 1 - k]])
        total += np.concatenate(found, axis=1)
    return total


def _passes(known: Knowledge, times: Floats) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Months, hours and weights ``(N,)`` that an average over the unknown times goes through."""
    month, hour = times.T
    ones = np.ones(len(times))
    if known in (Knowledge.PLACE, Knowledge.PIXELS):
        yield from ((m * ones, h * ones, ones) for m in range(1, 13) for h in _HOURS)
        return
    has_hour = ~np.isnan(hour)
    if has_hour.any():
        yield month, np.where(has_hour, hour, 12.0), ones * has_hour
    if not has_hour.all():
        yield from ((month, h * ones, ones * ~has_hour) for h in _HOURS)
