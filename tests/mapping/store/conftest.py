"""Stores of the tiny world, and how they are compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from psm.mapping import Cells
from psm.mapping.store import Header, plan
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery


@pytest.fixture
def header(model: PSM, cells: Cells, imagery: PlaceImagery) -> Header:
    """Two zoom levels, several units, the last one cut short."""
    return plan(model, imagery, cells, zooms=(1, 3), unit=64)


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, bytes]]:
    """All files below a folder with their bytes."""

    def read(folder: Path) -> dict[str, bytes]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    return read
