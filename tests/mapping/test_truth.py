"""The truth of the simulated Earth beside a map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psm.earth.sounds import Sound
from psm.earth.soundscape import true_probability
from psm.earth.worlds import world_named
from psm.errors import ConfigError
from psm.mapping import EmbeddedCells, Moment, Query, SoundscapeMap, map_query
from psm.mapping.outputs.truthsheet import write_truth_sheet
from psm.mapping.truth import agreement, sound_of, true_map
from psm.model import PSM
from psm.provenance import TAG, UNRECORDED, DataSet, Provenance

SIMULATED = Provenance(trained_on=(DataSet(name="earth", is_simulated=True, recordings=10),))


@pytest.fixture
def wind(model: PSM, embedded: EmbeddedCells) -> SoundscapeMap:
    found = map_query(model, embedded, Query.parse("wind"), Moment(month=1, utc=6.0))
    return replace(found, provenance=SIMULATED)


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("Wind  blowing", Sound.WIND),
        ("wind", Sound.WIND),
        ("bells|church bells", Sound.CHURCH_BELLS),
        ("frogs*2", Sound.FROGS),
    ],
)
def test_people_name_sounds_in_their_own_words(text: str, sound: Sound) -> None:
    assert sound_of(Query.parse(text)) is sound


@pytest.mark.parametrize(
    "query",
    [
        Query.parse("the stock market"),
        Query.parse("wind", "frogs"),
        Query.parse("wind|frogs"),
        Query.parse("wind and rain"),
        Query.parse("wind", without=["frogs"]),
        Query.parse(without=["wind"]),
    ],
)
def test_what_is_no_single_sound_has_no_truth(query: Query) -> None:
    with pytest.raises(ConfigError, match="ask for one of ocean waves, wind blowing"):
        sound_of(query)


def test_the_truth_is_that_of_every_cell_at_its_own_hour(wind: SoundscapeMap) -> None:
    truth = true_map(wind)
    assert np.array_equal(np.isfinite(truth.values()), np.isfinite(wind.values()))
    here = truth.at(lat=25.0, lon=5.0)
    row, column = wind.frame.index(lat=25.0, lon=5.0)
    lat, lon = wind.frame.places([row], [column])
    hour = 6.0 + lon / 15.0
    known = true_probability(lat=lat, lon=lon, month=1, hour=hour, sounds=[Sound.WIND])
    assert here["match_probability"] == pytest.approx(known.item(), abs=1e-6)
    assert here["uncertainty"] == 0.0
    assert truth.tags[TAG] == wind.tags[TAG]


def test_a_model_of_another_world_has_the_truth_of_that_world(wind: SoundscapeMap) -> None:
    world = world_named("kepler")
    new = world.sounds[-1]
    asked = Query.parse(world.queries[new])
    with pytest.raises(ConfigError, match="ask for one of"):
        sound_of(asked)
    assert sound_of(asked, world) is new
    told = world.wording.phrases[Sound.WIND].clauses[-1]
    assert sound_of(Query.parse(told), world) is Sound.WIND
    learnt = DataSet(name="earth, world kepler", is_simulated=True, world="kepler", recordings=10)
    there = replace(wind, provenance=Provenance(trained_on=(learnt,)))
    truth = true_map(there, new)
    row, column = wind.frame.index(lat=25.0, lon=5.0)
    lat, lon = wind.frame.places([row], [column])
    known = true_probability(
        lat=lat, lon=lon, month=1, hour=6.0 + lon / 15.0, sounds=[new], world=world
    )
    here = truth.at(lat=25.0, lon=5.0)
    assert here["match_probability"] == pytest.approx(known.item(), abs=1e-6)


def test_an_unknown_time_is_averaged_over(wind: SoundscapeMap) -> None:
    whole = true_map(replace(wind, moment=Moment(month=1))).values()
    parts = [
        true_map(replace(wind, moment=Moment(month=1, hour=h))).values() for h in range(0, 24, 3)
    ]
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), atol=1e-6)


def test_a_map_agrees_with_itself_and_less_with_another(wind: SoundscapeMap) -> None:
    truth = true_map(wind)
    same, other = agreement(truth, truth), agreement(wind, truth)
    assert (same.error, same.explained) == (0.0, 1.0)
    assert same.spearman == pytest.approx(1.0)
    assert same.mean == same.true_mean == other.true_mean
    assert other.explained < 1.0
    assert other.error > 0.0


def test_a_model_of_real_recordings_has_no_truth(wind: SoundscapeMap) -> None:
    with pytest.raises(ConfigError, match="learnt from recordings"):
        true_map(replace(wind, provenance=UNRECORDED))


def test_the_sheet_carries_what_was_asked(wind: SoundscapeMap, tmp_path: Path) -> None:
    path = write_truth_sheet(wind, true_map(wind), tmp_path / "wind.truth.png", width_px=400)
    with Image.open(path) as picture:
        assert picture.size == (400, 240)
        assert picture.info["query"] == "“wind”"
        assert picture.info[TAG] == SIMULATED.tag
