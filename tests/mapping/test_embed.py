from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import psm.mapping.embed as embed
from psm.errors import ConfigError
from psm.inference import image_features
from psm.mapping import Cells, embed_cells
from psm.mapping.embed import fingerprint
from psm.model import PSM


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_CHUNK", 64)


def test_features_are_those_of_the_views_in_the_order_of_the_cells(
    model: PSM, cells: Cells, imagery, tmp_path: Path
) -> None:
    found = embed_cells(model, imagery, cells, zoom=3, store=tmp_path)
    views = imagery.views(lat=cells.lat, lon=cells.lon, zoom=3, size=16)
    torch.testing.assert_close(found.features, image_features(model, views, 3000.0))


def test_the_gsd_of_the_zoom_reaches_the_encoder(
    model: PSM, cells: Cells, imagery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def record(model: PSM, views: np.ndarray, gsd_m: float) -> torch.Tensor:
        seen.append(gsd_m)
        return torch.zeros(len(views), model.config.dim)

    monkeypatch.setattr(embed, "image_features", record)
    embed_cells(model, imagery, cells, zoom=3, store=tmp_path)
    assert set(seen) == {3000.0}


def test_the_second_time_nothing_is_drawn(
    model: PSM, cells: Cells, imagery, tmp_path: Path
) -> None:
    first = embed_cells(model, imagery, cells, zoom=1, store=tmp_path)
    assert imagery.drawn == len(cells)
    second = embed_cells(model, imagery, cells, zoom=1, store=tmp_path)
    assert imagery.drawn == len(cells)
    torch.testing.assert_close(first.features, second.features, rtol=0, atol=0)


def test_a_killed_run_goes_on_where_it_stopped(
    model: PSM, cells: Cells, imagery, tmp_path: Path
) -> None:
    whole = embed_cells(model, imagery, cells, zoom=1, store=tmp_path)
    (folder,) = tmp_path.iterdir()
    chunks = sorted(folder.iterdir())
    chunks[1].unlink()
    chunks[2].write_bytes(chunks[2].read_bytes()[:100])  # cut short
    imagery.drawn = 0
    again = embed_cells(model, imagery, cells, zoom=1, store=tmp_path)
    assert imagery.drawn == 128
    torch.testing.assert_close(again.features, whole.features)


def test_an_error_in_the_imagery_leaves_no_partial_file(
    model: PSM, cells: Cells, imagery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = imagery.views

    def fail_later(**where: object) -> np.ndarray:
        if imagery.drawn >= 64:
            raise ConfigError("no more imagery")
        return draw(**where)

    monkeypatch.setattr(imagery, "views", fail_later)
    with pytest.raises(ConfigError, match="no more imagery"):
        embed_cells(model, imagery, cells, zoom=1, store=tmp_path)
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.iterdir()] == ["cells-0000000.npy"]


def test_the_fingerprint_changes_with_all_that_changes_features(
    model: PSM, cells: Cells, imagery
) -> None:
    prints = {fingerprint(model, imagery, cells, 1), fingerprint(model, imagery, cells, 3)}
    fewer = cells.part(slice(1, None))
    prints.add(fingerprint(model, imagery, fewer, 1))
    weight = model.satellite.patch.weight
    with torch.no_grad():
        kept = weight.clone()
        weight[0, 0, 0, 0] += 1e-3
        prints.add(fingerprint(model, imagery, cells, 1))
        weight.copy_(kept)
    assert len(prints) == 4
    assert fingerprint(model, imagery, cells, 1) in prints


def test_an_unknown_zoom_is_refused_before_anything_is_written(
    model: PSM, cells: Cells, imagery, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="zoom 2: tiny knows 1, 3"):
        embed_cells(model, imagery, cells, zoom=2, store=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_cache_keeps_only_the_stores_used_last(
    model: PSM, cells: Cells, imagery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path))
    monkeypatch.setattr(embed, "_STORES_KEPT", 1)
    embed_cells(model, imagery, cells, zoom=1)
    embed_cells(model, imagery, cells, zoom=3)
    (left,) = (tmp_path / "maps").iterdir()
    assert left.name.startswith("z3-")
