"""The generator's oracles as reference rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psm.data.recording import Recording
from psm.evaluation.oracles import DIRECTIONS, GENERATOR_ORACLES, SOURCE_TAG, oracle_ranks


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


def test_real_recordings_leave_the_source_tag_alone(recordings: tuple[Recording, ...]) -> None:
    unknown = [replace(recording, sounds=()) for recording in recordings]
    assert {oracle for oracle, _, _ in oracle_ranks(unknown)} == {SOURCE_TAG}
    assert oracle_ranks([*recordings[:9], replace(recordings[9], month=None)]).keys() == (
        oracle_ranks(unknown).keys()
    )
