"""Oracle retrieval: the best scores that anybody could reach, knowing the true distribution.

Each function scores N locations (rows) against N recordings (columns), whose sound sets it knows.
Ranking recordings for a location uses log P(S_j | i) - log P(S_j); ranking locations for a
recording uses log P(S_i | j). Both follow from Bayes' rule with a uniform prior over the gallery.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.data.recording import AUDIO_SOURCES, AudioSource
from psm.earth import rules
from psm.earth.layers import Layers, LayerValues
from psm.earth.sampling import SHARES, hour_weight, source_biases
from psm.earth.scene import Scene
from psm.earth.soundscape import normaliser
from psm.errors import ConfigError
from psm.seeding import generator

Floats = NDArray[np.float64]
_HOURS = np.arange(1.0, 24.0, 2.0)
_ROWS = 256
_OTHER_SOURCE = 1e-12


class Knowledge(StrEnum):
    """Knowledge of an oracle: what it is told about a location."""

    PLACE = "place"
    PLACE_TIME = "place+time"
    ALL = "place+time+source"
    ALL_TAGS = "place+time+source, tags of both"
    """The same, and the source of every recording too: the limit where recordings betray it."""
    SOURCE = "source"
    """The location's source, and what that source tends to hear."""
    SOURCE_TAG = "source tag"
    """The sources of both location and recording, and nothing else (0.397 on GeoSound)."""


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
) -> OracleScores:
    """Scores of every location against every recording.

    Args:
        knowledge: what is known of a location beside the rules.
        lat, lon: ``(N,)`` degrees.
        month: ``(N,)`` 1..12.
        hour: ``(N,)`` local hour, NaN where unknown: then it is averaged over.
        audio_source: ``(N,)`` names.
        sets: ``(N, 28)`` the sounds of every recording.

    Raises:
        ConfigError: an unknown kind of knowledge, or arrays of different lengths.
    """
    try:
        known = Knowledge(knowledge)
        sources = np.array([AUDIO_SOURCES.index(AudioSource(s)) for s in np.asarray(audio_source)])
    except ValueError as problem:
        choices = ", ".join(Knowledge)
        raise ConfigError(f"oracle: {problem}; kinds of knowledge: {choices}") from None
    times = np.stack([np.asarray(month, float), np.asarray(hour, float)], axis=1)
    if not len(times) == len(sources) == len(sets) == np.size(lat) == np.size(lon):
        raise ConfigError("oracle: place, time, source and sets must have one row per recording")
    # The tag alone tells recordings of the same source from the others, and nothing more.
    same_source = sources[:, None] == sources[None, :]
    if known is Knowledge.SOURCE_TAG:
        return _break_ties(same_source.astype(float), same_source.T.astype(float))
    # P(S | location) once for each distinct set of sounds: recordings with equal sets score alike.
    unique, column = np.unique(sets, axis=0, return_inverse=True)
    place = Layers.load().at(lat=lat, lon=lon)
    if known is Knowledge.SOURCE:
        # The source's own average over its places and times stands for each of its locations.
        table = _set_probability(known, place, times, sources, unique)
        given = np.empty_like(table)
        for s in np.unique(sources):
            given[sources == s] = table[sources == s].mean(axis=0)
    else:
        given = _set_probability(known, place, times, sources, unique)
    if known is Knowledge.ALL_TAGS:
        # A recording of another source cannot be the one; now equal sets differ by their source.
        given = given[:, column.ravel()] * np.where(same_source, 1.0, _OTHER_SOURCE)
        column = np.arange(len(given))
    # Bayes: log P(S | i) - log P(S) ranks recordings of a location, log P(S | i) its locations.
    log_given = np.log(given)[:, column.ravel()]
    log_prior = np.log(given.mean(axis=0))[column.ravel()]
    return _break_ties(log_given - log_prior, log_given.T)


def _break_ties(location_to_audio: Floats, audio_to_location: Floats) -> OracleScores:
    """Equal scores in random order: averaged ranks would put whole groups in or out of the top."""
    jitter = 1e-9 * generator(0, "oracle ties").random(location_to_audio.shape)
    return OracleScores(
        location_to_audio=location_to_audio + jitter, audio_to_location=audio_to_location + jitter
    )


def _set_probability(
    known: Knowledge,
    place: LayerValues,
    times: Floats,
    sources: NDArray[np.int64],
    sets: NDArray[np.bool_],
) -> Floats:
    """P(S | what is known of location i): ``(N, U)`` for U sets."""
    rows = np.arange(len(place))
    return np.concatenate([
        _block(known, _take(place, part), times[part], sources[part], sets)
        for part in np.array_split(rows, max(1, -(-len(rows) // _ROWS)))
    ])  # fmt: skip


def _block(
    known: Knowledge,
    place: LayerValues,
    times: Floats,
    sources: NDArray[np.int64],
    sets: NDArray[np.bool_],
) -> Floats:
    """P(S) of a source s is prod(odds) * prod(bias_s) / Z_s: only the last two depend on s."""
    biases = source_biases()
    members = sets.T.astype(float)
    # Products over the members of a set, as matrix products of logarithms.
    bias_products = np.exp(np.log(biases) @ members)
    total = np.zeros((len(place), len(sets)))
    mass = np.zeros(len(place))
    for month, hour, share in _passes(known, times):
        scene = Scene.of(place, month=month, hour=hour)
        odds = rules.odds(scene)
        # How likely each source is at this hour: all sources, or only the one that is known.
        weight = np.stack([SHARES[s] * hour_weight(s, scene.hour) for s in AUDIO_SOURCES], axis=1)
        weight *= share[:, None]
        if known not in (Knowledge.PLACE, Knowledge.PLACE_TIME):
            weight *= np.arange(len(AUDIO_SOURCES)) == sources[:, None]
        # Sum over the sources s of weight_s * prod(bias_s) / Z_s, times prod(odds).
        normalisers = np.stack([normaliser(odds * bias) for bias in biases], axis=1)
        total += np.exp(np.log(odds) @ members) * ((weight / normalisers) @ bias_products)
        mass += weight.sum(axis=1)
    return total / mass[:, None]


def _passes(known: Knowledge, times: Floats) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Months, hours and weights ``(N,)`` that an average over the unknown times goes through."""
    month, hour = times.T
    ones = np.ones(len(times))
    if known is Knowledge.PLACE:
        yield from ((m * ones, h * ones, ones) for m in range(1, 13) for h in _HOURS)
        return
    has_hour = ~np.isnan(hour)
    if has_hour.any():
        yield month, np.where(has_hour, hour, 12.0), ones * has_hour
    if not has_hour.all():
        yield from ((month, h * ones, ones * ~has_hour) for h in _HOURS)


def _take(place: LayerValues, rows: NDArray[np.int64]) -> LayerValues:
    return LayerValues(**{name: values[rows] for name, values in vars(place).items()})
