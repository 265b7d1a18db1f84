"""A tile server, a cache of one's own, and no waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from psm.http import client
from tests.imagery.tileserver import Server, tile_server


@pytest.fixture
def server() -> Iterator[Server]:
    with tile_server() as running:
        yield running


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PSM_XYZ_KEY", raising=False)
    monkeypatch.setattr(client, "_BACK_OFF_S", 0.01)
    return tmp_path / "cache"
