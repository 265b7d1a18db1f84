from __future__ import annotations

import numpy as np
import pytest

from psm.data.recording import AUDIO_SOURCES
from psm.earth import rules
from psm.earth.layers import Layers
from psm.earth.oracle import Knowledge, oracle_scores, set_probability
from psm.earth.sampling import (
    SHARES,
    SampledPlaces,
    hour_weight,
    sample_places,
    source_bias,
    source_biases,
)
from psm.earth.scene import Scene
from psm.earth.soundscape import all_sets, log_set_probability, sample_sounds
from psm.errors import ConfigError
from psm.seeding import generator

N = 700


@pytest.fixture(scope="module")
def world() -> tuple[SampledPlaces, np.ndarray]:
    places = sample_places(N, 11)
    layers = Layers.load().at(lat=places.lat, lon=places.lon)
    odds = rules.odds(Scene.of(layers, month=places.month, hour=places.hour))
    bias = np.stack([source_bias(source) for source in places.audio_source])
    sets = [sample_sounds(odds[i] * bias[i], generator(11, "sounds", i)) for i in range(N)]
    return places, np.stack(sets)


def scores(knowledge, places, sets):
    return oracle_scores(
        knowledge,
        lat=places.lat,
        lon=places.lon,
        month=places.month,
        hour=np.where(places.has_hour, places.hour, np.nan),
        audio_source=places.audio_source,
        sets=sets,
    )


def recall_at_10_percent(score):
    own = np.diag(score)[:, None]
    rank = 1 + (score > own).sum(axis=1) + ((score == own).sum(axis=1) - 1) / 2
    return np.mean(rank <= 0.1 * score.shape[1])


def test_more_knowledge_scores_higher_and_within_the_intended_range(world):
    found = {k: scores(k, *world) for k in Knowledge}
    recall = {k: recall_at_10_percent(found[k].location_to_audio) for k in found}
    back = {k: recall_at_10_percent(found[k].audio_to_location) for k in found}
    for r in (recall, back):
        assert 0.38 < r[Knowledge.PLACE] < 0.53
        assert 0.53 < r[Knowledge.PLACE_TIME] < 0.68
        assert 0.62 < r[Knowledge.ALL] < 0.76
        assert 0.34 < r[Knowledge.PIXELS] < r[Knowledge.PLACE]
        assert r[Knowledge.ALL] < r[Knowledge.ALL_TAGS]
        assert 0.34 < r[Knowledge.SOURCE_TAG] < 0.46  # 0.1 for each of four sources
        assert r[Knowledge.SOURCE] < r[Knowledge.PLACE]


def test_full_knowledge_is_the_generator_itself(world):
    places, sets = world
    rows = np.flatnonzero(places.has_hour)[:40]
    part, chosen = places.rows(rows), sets[rows]
    layers = Layers.load().at(lat=part.lat, lon=part.lon)
    bias = np.stack([source_bias(source) for source in part.audio_source])
    odds = rules.odds(Scene.of(layers, month=part.month, hour=part.hour)) * bias
    given = log_set_probability(odds, chosen)
    got = scores(Knowledge.ALL, part, chosen)
    np.testing.assert_allclose(got.audio_to_location, given.T, rtol=1e-8)
    prior = np.log(np.exp(given).mean(axis=0))
    np.testing.assert_allclose(got.location_to_audio, given - prior, atol=2e-9)


def test_place_and_time_averages_over_the_sources(world):
    places, sets = world
    rows = np.flatnonzero(places.has_hour)[:10]
    part, chosen = places.rows(rows), sets[rows]
    layers = Layers.load().at(lat=part.lat, lon=part.lon)
    odds = rules.odds(Scene.of(layers, month=part.month, hour=part.hour))
    weight = np.stack([SHARES[s] * hour_weight(s, part.hour) for s in AUDIO_SOURCES])
    weight /= weight.sum(axis=0)
    wanted = sum(
        w[:, None] * np.exp(log_set_probability(odds * bias, chosen))
        for w, bias in zip(weight, source_biases(), strict=True)
    )
    got = np.exp(scores(Knowledge.PLACE_TIME, part, chosen).audio_to_location.T)
    np.testing.assert_allclose(got, wanted, rtol=1e-8)


def test_unknown_hour_is_averaged_over(world):
    places, sets = world
    part, chosen = places.rows(np.arange(6)), sets[:6]

    def given(hour):
        return np.exp(oracle_scores(
            "place+time+source", lat=part.lat, lon=part.lon, month=part.month,
            hour=np.full(6, hour), audio_source=["inat"] * 6, sets=chosen,
        ).audio_to_location.T)  # fmt: skip

    hours = np.arange(1.0, 24.0, 2.0)
    weight = hour_weight("inat", hours) / hour_weight("inat", hours).sum()
    wanted = sum(w * given(h) for w, h in zip(weight, hours, strict=True))
    np.testing.assert_allclose(given(np.nan), wanted, rtol=1e-8)


def test_bad_requests_are_named(world):
    places, sets = world
    with pytest.raises(ConfigError, match="telepathy"):
        scores("telepathy", places, sets)
    with pytest.raises(ConfigError, match="one row per recording"):
        scores("place", places, sets[:-1])


@pytest.mark.parametrize("knowledge", ["place+time", "place+time+source", "place", "pixels"])
def test_all_sets_at_once_are_each_set_by_itself(world, knowledge):
    places, _ = world
    part = places.rows(np.arange(3))
    known = {"lat": part.lat, "lon": part.lon, "month": part.month,
             "audio_source": part.audio_source, "hour": [5.0, np.nan, 23.5]}  # fmt: skip
    together = set_probability(knowledge, **known)
    single = set_probability(knowledge, **known, sets=all_sets())
    np.testing.assert_allclose(together, single, rtol=1e-9)
    np.testing.assert_allclose(together.sum(axis=1), 1.0)
