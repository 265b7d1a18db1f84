"""Retrieval protocol of the PSM paper (Khanal et al., ACM Multimedia 2024), and ours beside it.

One model is evaluated on its imagery at each of its zooms, in both directions, with every subset of
the context fields that the published evaluation knows, with the answer's caption joined to the
query ("with text") and without. An imported model composes and counts as the published code does;
a model of ours by our definitions (``docs/published.md``). Our own rows are there for all models:
intervals over cells, galleries of one source, each source, oracles; the file calls them ``honest``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from psm import __version__
from psm.data.context import CONTEXT_FIELDS
from psm.data.recording import Recording
from psm.earth.worlds import OUR_EARTH, World
from psm.errors import ConfigError, MissingData
from psm.evaluation.intervals import CellBootstrap, Interval
from psm.evaluation.oracles import DIRECTIONS, oracle_ranks
from psm.evaluation.retrieval import EmbeddedCorpus, evaluate_embedded, fields_known
from psm.evaluation.retrievalreport import RetrievalRow
from psm.gaussian import Gaussian, combine
from psm.inference.split import (
    SplitFeatures,
    raw_audio,
    raw_locations,
    raw_text,
)
from psm.model import PSM
from psm.progress import track
from psm.ranks import TiedRanks, tied_ranks
from psm.reference import published_composition, published_hits
from psm.yamlfiles import parse

RESULT_NAME = "psm2024.json"

Fields = tuple[str, ...]

PUBLISHED_SUBSETS: tuple[Fields, ...] = (
    (),
    ("audio_source",),
    ("caption_source",),
    ("latlon",),
    ("month",),
    ("hour",),
    ("month", "hour"),
    ("latlon", "month"),
    ("latlon", "hour"),
    ("latlon", "month", "hour"),
    ("month", "hour", "audio_source"),
    ("month", "hour", "audio_source", "caption_source"),
    ("latlon", "month", "hour", "audio_source"),
    CONTEXT_FIELDS,
)
"""The subsets of the context that the published evaluation can ask for."""


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PaperRow(_Result):
    """One figure of the paper's tables.

    Attributes:
        zoom: of the views.
        fields: the context fields that the location is told.
        composed: whether the answer's caption joins the query.
        direction: ``image_to_audio`` or ``audio_to_image``.
        recall: share of the queries whose answer stands in the first tenth of the gallery; ``None``
            where that is too small to have one.
        ci95: its interval by bootstrap over cells.
        median_rank: 1-based, ties averaged.
    """

    zoom: int
    fields: Fields
    composed: bool
    direction: str
    recall: float | None
    ci95: Interval | None
    median_rank: float


class RetrievalAtZoom(_Result):
    """Our own rows of retrieval at one zoom, as a :class:`RetrievalReport` holds them."""

    zoom: int
    rows: tuple[RetrievalRow, ...]
    per_source: tuple[RetrievalRow, ...]
    reference: tuple[RetrievalRow, ...]


class Psm2024Result(_Result):
    """Result of the protocol for one model; its JSON is what tables are joined from.

    Attributes:
        protocol: names this format.
        version: of the package that measured.
        model: what the tables call the model.
        imagery: what it sees.
        definitions: ``published`` where composed queries and recalls are those of the published
            code (an imported model), else ``ours``.
        context: the context fields that the model knows.
        recordings: a fingerprint of the gallery; only equal ones share a table.
        gallery: how many recordings: all of the split.
        share: of the gallery that counts for ``recall``.
        seed: of the bootstrap.
        rows: the paper's figures.
        honest: our own rows, zoom by zoom.
    """

    protocol: Literal["psm2024"] = "psm2024"
    version: str = __version__
    model: str
    imagery: str
    definitions: Literal["published", "ours"]
    context: Fields
    recordings: str
    gallery: int
    share: float
    seed: int
    rows: tuple[PaperRow, ...]
    honest: tuple[RetrievalAtZoom, ...]

    def row(
        self, zoom: int, fields: Fields, direction: str = "image_to_audio", composed: bool = False
    ) -> PaperRow:
        """One of ``rows``; raises ``KeyError`` if it is not there."""
        wanted = (zoom, fields, direction, composed)
        for row in self.rows:
            if (row.zoom, row.fields, row.direction, row.composed) == wanted:
                return row
        raise KeyError(wanted)


class ResultsFile(_Result):
    """A file of results."""

    results: tuple[Psm2024Result, ...]


def read_results(paths: Sequence[Path]) -> tuple[Psm2024Result, ...]:
    """The results in files, or in folders that hold a ``psm2024.json``.

    Raises:
        MissingData: there is no such file.
        ConfigError: a file holds something else.
    """
    results: list[Psm2024Result] = []
    for given in paths:
        path = given / RESULT_NAME if given.is_dir() else given
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            raise MissingData(
                f"{path}: no such result; make it with psm evaluate --protocol psm2024"
            ) from None
        except (OSError, ValueError) as problem:
            raise ConfigError(f"{path}: not readable as JSON ({problem})") from None
        results += parse(ResultsFile, content, str(path)).results
    return tuple(results)


def evaluate_psm2024(
    model: PSM,
    features: SplitFeatures,
    *,
    name: str | None = None,
    share: float = 0.1,
    seed: int = 0,
    world: World = OUR_EARTH,
) -> Psm2024Result:
    """The protocol of one model on the split whose ``features`` are given.

    Image features are those of each zoom, once; a subset of the context costs a fusion, a row one
    ranking.

    Args:
        model: that the features are of.
        features: of all recordings of a split.
        name: what the tables call the model; its configured name by default.
        share: of the gallery that counts as found.
        seed: of the bootstrap.
        world: that the recordings are of, where they are of a simulated Earth.
    """
    called = name or model.config.name
    ranker = _Ranker(model, features, share=share, seed=seed, world=world)
    subsets = context_subsets(model)
    queries = fields_known(model)
    rows, honest = [], []
    locations: dict[Fields, Gaussian] = {}
    for zoom, fields in track([*product(features.images, subsets)], "ranking"):
        location = raw_locations(model, features, zoom, fields)
        rows += ranker.rows(location, zoom, fields)
        if fields in queries.values():
            locations[fields] = location.unit()
        if fields == subsets[-1]:
            told = {query: locations[known] for query, known in queries.items()}
            honest.append(ranker.honest(told, zoom, called))
    return Psm2024Result(
        model=called,
        imagery=model.config.imagery.name,
        definitions="published" if model.config.reference else "ours",
        context=subsets[-1],
        recordings=recordings_fingerprint(features.recordings),
        gallery=len(features),
        share=share,
        seed=seed,
        rows=tuple(rows),
        honest=tuple(honest),
    )


def context_subsets(model: PSM) -> tuple[Fields, ...]:
    """The published subsets that ``model`` can be told: nothing first, all that it knows last."""
    known = () if model.fusion is None else model.fusion.fields
    subsets = (*(s for s in PUBLISHED_SUBSETS if set(s) < set(known)), known)
    return tuple(dict.fromkeys(subsets))


class _Ranker:
    """Ranks locations against the recordings of one split, with one set of bootstrap draws."""

    def __init__(
        self, model: PSM, features: SplitFeatures, *, share: float, seed: int, world: World
    ) -> None:
        self._is_published = model.config.reference
        self._recordings = features.recordings
        self._audio = raw_audio(model, features)
        self._text = raw_text(model, features)
        self._bootstrap = CellBootstrap([r.cell for r in features.recordings], seed=seed)
        self._oracles = oracle_ranks(features.recordings, world=world)
        self._share, self._seed = share, seed

    def rows(self, location: Gaussian, zoom: int, fields: Fields) -> list[PaperRow]:
        """With and without the caption, in both directions, for raw ``location`` Gaussians."""
        rows = []
        for composed, direction in product((False, True), DIRECTIONS):
            query, gallery = location, self._audio
            if direction == "audio_to_image":
                query, gallery = gallery, query
            asked = self._compose(query) if composed else query.unit()
            placed = tied_ranks(asked, gallery.unit())
            hits = self._hits(placed)
            counted = placed.has_share(self._share)
            rows.append(
                PaperRow(
                    zoom=zoom,
                    fields=fields,
                    composed=composed,
                    direction=direction,
                    recall=float(hits.mean()) if counted.all() else None,
                    ci95=self._bootstrap.interval(hits, counted),
                    median_rank=placed.median_rank,
                )
            )
        return rows

    def honest(self, locations: Mapping[str, Gaussian], zoom: int, name: str) -> RetrievalAtZoom:
        """Our rows, by our definitions, for unit ``locations`` by kind of query."""
        embedded = EmbeddedCorpus(
            self._recordings, locations, self._audio.unit(), self._text.unit()
        )
        report = evaluate_embedded(embedded, name=name, references=self._oracles, seed=self._seed)
        return RetrievalAtZoom(
            zoom=zoom, rows=report.rows, per_source=report.per_source, reference=report.reference
        )

    def _compose(self, query: Gaussian) -> Gaussian:
        if self._is_published:
            return published_composition(query, self._text)
        return combine([query, self._text])

    def _hits(self, placed: TiedRanks) -> NDArray[np.float64]:
        if self._is_published:
            return published_hits(placed.rank, self._share * len(placed))
        return placed.hit_share(self._share)


def recordings_fingerprint(recordings: Sequence[Recording]) -> str:
    """A fingerprint of a gallery by the keys of its recordings, whatever their order."""
    keys = sorted(recording.key for recording in recordings)
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]
