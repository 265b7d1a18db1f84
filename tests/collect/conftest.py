"""Archives on the loopback, their credentials, and no waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from psm.http import client
from tests.collect.loopback import SECRETS, Archives, archives


@pytest.fixture
def served() -> Iterator[Archives]:
    """Hundred recordings over all archives."""
    with archives(100, requests_per_s=2000.0) as server:
        server.retry_after = "0"
        yield server


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the archives accept."""
    for variable, secret in SECRETS.items():
        monkeypatch.setenv(variable, secret)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's pace, and no waiting before asking again."""
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(client, "_BACK_OFF_S", 0.0)
