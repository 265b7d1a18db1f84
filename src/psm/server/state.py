"""Everything a server holds while it runs: one model, its stores, its threads and its memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import torch

from psm import __version__
from psm.calibration import Calibration
from psm.measures import Measure
from psm.model import PSM
from psm.server import basemap
from psm.server.answers import Answers, digest
from psm.server.captions import PlaceCaptions
from psm.server.jobs import WorkerThread
from psm.server.lrucache import LRUCache
from psm.server.metrics import Metrics
from psm.server.planning.jobs import PlanJobs
from psm.server.preparing import StorePreparation
from psm.server.problems import Problem
from psm.server.quantities.answers import QuantityAnswers
from psm.server.quantities.kinds import quantities_of
from psm.server.served import ServedStore
from psm.server.settings import BLUE_MARBLE, Settings
from psm.server.sounds import Vocabulary
from psm.server.tiling import TileIndex
from psm.server.uploads import UploadedRecordings


class ServerState:
    """One model and its stores, opened and ready to be asked.

    :func:`psm.server.open_state` makes it from settings; :func:`psm.server.create_router` needs it.

    Args:
        model: in evaluation mode.
        stores: by the id that addresses have.
        settings: of the server.
        calibration: of the model; without one, match probabilities are as learnt.
        measures: that are offered beside sounds and indicators.
        model_source: folder or hub id of the model, for the processes that prepare stores; without
            it none is prepared.

    Raises:
        CheckpointMismatch: the calibration or a measure is of another model.
        MissingData: the vocabulary of the settings cannot be read.
        ConfigError: it holds no sound, or too many.
    """

    def __init__(
        self,
        model: PSM,
        stores: dict[str, ServedStore],
        settings: Settings,
        *,
        calibration: Calibration | None = None,
        measures: Iterable[Measure] = (),
        model_source: str = "",
    ) -> None:
        if calibration is not None:
            calibration.require(model)
        self.model, self.stores, self.settings = model, stores, settings
        self.calibration = calibration
        self.vocabulary = (
            Vocabulary.read(settings.vocabulary) if settings.vocabulary else Vocabulary.of_earth()
        )
        self.worker = WorkerThread("psm-model", most=settings.queue, setup=self._threads)
        self.files = WorkerThread("psm-files", most=8)  # matplotlib is of one thread too
        memory = settings.cache_mb * 1e6
        self.uploads = UploadedRecordings(settings)
        self.answers = Answers(
            model, calibration=calibration, vocabulary=self.vocabulary, uploads=self.uploads,
            worker=self.worker, memory_bytes=memory,
        )  # fmt: skip
        self.quantities = QuantityAnswers(
            quantities_of(model, calibration, measures),
            worker=self.worker, memory_bytes=memory / 2.0,
        )  # fmt: skip
        self.plans = PlanJobs(self.worker)
        self.captions = PlaceCaptions(model, calibration, settings.captions, self.worker)
        self.indices: LRUCache[TileIndex] = LRUCache(memory / 2.0, lambda index: index.size_bytes)
        self.pictures: LRUCache[bytes] = LRUCache(memory / 8.0, len)
        self.preparing = StorePreparation(
            list(stores.values()), model, self.worker,
            model_source=model_source if settings.prepare else "",
        )  # fmt: skip
        self.metrics = Metrics()
        self._measure()
        self.is_ready = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While this block runs, questions are answered; a mounted router needs it around."""
        self.worker.start()
        self.files.start()
        self.plans.start()
        try:
            await self.worker.run(lambda: self.answers.sounds)
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
            self.plans.close()
            self.worker.close()
            self.files.close()

    def store(self, id_: str) -> ServedStore:
        """A store by its id.

        Args:
            id_: as ``/stores`` lists it.

        Returns:
            The store.

        Raises:
            Problem: 404, there is none.
        """
        found = self.stores.get(id_)
        if found is None:
            known = ", ".join(self.stores)
            raise Problem(404, f"There is no such store; there are {known}.", kind="unknown-store")
        return found

    def etag(self, store: ServedStore, *parts: object) -> str:
        """The entity tag of an answer: it changes with whatever changes the answer.

        Args:
            store: that is asked.
            parts: of the request, all that the answer depends on.

        Returns:
            The tag in quotes.
        """
        calibration = None if self.calibration is None else self.calibration.model_dump_json()
        familiarity = self.model.familiarity and self.model.familiarity.base_rate
        known = [__version__, store.version, calibration, familiarity]
        return f'"{digest([*known, *map(str, parts)])}"'

    def _measure(self) -> None:
        gauge, maps = self.metrics.gauge, self.answers.maps
        gauge("psm_queue", "Questions that wait for the model.", lambda: self.worker.waiting)
        gauge("psm_answers_bytes", "Memory of answers.", lambda: maps.total)
        gauge("psm_answers_hits", "Answers that were remembered.", lambda: maps.hits)
        gauge("psm_answers_misses", "Answers that were not.", lambda: maps.misses)
        gauge("psm_uploads_kept", "Recordings in memory.", lambda: len(self.uploads))
        gauge("psm_stores_preparing", "Stores not interactive yet.", lambda: len(self.preparing))

    def _threads(self) -> None:
        if self.settings.threads is not None:
            torch.set_num_threads(self.settings.threads)
