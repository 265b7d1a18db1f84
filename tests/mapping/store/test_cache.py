from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psm.errors import CacheNotKept, ImageryMissing, NoRoom, OutputError
from psm.imagery import NoImagery, Picture, Reason
from psm.mapping import Cells, embed_cells
from psm.mapping.store import Store, cachedcells, embed
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery


def test_a_store_of_the_cache_is_found_again(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path
) -> None:
    first = embed_cells(model, imagery, cells, zoom=3, store=tmp_path)
    second = embed_cells(model, imagery, cells, zoom=3, store=tmp_path)
    assert imagery.drawn == len(cells)
    assert first.features.equal(second.features)
    embed_cells(model, imagery, cells.part(slice(1, None)), zoom=3, store=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_cache_keeps_only_the_stores_used_last(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path))
    monkeypatch.setattr(cachedcells, "_STORES_KEPT", 1)
    embed_cells(model, imagery, cells, zoom=1)
    embed_cells(model, imagery, cells, zoom=3)
    (left,) = (tmp_path / "maps").iterdir()
    assert left.name.startswith("z3-")


def _refuse(path: Path) -> None:
    raise OutputError(f"{path}: the disk is read-only; choose a folder that can be written")


def test_a_cache_that_cannot_be_written_costs_time_and_names_its_variable(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "mine"))
    kept = embed_cells(model, imagery, cells)
    monkeypatch.setattr("psm.geodata.cache.require_folder", _refuse)
    found = embed_cells(model, imagery, cells)  # that of before, though nothing can be written
    assert imagery.drawn == len(cells)
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "other"))
    with pytest.warns(CacheNotKept, match=r"read-only; .* PSM_CACHE names another folder"):
        again = embed_cells(model, imagery, cells)
    assert imagery.drawn == 2 * len(cells)
    assert kept.features.equal(found.features)
    assert kept.features.equal(again.features)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_cache_on_a_full_disk_names_its_variable(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Store, "write", full)
    with pytest.raises(NoRoom, match=r"the disk is full .* another folder by PSM_CACHE"):
        embed_cells(model, imagery, cells, store=tmp_path)


def test_servers_that_do_not_answer_are_told_by_what_they_say(
    model: PSM, cells: Cells, tmp_path: Path
) -> None:
    class Busy(PlaceImagery):
        def read(self, **where: Any) -> Iterator[Picture | NoImagery]:
            for number, seen in enumerate(super().read(**where)):
                busy = NoImagery(Reason.FAILED, "tile 1/2/3", f"HTTP {500 + 3 * (number % 4 > 0)}")
                yield seen if number % 2 else busy

    with pytest.warns(ImageryMissing, match=r"no imagery yet: not answered \(HTTP 50"):
        embed_cells(model, Busy(), cells, store=tmp_path)
    report = embed(tmp_path / "s.zarr", model, Busy(), cells)
    assert set(report.answers) == {"HTTP 500", "HTTP 503"}
    assert sum(report.answers.values()) == report.counts[1]["not answered"]
    assert f"{report.counts[1]['not answered']} not answered (HTTP 50" in next(report.lines())
