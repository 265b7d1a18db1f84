"""Captions that places are held against: encoded once, when they are first asked for."""

from __future__ import annotations

import asyncio
from functools import partial

from psm.calibration import Calibration, curves_of
from psm.curves import QueryCurves
from psm.errors import MissingData
from psm.mapping.captionsearch import (
    GALLERY,
    EncodedCaptions,
    FoundCaption,
    best_captions,
    captions_of,
)
from psm.mapping.moment import Moment
from psm.model import PSM
from psm.server.jobs import WorkerThread
from psm.server.served import ServedStore

PHRASES = "phrases that the model learnt from"

_AT_ONCE = 32  # so that other questions come in between


class PlaceCaptions:
    """Captions of a file, or the phrases that the model learnt from.

    Args:
        model: in evaluation mode.
        calibration: of the model.
        path: a text with one caption a line; without it the phrases that the model keeps, if any.
        worker: the thread of the model.

    Raises:
        MissingData, ConfigError: the file cannot be read.
    """

    def __init__(
        self, model: PSM, calibration: Calibration | None, path: str | None, worker: WorkerThread
    ) -> None:
        self._model, self._calibration, self._worker = model, calibration, worker
        self._texts: tuple[str, ...] = ()
        if path is not None:
            self._texts = tuple(dict.fromkeys(filter(str.strip, captions_of(model, path))))
            if not self._texts:
                raise MissingData(f"{path}: no caption in it; write one a line")
        elif model.familiarity is not None:
            self._texts = tuple(captions_of(model, GALLERY))
        self.origin = path or (PHRASES if self._texts else None)
        """What they are: the file, or those of the model; ``None`` where there are none."""
        self._parts: list[EncodedCaptions] = []
        self._encoded: tuple[EncodedCaptions, QueryCurves] | None = None
        self._lock = asyncio.Lock()

    async def best(
        self, store: ServedStore, cell: int, moment: Moment, count: int
    ) -> list[FoundCaption]:
        """The captions that match a cell of a store best at a moment; none where there are none."""
        if not self._texts:
            return []
        captions, curves = await self._ready()

        def work() -> list[FoundCaption]:
            place, features = store.place(cell), store.features(cell)
            return best_captions(
                self._model, features, captions, curves,
                lat=place["lat"], lon=place["lon"], moment=moment, count=count,
            )  # fmt: skip

        return await self._worker.run(work)

    async def _ready(self) -> tuple[EncodedCaptions, QueryCurves]:
        async with self._lock:
            if self._encoded is None:
                # What is encoded stays, though whoever asked goes away meanwhile.
                while (done := len(self._parts) * _AT_ONCE) < len(self._texts):
                    texts = self._texts[done : done + _AT_ONCE]
                    self._parts.append(await self._worker.run(partial(self._part, texts)))
                captions = EncodedCaptions.joined(self._parts)
                curves = await self._worker.run(
                    lambda: curves_of(self._model, self._calibration, captions.gaussians)
                )
                self._encoded = captions, curves
            return self._encoded

    def _part(self, texts: tuple[str, ...]) -> EncodedCaptions:
        return EncodedCaptions.of(self._model, texts)
