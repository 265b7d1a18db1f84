"""Retrieval protocol: which queries, in which direction, beside which reference.

Four kinds of query put the location side together differently. ``composed`` is the published
"with text" row: the *answer's own* caption joins the query (the image's towards audio, the
recording's towards images), so it is another task and never compared with the others.

Beside every score stand chance and what an oracle of the generator reaches that knows as much as
the query does; ``attainable_share`` is (score - chance) / (oracle - chance). A query of the image
alone is also held against an oracle of what the pixels show: ``visible_share``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from psm.data.recording import Recording
from psm.earth.imputation import VIEW_REACH_KM
from psm.earth.oracle import Knowledge
from psm.earth.worlds import OUR_EARTH, World
from psm.evaluation.intervals import CellBootstrap, Interval
from psm.evaluation.oracles import DIRECTIONS, SOURCE_TAG, Key, oracle_ranks
from psm.evaluation.retrievalreport import RetrievalReport, RetrievalRow
from psm.gaussian import Gaussian, combine
from psm.inference.split import (
    SplitFeatures,
    raw_audio,
    raw_locations,
    raw_text,
)
from psm.model import PSM
from psm.ranks import TiedRanks, chance_ranks, retrieval_ranks, tied_ranks, within_groups

__all__ = [
    "EmbeddedCorpus",
    "compare",
    "embed",
    "evaluate_embedded",
    "evaluate_retrieval",
    "retrieval_ranks",
]

IMAGE = "image"
CONTEXT = "image+context"
SOURCE_FREE = "image+context without source tags"
COMPOSED = "composed"
QUERIES = (IMAGE, CONTEXT, SOURCE_FREE, COMPOSED)
RESTRICTIONS = ("all", "same_source")

ORACLE_OF = {
    IMAGE: Knowledge.PLACE.value,
    CONTEXT: Knowledge.ALL.value,
    SOURCE_FREE: Knowledge.PLACE_TIME.value,
}
"""The oracle that knows as much as a query does; a composed query holds half of the answer."""

PIXELS_OF = {IMAGE: Knowledge.PIXELS.value}
"""The oracle of what is in the pixels, beside one that knows the very place."""

_SOURCES = ("audio_source", "caption_source")


@dataclass(frozen=True)
class EmbeddedCorpus:
    """A test corpus in the Gaussian space, row i of everything being recording i.

    Attributes:
        recordings: the metadata.
        locations: location Gaussians by query kind (``QUERIES`` without ``composed``).
        audio: of the recordings.
        text: of their captions; without it there is no composed query.
    """

    recordings: Sequence[Recording]
    locations: Mapping[str, Gaussian]
    audio: Gaussian
    text: Gaussian | None = None

    def pair(self, query: str, direction: str) -> tuple[Gaussian, Gaussian]:
        """Query and gallery of one kind of query in one direction."""
        composed = query == COMPOSED
        location = self.locations[CONTEXT if composed else query]
        asks, answers = location, self.audio
        if direction == "audio_to_image":
            asks, answers = answers, asks
        if composed and self.text is not None:
            asks = combine([asks, self.text])
        return asks, answers

    @property
    def queries(self) -> tuple[str, ...]:
        """The kinds of query that can be asked."""
        composed = self.text is not None and CONTEXT in self.locations
        return tuple(q for q in QUERIES if q in self.locations or (q == COMPOSED and composed))


def fields_known(model: PSM) -> dict[str, tuple[str, ...]]:
    """The context fields that ``model`` is told for each kind of query but ``composed``."""
    if model.fusion is None:
        return {IMAGE: ()}
    fields = model.fusion.fields
    return {IMAGE: (), CONTEXT: fields, SOURCE_FREE: tuple(f for f in fields if f not in _SOURCES)}


def embed(model: PSM, features: SplitFeatures, *, zoom: int = 1) -> EmbeddedCorpus:
    """Everything that the queries need of a split seen at ``zoom``."""
    return EmbeddedCorpus(
        recordings=features.recordings,
        locations={
            query: raw_locations(model, features, zoom, fields).unit()
            for query, fields in fields_known(model).items()
        },
        audio=raw_audio(model, features).unit(),
        text=raw_text(model, features).unit(),
    )


def evaluate_retrieval(
    model: PSM,
    features: SplitFeatures,
    *,
    name: str | None = None,
    zoom: int = 1,
    seed: int = 0,
    world: World = OUR_EARTH,
) -> RetrievalReport:
    """Retrieval by a model in all rows of the protocol, beside chance and oracles.

    Args:
        model: that the features are of.
        features: of a split, from :func:`psm.inference.split.encode_split`.
        name: the model's name in the rows; its configured one by default.
        zoom: one of those the split was encoded at.
        seed: of the bootstrap.
        world: that the recordings are of.

    Returns:
        The report: rows, rows by source, reference rows.
    """
    reach_km = view_reach_km(model, zoom)
    return evaluate_embedded(
        embed(model, features, zoom=zoom),
        name=name or model.config.name,
        references=oracle_ranks(features.recordings, reach_km=reach_km, world=world),
        seed=seed,
    )


def view_reach_km(model: PSM, zoom: int) -> float:
    """Half the width of the views that a model sees at a zoom; of features, that of the demo's.

    The oracle of pixels is a row to compare with, whatever the model itself sees.
    """
    imagery = model.config.imagery
    return imagery.view_px * imagery.gsd_m * zoom / 2000.0 or VIEW_REACH_KM


def evaluate_embedded(
    embedded: EmbeddedCorpus,
    *,
    name: str,
    references: Mapping[Key, TiedRanks] | None = None,
    reach_km: float = VIEW_REACH_KM,
    seed: int = 0,
) -> RetrievalReport:
    """All rows of the protocol from Gaussians.

    Args:
        embedded: the corpus.
        name: the model's name in the rows.
        references: ranks of the oracles by (oracle, direction, restriction); those of
            :func:`psm.evaluation.oracles.oracle_ranks` by default.
        reach_km: half the width of the views, for the oracle of the pixels.
        seed: of the bootstrap.
    """
    scorer = _Scorer(embedded.recordings, seed)
    known = (
        oracle_ranks(embedded.recordings, reach_km=reach_km) if references is None else references
    )
    rows: list[RetrievalRow] = []
    per_source: list[RetrievalRow] = []
    ranks: dict[tuple[str, str, str], TiedRanks] = {}
    for query, direction in product(embedded.queries, DIRECTIONS):
        pair = embedded.pair(query, direction)
        for restriction in RESTRICTIONS:
            free = restriction == "all"
            placed = tied_ranks(*pair) if free else within_groups(*pair, scorer.sources.tolist())
            oracle, pixels = (
                known.get((told.get(query, ""), direction, restriction))
                for told in (ORACLE_OF, PIXELS_OF)
            )
            labels = (name, query, direction, restriction)
            ranks[labels[1:]] = placed
            rows.append(scorer.row(labels, placed, oracle=oracle, pixels=pixels))
            for source in np.unique(scorer.sources).tolist():
                per_source.append(
                    scorer.row(labels, placed, oracle=oracle, pixels=pixels, source=source)
                )
    reference = [
        scorer.row(("chance", "none", direction, restriction), scorer.chance[restriction])
        for direction, restriction in product(DIRECTIONS, RESTRICTIONS)
    ]
    reference += [scorer.row(("oracle", *labels), placed) for labels, placed in known.items()]
    return RetrievalReport(tuple(rows), tuple(per_source), tuple(reference), ranks)


class _Scorer:
    """From ranks to rows, with the same bootstrap draws for all of them."""

    def __init__(self, recordings: Sequence[Recording], seed: int) -> None:
        self.sources = np.array([recording.audio_source or "other" for recording in recordings])
        self.bootstrap = CellBootstrap([recording.cell for recording in recordings], seed=seed)
        self.chance = {
            "all": chance_ranks(np.zeros(len(recordings))),
            "same_source": chance_ranks(self.sources),
        }

    def row(
        self,
        labels: tuple[str, str, str, str],
        placed: TiedRanks,
        *,
        oracle: TiedRanks | None = None,
        pixels: TiedRanks | None = None,
        source: str = "all",
    ) -> RetrievalRow:
        """The row of the queries of ``source``; labels: model, query, direction, restriction."""
        model, query, direction, restriction = labels
        among = (self.sources == source) | (source == "all")
        mine = placed.rows(among)
        # A tenth of fewer than ten is nobody: such queries can be neither hits nor misses.
        asked = among & placed.has_share()
        score = float(placed.rows(asked).hit_share().mean()) if asked.any() else None
        low = self.chance[restriction].rows(asked).hit_share().mean() if asked.any() else 0.0

        def share(reference: TiedRanks | None) -> float | None:
            if reference is None or score is None:
                return None
            high = reference.rows(asked).hit_share().mean()
            return float((score - low) / (high - low)) if high > low else None

        is_exact = model == "chance" or query == SOURCE_TAG
        return RetrievalRow(
            model=model,
            query=query,
            direction=direction,
            restriction=restriction,
            source=source,
            gallery=round(float(mine.gallery.mean())),
            queries=len(mine),
            r_at_10pct=score,
            ci95=None if is_exact else self.bootstrap.interval(placed.hit_share(), asked),
            median_rank=mine.median_rank,
            **{f"r_at_{top}": float(mine.hit(top).mean()) for top in (1, 5, 10, 50, 100)},
            attainable_share=share(oracle),
            visible_share=share(pixels),
        )


def mean_hits(
    seeds: Sequence[RetrievalReport], labels: tuple[str, str, str]
) -> NDArray[np.float64]:
    """Hit share of each recording in the row ``labels``, averaged over the seeds of one model."""
    hits = np.stack([report.ranks[labels].hit_share() for report in seeds])
    return np.asarray(hits.mean(axis=0))


def compare(
    first: Sequence[RetrievalReport],
    second: Sequence[RetrievalReport],
    recordings: Sequence[Recording],
    *,
    seed: int = 0,
) -> dict[tuple[str, str, str], tuple[float, Interval | None]]:
    """Paired difference in R@10% of two models on one corpus: first minus second.

    Args:
        first, second: a report for each seed of a model; a recording's hits are averaged over them.
        recordings: of the corpus.
        seed: of the bootstrap.

    Returns:
        By query, direction and restriction: the difference and its 95 % interval over cells.
    """
    bootstrap = CellBootstrap([recording.cell for recording in recordings], seed=seed)
    differences = {}
    for labels in first[0].ranks.keys() & second[0].ranks.keys():
        gain = mean_hits(first, labels) - mean_hits(second, labels)
        differences[labels] = float(gain.mean()), bootstrap.interval(gain)
    return differences
