"""Memory of the stores that are served: what they take, and that too much of it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from psm.errors import NotEnoughMemory
from psm.mapping.store import Store
from psm.model import PSM
from psm.server import memory
from psm.server.served import open_all


def test_a_store_that_does_not_fit_is_refused_by_name(
    stores: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, slow = stores
    # As many cells as make the exact store the larger of the two.
    monkeypatch.setattr(Store, "__len__", lambda _: 30_000_000)
    monkeypatch.setattr(memory, "available_bytes", lambda: 6_800_000_000)
    with pytest.raises(NotEnoughMemory, match=r"slow\.zarr: its 30,000,000 cells .*`psm pr"):
        memory.require_memory(Store.open(slow), is_prepared=False)
    memory.require_memory(Store.open(slow), is_prepared=True)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1_000_000_000)
    with pytest.raises(NotEnoughMemory, match=r"1\.0 GB are free; serve fewer stores"):
        memory.require_memory(Store.open(slow), is_prepared=True)
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory.require_memory(Store.open(slow), is_prepared=True)


def test_a_server_asks_before_it_reads(
    model: PSM, stores: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    with pytest.raises(NotEnoughMemory, match=r"world\.zarr"):
        open_all(stores, model)


def test_the_start_says_what_a_store_takes(model: PSM, stores: tuple[str, str]) -> None:
    said = [memory.in_words(s.store, s.places) for s in open_all(stores, model).values()]
    assert said == [
        "321 cells, any month and hour at once, 0 MB used where they lie on disk, "
        "up to 0.7 GB of memory",
        "321 cells, exact: a map takes seconds until the store is prepared, up to 0 MB of memory",
    ]


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, group = tmp_path / "proc", tmp_path / "group"
    machine.mkdir()
    group.mkdir()
    monkeypatch.setattr(memory, "_PROC", machine)
    monkeypatch.setattr(memory, "_GROUPS", group)
    assert memory.available_bytes() is None
    (machine / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 5000000 kB\n")
    assert memory.available_bytes() == 5_000_000 * 1024
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("3000000000\n")
    (group / "memory.stat").write_text("anon 1000000000\ninactive_file 500000000\n")
    assert memory.available_bytes() == 5_000_000 * 1024
    (group / "memory.max").write_text("4000000000\n")
    assert memory.available_bytes() == 1_500_000_000
