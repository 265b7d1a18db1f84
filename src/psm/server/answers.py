"""Answers of the model to questions: each computed once, in the model's thread, and remembered."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from psm.calibration import Calibration, curves_of
from psm.cartography.style import ends_of
from psm.curves import QueryCurves
from psm.familiarity import QueryFamiliarity, TermFamiliarity
from psm.gaussian import Gaussian, concatenate
from psm.inference.queries import EncodedTerm, text_terms
from psm.mapping.bands import BANDS
from psm.mapping.compare import soundscape_map
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.moment import Moment
from psm.mapping.profile import sounds_at, through_time
from psm.mapping.query import Query
from psm.mapping.scale import ColourScale, scale_of
from psm.mapping.soundscape_map import SoundscapeMap
from psm.mapping.term import Term
from psm.model import PSM
from psm.server.coefficients.numbers import numbers_of
from psm.server.coefficients.schemas import NumbersModel
from psm.server.jobs import SharedJobs, WorkerThread
from psm.server.lrucache import LRUCache
from psm.server.problems import Problem
from psm.server.questions import LAYERS, QuestionParams, TermsParams
from psm.server.served import ServedStore
from psm.server.sounds import Vocabulary
from psm.server.uploads import UploadedRecording, UploadedRecordings

_SHORT_NAMES = [band.short_name for band in BANDS]

Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ResolvedQuestion:
    """A question whose recordings are found.

    Attributes:
        query: in the words of :mod:`psm.mapping`.
        key: the same for the same question.
        recordings: each of its recordings in the space of the model.
    """

    query: Query
    key: str
    recordings: dict[Path, EncodedTerm]


@dataclass(frozen=True, eq=False)
class MapAnswer:
    """The map of one question at one moment, as numbers of the cells.

    Attributes:
        values: a row of each of :data:`psm.mapping.bands.BANDS`; float32, NaN without imagery.
        seconds: that it took.
        familiarity: of the question, where the model says.
    """

    values: Float[np.ndarray, "bands cells"]
    seconds: float
    familiarity: QueryFamiliarity | None = None

    @property
    def size_bytes(self) -> int:
        """In memory."""
        return self.values.nbytes

    def layer(self, name: str) -> NDArray[np.float32]:
        """A band of all cells, by its short name."""
        layer: NDArray[np.float32] = self.values[_SHORT_NAMES.index(name)]
        return layer


class Answers:
    """Answers of one model about its stores; equal questions that come together ask it once.

    Args:
        model: in evaluation mode.
        calibration: of the model.
        vocabulary: the sounds that places are held against.
        uploads: the recordings that questions may name.
        worker: the thread of the model.
        memory_bytes: for maps.
    """

    def __init__(
        self,
        model: PSM,
        *,
        calibration: Calibration | None,
        vocabulary: Vocabulary,
        uploads: UploadedRecordings,
        worker: WorkerThread,
        memory_bytes: float,
    ) -> None:
        self.model, self.calibration, self.vocabulary = model, calibration, vocabulary
        self.maps: LRUCache[MapAnswer] = LRUCache(memory_bytes, lambda made: made.size_bytes)
        self._small: LRUCache[Any] = LRUCache(4096)
        self._encodings: LRUCache[EncodedQuery] = LRUCache(1024)
        self._uploads, self._worker, self._shared = uploads, worker, SharedJobs(worker)

    @cached_property
    def sounds(self) -> Gaussian:
        """The vocabulary in the space of the model."""
        return concatenate([term.gaussian for term in self._sound_terms])

    @cached_property
    def sound_curves(self) -> QueryCurves:
        """From distances to the sounds of the vocabulary to probabilities."""
        curves = self._curves(self.sounds)
        known = zip(self.vocabulary.sounds, self._sound_terms, strict=True)
        ceilings = [
            TermFamiliarity(text, term.likeness).ceiling if term.likeness is not None else 1.0
            for text, term in known
        ]
        return curves if min(ceilings) == 1.0 else curves.capped(torch.tensor(ceilings))

    @cached_property
    def _sound_terms(self) -> list[EncodedTerm]:
        return text_terms(self.model, self.vocabulary.sounds)

    def _curves(self, queries: Gaussian) -> QueryCurves:
        return curves_of(self.model, self.calibration, queries)

    def upload(self, id_: str) -> UploadedRecording:
        """A recording that was uploaded.

        Raises:
            Problem: 404, it is forgotten.
        """
        found = self._uploads.get(id_)
        if found is None:
            raise Problem(
                404, "The server does not know this recording (any more): upload it again.",
                kind="unknown-audio",
            )  # fmt: skip
        return found

    def resolve(self, terms: TermsParams) -> ResolvedQuestion:
        """A question with its recordings.

        Raises:
            Problem: 404, a recording is forgotten.
        """
        uploads = [self.upload(id_) for id_ in terms.audio]
        recordings = {Path(upload.id) / upload.name: upload.encoded for upload in uploads}
        words = [list(terms.text), list(terms.without), list(terms.audio)]
        query = Query(terms=(*terms.parsed(), *(Term(audio=path) for path in recordings)))
        return ResolvedQuestion(query, digest(words), recordings)

    async def map_of(self, store: ServedStore, question: QuestionParams) -> MapAnswer:
        """The map of a question; asked of the model once, however many tiles want it."""
        resolved, moment = self.resolve(question), question.moment
        key = (store.id, store.version, resolved.key, moment)

        def work() -> MapAnswer:
            encoded = self._encoded(resolved)
            curves = self._curves(encoded.gaussians)
            return ask(self.model, store.places, encoded, moment, curves)

        return await self._shared.result(self.maps, key, work)

    async def scale(self, terms: TermsParams) -> ColourScale | None:
        """Colours of a question that mean the same in every store, where the model can tell."""
        resolved = self.resolve(terms)
        if self.calibration is None or self.calibration.places is None:
            return None

        def work() -> ColourScale | None:
            return scale_of(self._encoded(resolved), self.calibration)

        return await self._shared.result(self._small, ("scale", resolved.key), work)

    async def ranges(self, store: ServedStore, terms: TermsParams) -> dict[str, Range]:
        """Ends of the colours of each layer by what a store holds at all times."""
        resolved = self.resolve(terms)

        def work() -> dict[str, Range]:
            with torch.inference_mode():
                encoded = self._encoded(resolved)
                area, distances = store.over_time(self.model, encoded.asked)
                curves = self._curves(encoded.gaussians)
                found = [answer(encoded, *pair, curves) for pair in distances]
            return {
                band.short_name: ends_of(
                    np.stack([each[band.name].numpy() for each in found]), area
                )
                for band in LAYERS
            }

        key = ("range", store.id, store.version, resolved.key)
        return await self._shared.result(self._small, key, work)

    async def numbers(self, store: ServedStore, terms: TermsParams) -> NumbersModel | None:
        """What a page draws a question at any moment from; ``None`` where it cannot."""
        resolved, coefficients = self.resolve(terms), store.coefficients
        if coefficients is None:
            return None

        def work() -> list[NumbersModel | None]:
            with torch.inference_mode():
                encoded = self._encoded(resolved)
                curves = self._curves(encoded.gaussians)
                return [numbers_of(encoded, curves, coefficients, self.model, self.calibration)]

        key = ("numbers", store.id, coefficients.id, resolved.key)
        found: list[NumbersModel | None] = await self._shared.result(self._small, key, work)
        return found[0]

    async def profile(
        self, store: ServedStore, cell: int, terms: TermsParams
    ) -> dict[str, NDArray[np.float32]]:
        """Every band of a question at a cell by month and hour, ``(1, 12, 24)``, by its name."""
        resolved = self.resolve(terms)

        def work() -> dict[str, NDArray[np.float32]]:
            encoded = self._encoded(resolved)
            curves = self._curves(encoded.gaussians)
            return through_time(
                self.model, store.features(cell), [encoded], curves, **store.place(cell)
            )

        key = ("profile", store.id, store.version, cell, resolved.key)
        return await self._shared.result(self._small, key, work)

    async def familiarity(self, terms: TermsParams) -> QueryFamiliarity | None:
        """How familiar a question is to the model, where it says."""
        resolved = self.resolve(terms)
        return await self._worker.run(lambda: self._encoded(resolved).familiarity)

    async def likeliest(
        self, store: ServedStore, cell: int, moment: Moment
    ) -> list[tuple[str, float]]:
        """The sounds of the vocabulary that are likeliest in a cell at a moment, and how likely."""

        def work() -> list[tuple[str, float]]:
            chance = sounds_at(
                self.model, store.features(cell), self.sounds, self.sound_curves, moment,
                **store.place(cell),
            )  # fmt: skip
            return self.vocabulary.likeliest(chance)

        key = ("likeliest", store.id, store.version, cell, moment)
        return await self._shared.result(self._small, key, work)

    def soundscape(
        self,
        store: ServedStore,
        resolved: ResolvedQuestion,
        moment: Moment,
        made: MapAnswer,
        scale: ColourScale | None,
    ) -> SoundscapeMap:
        """An answer as a map that can be written."""
        values = dict(zip((band.name for band in BANDS), made.values, strict=True))
        return soundscape_map(
            self.model, store.places, resolved.query, moment, values,
            calibration=self.calibration, familiarity=made.familiarity, scale=scale,
        )  # fmt: skip

    def _encoded(self, resolved: ResolvedQuestion) -> EncodedQuery:
        """The question in the space of the model; only in its thread."""
        found = self._encodings.get(resolved.key)
        if found is None:
            with torch.inference_mode():
                found = resolved.query.encode(self.model, resolved.recordings)
            self._encodings.put(resolved.key, found)
        return found


@torch.inference_mode()
def ask(
    model: PSM, places: EmbeddedRegion, query: EncodedQuery, moment: Moment, curves: QueryCurves
) -> MapAnswer:
    """The map of a query at a moment."""
    start = time.perf_counter()
    distance, variance = places.distances(model, query.asked, moment)
    found = answer(query, distance, variance, curves)
    values = np.stack([found[band.name].cpu().numpy() for band in BANDS]).astype(np.float32)
    return MapAnswer(values, time.perf_counter() - start, query.familiarity)


def digest(words: list[Any]) -> str:
    """A short name for some words."""
    return hashlib.blake2b(json.dumps(words).encode(), digest_size=12).hexdigest()
