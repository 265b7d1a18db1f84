"""Processes that are killed without a word, at whatever they are doing."""

from __future__ import annotations

import multiprocessing
import signal
import time
from pathlib import Path

import pytest

from psm.mapping import Cells
from psm.mapping.store import Header, embed
from psm.mapping.store.creation import find_store
from psm.model import PSM
from psm.seeding import generator
from tests.mapping.store.fakes import PlaceImagery

KILLS = 5


def test_a_store_killed_at_random_is_the_undisturbed_one(
    model: PSM, cells: Cells, header: Header, tmp_path: Path, tree
) -> None:
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    embed(whole, model, PlaceImagery(), cells, header)
    start = multiprocessing.get_context("forkserver")  # imports once, then starts in no time
    start.set_forkserver_preload(["psm.mapping", "tests.mapping.store.fakes"])
    imagery = PlaceImagery(delay_s=1e-3)  # 0.7 s for all of it
    rng = generator(0, "kills")
    for kill in range(KILLS):
        process = start.Process(target=embed, args=(str(cut), model, imagery, cells, header))
        process.start()
        deadline = time.monotonic() + 60.0
        while kill == 0 and not _has_begun(cut) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0.0, 0.3)))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    store = find_store(cut, header)
    assert store is None or 0 < len(list(store.undone())) <= 12
    embed(cut, model, imagery, cells, header)
    assert tree(cut) == tree(whole)


def _has_begun(place: Path) -> bool:
    return (place / "zarr.json").exists()


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
