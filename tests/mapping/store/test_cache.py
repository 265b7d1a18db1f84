from __future__ import annotations

from pathlib import Path

import pytest

from psm.mapping import Cells, embed_cells
from psm.mapping.store import embedding
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
    monkeypatch.setattr(embedding, "_STORES_KEPT", 1)
    embed_cells(model, imagery, cells, zoom=1)
    embed_cells(model, imagery, cells, zoom=3)
    (left,) = (tmp_path / "maps").iterdir()
    assert left.name.startswith("z3-")
