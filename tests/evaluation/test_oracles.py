"""The generator's oracles as reference rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.earth.layers import Layers
from psm.earth.sampling import sample_places, source_bias
from psm.earth.soundscape import sample_sounds
from psm.earth.worlds import world_named
from psm.evaluation.oracles import DIRECTIONS, GENERATOR_ORACLES, SOURCE_TAG, oracle_ranks
from psm.seeding import generator


def test_every_oracle_has_every_row(recordings: tuple[Recording, ...]) -> None:
    ranks = oracle_ranks(recordings)
    names = [*(knowledge.value for knowledge in GENERATOR_ORACLES), SOURCE_TAG]
    assert set(ranks) == {
        (name, direction, restriction)
        for name in names
        for direction in DIRECTIONS
        for restriction in ("all", "same_source")
    }
    for (_, _, restriction), placed in ranks.items():
        assert set(placed.gallery) == ({60} if restriction == "all" else {15})
        assert np.all((placed.tied >= 1) & (placed.ahead + placed.tied <= placed.gallery))


def test_who_knows_the_rules_of_a_world_ranks_its_recordings_better_than_who_knows_ours() -> None:
    world = world_named("kepler")
    places = sample_places(300, 2)
    ground = Layers.load().at(lat=places.lat, lon=places.lon)
    odds = world.odds(ground, month=places.month, hour=places.hour)
    told = [
        Recording(
            key=f"r{i}", lat=float(places.lat[i]), lon=float(places.lon[i]),
            month=int(places.month[i]), hour=float(places.hour[i]),
            audio_source=AudioSource(str(places.audio_source[i])),
            caption_source=CaptionSource.META, caption="", split="test", cell="", licence="",
            gsd_m=1000.0, sounds=tuple(
                world.sounds[k] for k in np.flatnonzero(sample_sounds(
                    odds[i] * source_bias(str(places.audio_source[i]), world.sounds),
                    generator(2, "told", i)))),
        )
        for i in range(len(odds))
    ]  # fmt: skip
    best = "place+time+source", "image_to_audio", "all"
    recall = {
        one.name: float(oracle_ranks(told, world=one)[best].hit_share().mean())
        for one in (world, world_named("vulcan"))
    }
    assert recall["kepler"] > recall["vulcan"] + 0.1


def test_real_recordings_leave_the_source_tag_alone(recordings: tuple[Recording, ...]) -> None:
    unknown = [replace(recording, sounds=()) for recording in recordings]
    assert {oracle for oracle, _, _ in oracle_ranks(unknown)} == {SOURCE_TAG}
    assert oracle_ranks([*recordings[:9], replace(recordings[9], month=None)]).keys() == (
        oracle_ranks(unknown).keys()
    )
