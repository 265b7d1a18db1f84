from __future__ import annotations

from collections.abc import Callable

import pytest

from psm.geodata.frame import Frame
from tests.cartography.frames import laea


@pytest.fixture(scope="session")
def around() -> Callable[..., Frame]:
    """:func:`laea`."""
    return laea
