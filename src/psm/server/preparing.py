"""Stores made interactive in the background: by another process, at the lowest priority."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psm.geodata.cache import cache_folder
from psm.mapping.store import Store
from psm.mapping.timetable import Timetable, prepare
from psm.server.catalogue import Served, interactive

if TYPE_CHECKING:
    from psm.server.state import State

_log = logging.getLogger("psm.server")


class Preparing:
    """Prepares the stores of a server one after the other, and switches over.

    Args:
        state: of the server.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def names(self) -> list[str]:
        """Ids of the stores that are still to be done."""
        return [store.id for store in self._state.stores.values() if store.is_preparing]

    def start(self) -> None:
        """Begin with the first store that needs it; exact answers go on meanwhile."""
        state = self._state
        if not state.settings.prepare or not state.model_source:
            return
        wanted = [store for store in state.stores.values() if not store.is_interactive]
        for store in wanted:
            store.is_preparing = True
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

    def _run(self, stores: list[Served]) -> None:
        for store in stores:
            if self._is_closing:
                break
            try:
                self._prepare(store)
            except Exception:
                _log.exception("%s: could not be prepared, answers stay exact and slow", store.id)
            store.is_preparing = False

    def _prepare(self, store: Served) -> None:
        command = [sys.executable, "-m", __name__, store.store.url, self._state.model_source]
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
        found: Timetable | None = self._state.worker.submit(
            lambda: interactive(fresh, self._state.model)
        ).result()
        if found is not None:
            store.places = found


def main(url: str, model: str) -> None:
    """What the process does."""
    os.nice(19)
    import torch

    from psm.model import PSM

    torch.set_num_threads(1)
    with _alone(url):  # two servers may want the same; the second then finds it done
        store = Store.open(url)
        prepare(store, PSM.from_pretrained(model), store.zooms[0])


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """Wait until no other process prepares this store on this machine."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    name = hashlib.blake2b(url.encode(), digest_size=8).hexdigest()
    path = cache_folder() / f"preparing-{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main(*sys.argv[1:])
