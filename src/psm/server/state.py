"""Everything a server holds while it runs: one model, its stores, what it remembers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from psm import __version__
from psm.calibration import UNCALIBRATED, Calibration, learnt_curve
from psm.gaussian import Gaussian
from psm.inference.batches import text_gaussians
from psm.mapping.compare import as_dataset
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.moment import Moment
from psm.mapping.query import Query
from psm.mapping.soundscape_map import SoundscapeMap
from psm.mapping.term import Term
from psm.model import PSM
from psm.server import asking, basemap
from psm.server.asking import NAMES, Answer
from psm.server.jobs import Worker, result_of
from psm.server.memory import Recent
from psm.server.metrics import Metrics
from psm.server.preparing import Preparing
from psm.server.problems import Problem
from psm.server.questions import Question, Terms
from psm.server.served import Served
from psm.server.settings import BLUE_MARBLE, Settings
from psm.server.tiling import TileIndex
from psm.server.uploads import Upload, Uploads
from psm.server.vocabulary import Vocabulary

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Asked:
    """A question that can be put to the model.

    Attributes:
        query: in the words of :mod:`psm.mapping`.
        key: the same for the same question.
        recordings: the Gaussian of each of its recordings.
    """

    query: Query
    key: str
    recordings: dict[Path, Gaussian]


class State:
    """One model and its stores, and all that is remembered of them.

    Args:
        model: in evaluation mode.
        stores: by id.
        settings: of the server.
        calibration: of the model.
        model_source: where the model came from, for processes that prepare stores.
    """

    def __init__(
        self,
        model: PSM,
        stores: dict[str, Served],
        settings: Settings,
        *,
        calibration: Calibration | None = None,
        model_source: str = "",
    ) -> None:
        if calibration is not None:
            calibration.require(model)
        self.model, self.stores, self.settings = model, stores, settings
        self.calibration, self.model_source = calibration, model_source
        self.curve = learnt_curve(model) if calibration is None else calibration.curve
        self.vocabulary = (
            Vocabulary.read(settings.vocabulary) if settings.vocabulary else Vocabulary.of_earth()
        )
        memory = settings.cache_mb * 1e6
        self.answers: Recent[Answer] = Recent(memory, lambda answer: answer.size_bytes)
        self.indices: Recent[TileIndex] = Recent(memory / 2.0, lambda index: index.size_bytes)
        self.pictures: Recent[bytes] = Recent(memory / 8.0, len)
        self.small: Recent[Any] = Recent(4096)
        self.encodings: Recent[EncodedQuery] = Recent(1024)
        self.uploads = Uploads(settings)
        self.worker = Worker("psm-model", most=settings.queue, setup=self._threads)
        self.files = Worker("psm-files", most=8)  # matplotlib is of one thread too
        self.preparing = Preparing(self)
        self.metrics = Metrics(self)
        self.is_ready = False
        self._running: dict[Hashable, Future[Any]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While this block runs, questions are answered; a mounted router needs it around."""
        self.worker.start()
        self.files.start()
        try:
            await self.worker.run(lambda: self.sounds)
            await self.uploads.decoder.start()
            if self.settings.base == BLUE_MARBLE:
                # Halving the picture takes most of a second, which the first page would wait for.
                self.files.submit(lambda: basemap.tile(0, 0, 0))
            self.preparing.start()
            self.is_ready = True
            yield
        finally:
            self.is_ready = False
            self.preparing.close()
            await self.uploads.close()
            self.worker.close()
            self.files.close()

    def store(self, id_: str) -> Served:
        """A store by its id.

        Raises:
            Problem: 404, there is none.
        """
        found = self.stores.get(id_)
        if found is None:
            known = ", ".join(self.stores)
            raise Problem(404, f"There is no such store; there are {known}.", kind="unknown-store")
        return found

    @cached_property
    def sounds(self) -> Gaussian:
        """The vocabulary in the space of the model."""
        return text_gaussians(self.model, self.vocabulary.sounds)

    def asked(self, terms: Terms) -> Asked:
        """A question with its recordings.

        Raises:
            Problem: 404, a recording is forgotten.
        """
        uploads = [self.upload(id_) for id_ in terms.audio]
        recordings = {Path(upload.id) / upload.name: upload.gaussian for upload in uploads}
        words = [list(terms.text), list(terms.without), list(terms.audio)]
        query = Query(terms=(*terms.parsed(), *(Term(audio=path) for path in recordings)))
        return Asked(query, _hash(words), recordings)

    def upload(self, id_: str) -> Upload:
        """A recording that was uploaded.

        Raises:
            Problem: 404, it is forgotten.
        """
        found = self.uploads.get(id_)
        if found is None:
            raise Problem(
                404, "The server does not know this recording (any more): upload it again.",
                kind="unknown-audio",
            )  # fmt: skip
        return found

    def etag(self, store: Served, *parts: object) -> str:
        """Changes with whatever changes an answer."""
        calibration = None if self.calibration is None else self.calibration.model_dump_json()
        return f'"{_hash([__version__, store.version, calibration, *map(str, parts)])}"'

    async def answer(self, store: Served, question: Question) -> Answer:
        """The map of a question; asked of the model once, however many tiles want it."""
        asked, moment = self.asked(question), question.moment
        key = (store.id, store.version, asked.key, moment)
        found = self.answers.get(key)
        if found is not None:
            return found

        def work() -> Answer:
            encoded = self.encoded(asked)
            made = asking.ask(self.model, store.places, encoded, moment, self.curve)
            self.answers.put(key, made)
            return made

        return await self._once(key, work)

    async def remembered(self, key: Hashable, work: Callable[[], Result]) -> Result:
        """What the model makes of something small, kept for the next time."""
        found: Result | None = self.small.get(key)
        if found is not None:
            return found

        def keep() -> Result:
            made = work()
            self.small.put(key, made)
            return made

        return await self._once(key, keep)

    async def ranges(
        self, store: Served, terms: Terms
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ranges of probability and uncertainty over all times."""
        asked = self.asked(terms)

        def work() -> tuple[tuple[float, float], tuple[float, float]]:
            with torch.inference_mode():
                encoded = self.encoded(asked)
                area, distances = store.over_time(self.model, encoded.gaussians)
                found = [answer(encoded, *pair, self.curve) for pair in distances]
                layers = [np.stack([each[name].numpy() for each in found]) for name in NAMES[:2]]
            first, second = (asking.weighted_range(layer, area) for layer in layers)
            return first, second

        return await self.remembered(("range", store.id, store.version, asked.key), work)

    async def profile(
        self, store: Served, cell: int, terms: Terms, moment: Moment
    ) -> tuple[NDArray[np.float32], list[dict[str, object]]]:
        """A cell by month and hour, ``(2, 12, 24)``, and its likeliest sounds at a moment."""
        asked = self.asked(terms)
        cells = store.store.cells.part(slice(cell, cell + 1))
        place = {"lat": float(cells.lat[0]), "lon": float(cells.lon[0])}
        key = (store.id, store.version, cell)

        def through_time() -> NDArray[np.float32]:
            return asking.through_time(
                self.model, store.features(cell), self.encoded(asked), self.curve, **place
            )

        def top() -> list[dict[str, object]]:
            chance = asking.loudest(
                self.model, store.features(cell), self.sounds, self.curve, moment, **place
            )
            return asking.ranked(self.vocabulary.sounds, chance.tolist(), 5)

        times = await self.remembered(("profile", *key, asked.key), through_time)
        return times, await self.remembered(("top", *key, moment), top)

    def index(self, store: Served, z: int, x: int, y: int) -> TileIndex:
        """The cells of a tile."""
        key = (store.id, z, x, y)
        found = self.indices.get(key)
        if found is None:
            found = store.finder.tile(z, x, y)
            self.indices.put(key, found)
        return found

    def encoded(self, asked: Asked) -> EncodedQuery:
        """The question in the space of the model; only in its thread."""
        found = self.encodings.get(asked.key)
        if found is None:
            with torch.inference_mode():
                found = asked.query.encode(self.model, asked.recordings)
            self.encodings.put(asked.key, found)
        return found

    def soundscape(
        self, store: Served, asked: Asked, moment: Moment, made: Answer
    ) -> SoundscapeMap:
        """An answer as a map that can be written."""
        cells = store.store.cells
        values = dict(zip(NAMES, made.values, strict=True))
        calibration = UNCALIBRATED if self.calibration is None else self.calibration.summary
        return SoundscapeMap(
            data=as_dataset(cells, values), frame=cells.frame, query=asked.query, moment=moment,
            zoom=store.places.zoom, model=self.model.config.name,
            attribution=store.places.attribution, licence=store.places.licence,
            calibration=calibration,
        )  # fmt: skip

    async def _once(self, key: Hashable, work: Callable[[], Result]) -> Result:
        running: Future[Result] | None = self._running.get(key)
        if running is None:
            running = self.worker.submit(work)
            self._running[key] = running
            running.add_done_callback(partial(self._done, key))
        return await result_of(running)

    def _done(self, key: Hashable, _: Future[Any]) -> None:
        self._running.pop(key, None)

    def _threads(self) -> None:
        if self.settings.threads is not None:
            torch.set_num_threads(self.settings.threads)


def _hash(words: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(words).encode(), digest_size=12).hexdigest()
