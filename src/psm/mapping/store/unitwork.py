"""One unit of work: its imagery is read, encoded and written, the same wherever it is done."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float16, Float32, UInt8

from psm.errors import ConfigError
from psm.imagery import NoImagery, Provider, Reason
from psm.inference.batches import image_features
from psm.inference.placefeatures import features_of
from psm.mapping.store.status import CODES, EMBEDDED, NOT_COVERED, NOT_DONE, PASSING
from psm.mapping.store.store import Store, Unit
from psm.model import PSM
from psm.precision import Precision

AHEAD = 3
"""Units in flight for each worker: one is read, one waits, one is encoded or written."""


@dataclass(frozen=True, eq=False)
class EmbeddingJob:
    """The common part of all units of an embedding; it travels to other processes and machines.

    Attributes:
        url: of the store.
        model: in evaluation mode; its :func:`image_half` will do.
        provider: of the imagery.
        retry: whether cells whose imagery was not answered are asked for again.
    """

    url: str
    model: PSM
    provider: Provider
    retry: bool = True


def image_half(model: PSM, precision: Precision) -> PSM:
    """What of a model sees imagery, in a fixed precision: the rest need not travel.

    ``auto`` may come to something else on another machine.
    """
    half = copy.copy(model)
    half._modules = {"satellite": model.satellite}
    half.precision = precision
    return half


class FinishedUnit(NamedTuple):
    """A unit that is in the store.

    Attributes:
        unit: which.
        cells: how many.
        encoding_s: seconds that the encoder was at it.
        answers: what servers said instead of the imagery of a cell, and of how many.
    """

    unit: Unit
    cells: int
    encoding_s: float
    answers: Mapping[str, int] = {}


class Views(NamedTuple):
    """Views that were read for a unit of N cells."""

    pixels: UInt8[np.ndarray, "n size size 3"]
    gsd_m: Float32[np.ndarray, " n"]
    status: UInt8[np.ndarray, " n"]
    answers: Mapping[str, int]
    features: Float32[np.ndarray, "n numbers"] | None = None


class UnitWorker:
    """Does units. :meth:`run` may be called from several threads.

    However many they are, one thread reads and another encodes: a provider need not be safe for
    threads, and while one unit is encoded the imagery of the next ones is read.
    """

    def __init__(self, job: EmbeddingJob) -> None:
        self._job = job
        self._store = Store.open(job.url)
        self._model = job.model
        self._reader = ThreadPoolExecutor(1, "imagery")
        self._encoder = ThreadPoolExecutor(1, "encoder")
        self._is_closed = False

    def run(self, unit: Unit) -> FinishedUnit:
        """Embed a unit; what of it is done stays.

        Args:
            unit: which.

        Returns:
            The unit with its number of cells, and the seconds that the encoder took.

        Raises:
            ConfigError: features that float16 cannot hold.
            PSMError: the imagery cannot be read at all.
        """
        old = self._store.status(unit.zoom, self._store.rows(unit))
        is_wanted = np.isin(old, [NOT_DONE, *PASSING] if self._job.retry else [NOT_DONE])
        if not is_wanted.any():
            return FinishedUnit(unit, len(old), 0.0)  # by another process, in the meantime
        views = self._reader.submit(self._read, unit, is_wanted).result()
        features, seconds = self._encoder.submit(self._encode, views).result()
        covered = self._covered(unit, features, views.status)
        features[covered == NOT_COVERED] = np.nan
        status = np.where(is_wanted, covered, old)
        if not is_wanted.all():
            kept = self._store.features(unit.zoom, self._store.rows(unit))
            features = np.where(is_wanted[:, None], features, kept)
        self._store.write(unit, features, status)
        return FinishedUnit(unit, len(old), seconds, views.answers)

    def _read(self, unit: Unit, is_wanted: np.ndarray) -> Views:
        """The imagery of the wanted cells of a unit, each in the row of its cell."""
        store = self._store
        index = store.index(store.rows(unit))
        view = store.header.view(unit.zoom)
        lat, lon = store.frame.places(*np.divmod(index[is_wanted], store.frame.shape[1]))
        pixels = np.zeros((len(index), view.size_px, view.size_px, 3), np.uint8)
        gsd_m = np.full(len(index), view.gsd_m, np.float32)
        status = np.full(len(index), NOT_DONE, np.uint8)
        wanted = self._model.config.satellite.features
        blank = None if wanted is None else np.zeros((len(index), wanted.size), np.float32)
        said: Counter[str] = Counter()
        answers = self._job.provider.read(lat=lat, lon=lon, view=view)
        for row, answer in zip(np.flatnonzero(is_wanted), answers, strict=True):
            if self._is_closed:
                raise InterruptedError
            if isinstance(answer, NoImagery):
                status[row] = CODES[answer.reason]
                said[answer.answer] += answer.reason is Reason.FAILED
            else:
                pixels[row], gsd_m[row], status[row] = answer.pixels, answer.gsd_m, EMBEDDED
                if blank is not None:
                    blank[row] = features_of(answer, self._model.config)
        told = {answer: n for answer, n in said.items() if n}
        return Views(pixels, gsd_m, status, told, blank)

    def _encode(self, views: Views) -> tuple[Float16[np.ndarray, "n dim"], float]:
        """Features of a unit, NaN in rows without imagery, and the seconds that it took.

        A row keeps its place in the batch whatever the others are, so that its features do not
        depend on which of them could be read.
        """
        start = time.perf_counter()
        is_seen = views.status == EMBEDDED
        features = np.full((len(is_seen), self._store.header.dim), np.nan, np.float16)
        if is_seen.any():
            with np.errstate(over="ignore"):
                found = image_features(
                    self._model, views.pixels, views.gsd_m, features=views.features
                )
                features[is_seen] = found.cpu().numpy().astype(np.float16)[is_seen]
            if not np.isfinite(features[is_seen]).all():
                name = self._model.config.name
                raise ConfigError(f"{name}: features that float16 cannot hold; was it trained?")
        return features, time.perf_counter() - start

    def _covered(
        self, unit: Unit, features: np.ndarray, status: UInt8[np.ndarray, " n"]
    ) -> UInt8[np.ndarray, " n"]:
        """The status of cells, once what they look like is known."""
        coverage, seen = self._model.coverage, np.flatnonzero(status == EMBEDDED)
        if coverage is None or not len(seen):
            return status
        index = self._store.index(self._store.rows(unit))[seen]
        lat, lon = self._store.frame.places(*np.divmod(index, self._store.frame.shape[1]))
        is_covered = coverage.covers(torch.from_numpy(features[seen]), lat=lat, lon=lon)
        found = status.copy()
        found[seen[~is_covered]] = NOT_COVERED
        return found

    def stop_reading(self) -> None:
        """Give up what is being read; what has been read is still encoded and kept."""
        self._is_closed = True
        self._reader.shutdown(cancel_futures=True)

    def close(self) -> None:
        """End its threads, once no unit runs any more."""
        self.stop_reading()
        self._encoder.shutdown()
