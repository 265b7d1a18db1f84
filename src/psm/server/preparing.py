"""Prepares stores in the background, in a process of the lowest priority."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence

import torch
from filelock import FileLock

from psm.geodata.cache import cache_folder, writable
from psm.mapping.store import Store
from psm.mapping.timetable import Timetable, prepare
from psm.mapping.timetable.preparation import (
    is_prepared,
    keep_coefficients,
    stored_coefficients,
)
from psm.model import PSM
from psm.server.jobs import WorkerThread
from psm.server.served import ServedStore, interactive

_log = logging.getLogger("psm.server")


class StorePreparation:
    """Prepares the stores of a server one after the other, and switches over.

    Args:
        stores: of the server.
        model: that they are asked with.
        worker: the thread of the model.
        model_source: folder or hub id of the model; without it nothing is prepared.
    """

    def __init__(
        self, stores: Sequence[ServedStore], model: PSM, worker: WorkerThread, *, model_source: str
    ) -> None:
        self.model_source = model_source
        self._stores, self._model, self._worker = stores, model, worker
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def names(self) -> list[str]:
        """Ids of the stores that are still to be done."""
        return [store.id for store in self._stores if store.is_preparing]

    def start(self) -> None:
        """Begin with the first store that needs it; exact answers go on meanwhile."""
        if not self.model_source:
            return
        wanted = [store for store in self._stores if not store.is_complete]
        for store in wanted:
            store.is_preparing = not store.is_interactive
        if wanted:
            self._thread = threading.Thread(target=self._run, args=(wanted,), daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop; what is prepared by then stays, and the next start goes on from there."""
        self._is_closing = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join(10.0)

    def _run(self, stores: list[ServedStore]) -> None:
        for store in stores:
            if self._is_closing:
                break
            try:
                self._prepare(store)
            except Exception:
                _log.exception("%s: could not be prepared, answers stay exact and slow", store.id)
            store.is_preparing = False

    def _prepare(self, store: ServedStore) -> None:
        command = [sys.executable, "-m", __name__, store.store.url, self.model_source]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        code = self._process.wait()
        if self._is_closing:
            return
        if code != 0:
            _log.warning(
                "%s: psm prepare ended with %d, answers stay exact and slow", store.id, code
            )
            return
        fresh = Store.open(store.store.url)
        found: Timetable | None = self._worker.submit(
            lambda: interactive(fresh, self._model)
        ).result()
        if found is not None:
            store.places = found
            store.coefficients = stored_coefficients(fresh, self._model, found.zoom)


def main(url: str, model: str) -> None:
    """What the process does."""
    os.nice(19)
    torch.set_num_threads(1)
    name = hashlib.blake2b(url.encode(), digest_size=8).hexdigest()
    folder = writable(cache_folder())
    lock = folder / f"preparing-{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):  # two servers may want the same; the second then finds it done
        store, loaded = Store.open(url), PSM.from_pretrained(model)
        zoom = store.zooms[0]
        if is_prepared(store, loaded, zoom):  # perhaps with settings of its own, which stay
            keep_coefficients(store, loaded, zoom)
        else:
            prepare(store, loaded, zoom)


if __name__ == "__main__":
    main(*sys.argv[1:])
