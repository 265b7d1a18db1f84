"""Error decomposition: how much of retrieval is lost by seeing places, and how much by hearing.

Either side of a pair is answered for in turn by somebody who knows better. Places: an oracle of the
rules, or a linear probe of the location embedding. Sounds: the true ones, or what a linear probe of
the audio embedding hears. What an oracle loses when it must hear through the probe is lost by the
audio side; what a probe of the places loses against the oracle is lost by the location side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.special import logsumexp

from psm.data.recording import Recording
from psm.earth.imputation import VIEW_REACH_KM
from psm.earth.oracle import Knowledge, set_probability
from psm.earth.soundscape import all_sets, log_set_probability
from psm.earth.worlds import OUR_EARTH, World
from psm.evaluation.intervals import CellBootstrap, Interval
from psm.evaluation.oracles import DIRECTIONS, log_scores
from psm.evaluation.probing.probes import Folds, probe_odds
from psm.evaluation.retrieval import IMAGE, SOURCE_FREE, EmbeddedCorpus
from psm.ranks import TiedRanks, score_ranks, tied_ranks

Floats = NDArray[np.float64]

PROBE = "location probe"
MODEL = "the model"
TRUE_SOUNDS = "true sounds"
HEARD = "audio probe"

ORACLES: dict[str, dict[str, Knowledge]] = {
    "oracle: place": {IMAGE: Knowledge.PLACE, SOURCE_FREE: Knowledge.PLACE_TIME},
    "oracle: pixels": {IMAGE: Knowledge.PIXELS},
}
"""What each oracle is told beside each kind of query."""

_LEAST = 1e-300


@dataclass(frozen=True, kw_only=True)
class DecompositionRow:
    """R@10% of one pairing of who knows the places and who hears the sounds.

    Attributes:
        sees: one of :data:`ORACLES`, :data:`PROBE` or :data:`MODEL`.
        hears: :data:`TRUE_SOUNDS`, :data:`HEARD` or :data:`MODEL`.
        query: the kind of query that the probe and the model answer, ``image`` say.
        direction: ``image_to_audio`` or ``audio_to_image``.
        r_at_10pct: share of queries whose answer is in the first tenth of the gallery.
        ci95: its interval by bootstrap over cells.
    """

    sees: str
    hears: str
    query: str
    direction: str
    r_at_10pct: float
    ci95: Interval | None


def decompose(
    embedded: EmbeddedCorpus,
    folds: Folds,
    *,
    reach_km: float = VIEW_REACH_KM,
    seed: int = 0,
    world: World = OUR_EARTH,
) -> tuple[DecompositionRow, ...]:
    """The rows of who sees and who hears, from embeddings of recordings of the simulated Earth.

    Args:
        embedded: recordings that have ``sounds`` and a month, and their embeddings.
        folds: of the recordings, for the probes.
        reach_km: half the width of the view, for the oracle of the pixels.
        seed: of the bootstrap.
        world: that the recordings are of.
    """
    recordings = embedded.recordings
    sets = held_sets(recordings, world)
    bootstrap = CellBootstrap([recording.cell for recording in recordings], seed=seed)
    heard = probe_odds(embedded.audio.mean.double().numpy(), sets, folds)
    every = all_sets(len(world.sounds))
    likelihood = _likelihood(log_set_probability(heard, every))
    rows: list[DecompositionRow] = []
    column = _columns(every, sets)
    for query in (IMAGE, SOURCE_FREE):
        if query not in embedded.locations:
            continue
        given = {
            sees: _oracle(told[query], recordings, reach_km, world)
            for sees, told in ORACLES.items()
            if query in told
        }
        location = embedded.locations[query].mean.double().numpy()
        given[PROBE] = np.exp(log_set_probability(probe_odds(location, sets, folds), every))
        pairs: dict[tuple[str, str], Mapping[str, TiedRanks]] = {}
        for sees, table in given.items():
            pairs[sees, TRUE_SOUNDS] = _ranks(np.log(table[:, column].clip(_LEAST)))
            pairs[sees, HEARD] = _ranks(_heard(table, *likelihood))
        pairs[MODEL, MODEL] = {d: tied_ranks(*embedded.pair(query, d)) for d in DIRECTIONS}
        for (sees, hears), direction in product(pairs, DIRECTIONS):
            hits = pairs[sees, hears][direction].hit_share()
            rows.append(
                DecompositionRow(
                    sees=sees,
                    hears=hears,
                    query=query,
                    direction=direction,
                    r_at_10pct=float(hits.mean()),
                    ci95=bootstrap.interval(hits),
                )
            )
    return tuple(rows)


def held_sets(
    recordings: Sequence[Recording], world: World = OUR_EARTH
) -> Bool[np.ndarray, "n sounds"]:
    """Which of a world's sounds each recording holds."""
    return np.array([[sound in r.sounds for sound in world.sounds] for r in recordings])


def _oracle(
    knowledge: Knowledge,
    recordings: Sequence[Recording],
    reach_km: float,
    world: World,
) -> Floats:
    return set_probability(
        knowledge,
        lat=[r.lat for r in recordings],
        lon=[r.lon for r in recordings],
        month=[np.nan if r.month is None else r.month for r in recordings],
        hour=[np.nan if r.hour is None else r.hour for r in recordings],
        audio_source=[r.audio_source or "other" for r in recordings],
        reach_km=reach_km,
        world=world,
    )


def _likelihood(log_heard: Floats) -> tuple[Floats, Floats]:
    """P(recording | set), each recording's highest being 1, and the logarithms of the highest.

    From log P(set | recording), the recordings being as likely one as the other: the likelihood
    goes with P(set | recording) / P(set), the latter the share of the set as they are heard.
    """
    share = logsumexp(log_heard, axis=0) - np.log(len(log_heard))
    ratio = log_heard - share
    highest = ratio.max(axis=1)
    return np.exp(ratio - highest[:, None]), highest


def _heard(given: Floats, likelihood: Floats, highest: Floats) -> Float[np.ndarray, "n n"]:
    """log P(recording j | location i): the sum over sets of P(set | i) P(j | set)."""
    scores = given @ likelihood.T
    return np.asarray(np.log(scores.clip(_LEAST)) + highest)


def _ranks(log_given: Floats) -> dict[str, TiedRanks]:
    return {direction: score_ranks(scores) for direction, scores in log_scores(log_given).items()}


def _columns(every: NDArray[np.bool_], sets: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The row of ``every`` that each of ``sets`` is."""
    number = 1 << np.arange(sets.shape[1], dtype=np.int64)
    order = np.argsort(every @ number)
    return np.asarray(order[np.searchsorted((every @ number)[order], sets @ number)])
