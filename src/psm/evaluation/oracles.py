"""Retrieval oracles: the ranks of somebody who knows the generator, or the source tag alone.

On the simulated Earth the best possible score for each kind of knowledge is computable
(:mod:`psm.earth.oracle`). Elsewhere only the source tag is left: on GeoSound's mix of archives
knowing it alone reaches R@10% 0.397.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from psm.data.recording import Recording
from psm.earth.imputation import VIEW_REACH_KM
from psm.earth.oracle import Knowledge, oracle_scores
from psm.earth.worlds import OUR_EARTH, World
from psm.ranks import (
    TiedRanks,
    chance_ranks,
    join,
    score_ranks,
    tag_ranks,
)

SOURCE_TAG = "source tag"
Key = tuple[str, str, str]
"""Oracle, direction, restriction."""

DIRECTIONS = ("image_to_audio", "audio_to_image")
GENERATOR_ORACLES = (Knowledge.PIXELS, Knowledge.PLACE, Knowledge.PLACE_TIME, Knowledge.ALL)


def has_truth(recordings: Sequence[Recording]) -> bool:
    """Whether recordings are of the simulated Earth: all have ``sounds`` and a month."""
    return bool(recordings) and all(r.sounds and r.month is not None for r in recordings)


def oracle_ranks(
    recordings: Sequence[Recording],
    *,
    reach_km: float = VIEW_REACH_KM,
    world: World = OUR_EARTH,
) -> dict[Key, TiedRanks]:
    """Ranks of every oracle by (oracle, direction, restriction).

    The generator's oracles need recordings of the simulated Earth; without them only the source
    tag's rows are there.

    Args:
        recordings: queries and gallery.
        reach_km: half the width of the views, for the oracle of the pixels.
        world: that the recordings are of.
    """
    sources = np.array([recording.audio_source or "other" for recording in recordings])
    groups = [np.flatnonzero(sources == source) for source in np.unique(sources)]
    ranks: dict[Key, TiedRanks] = {}
    if has_truth(recordings):
        for knowledge in GENERATOR_ORACLES:
            log_given = _log_given(knowledge, recordings, sources, reach_km, world)
            for direction, scores in log_scores(log_given).items():
                ranks[knowledge.value, direction, "all"] = score_ranks(scores)
            parts = [log_scores(log_given[np.ix_(rows, rows)]) for rows in groups]
            for direction in DIRECTIONS:
                ranks[knowledge.value, direction, "same_source"] = join(
                    [score_ranks(part[direction]) for part in parts], groups
                )
    for direction in DIRECTIONS:
        ranks[SOURCE_TAG, direction, "all"] = tag_ranks(sources)
        ranks[SOURCE_TAG, direction, "same_source"] = chance_ranks(sources)
    return ranks


def _log_given(
    knowledge: Knowledge,
    recordings: Sequence[Recording],
    sources: NDArray[np.str_],
    reach_km: float,
    world: World,
) -> NDArray[np.float64]:
    """log P(sounds of recording j | what is known of location i), ``(n, n)``."""
    scores = oracle_scores(
        knowledge,
        lat=[r.lat for r in recordings],
        lon=[r.lon for r in recordings],
        month=[np.nan if r.month is None else r.month for r in recordings],
        hour=[np.nan if r.hour is None else r.hour for r in recordings],
        audio_source=sources,
        sets=np.array([[sound in r.sounds for sound in world.sounds] for r in recordings]),
        reach_km=reach_km,
        world=world,
    )
    return scores.audio_to_location.T


def log_scores(log_given: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Scores by direction from log P(recording j | location i), ``(n, n)``.

    Bayes' rule with a uniform prior over this very gallery.
    """
    log_prior = logsumexp(log_given, axis=0) - np.log(len(log_given))
    return {"image_to_audio": log_given - log_prior, "audio_to_image": log_given.T}
