"""What a survey has to know: its months, the recorders that are there, where a sound is unsure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from psm.errors import ConfigError
from psm.mapping.bands import UNCERTAINTY, UNCERTAINTY_UNKNOWN
from psm.mapping.cells import Cells
from psm.mapping.map_data import MapData
from psm.mapping.outputs.points import read_places


def months_of(text: str) -> tuple[int, ...]:
    """Months of ``4-7``, ``11-2`` (over the new year) or ``3,6,9``, in their order.

    Raises:
        ConfigError: it names no months.
    """
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d{1,2})\s*(?:[-–]\s*(\d{1,2})\s*)?", part)
        first, last = (0, 0) if ends is None else (int(ends[1]), int(ends[2] or ends[1]))
        if not (1 <= first <= 12 and 1 <= last <= 12):
            raise ConfigError(f"--months {text}: write 4-7, or 3,6,9,12")
        span = range(first, (last if last >= first else last + 12) + 1)
        found += [(month - 1) % 12 + 1 for month in span]
    return tuple(dict.fromkeys(found))


def existing_places(path: Path) -> Float[np.ndarray, "m 2"]:
    """Latitude and longitude of the recorders of a CSV file.

    Raises:
        MissingData, ConfigError, InvalidContext: it cannot be read as such.
    """
    found = read_places(path)
    return np.stack([found.lat, found.lon], axis=1)


def uncertain(maps: Iterable[MapData], cells: Cells) -> Float[np.ndarray, " n"]:
    """How much an error matters in each cell of maps of a sound: its mean squared uncertainty.

    Args:
        maps: of one query, at some moments.
        cells: of the maps.

    Returns:
        ``(n,)``, 0 where there is no data.

    Raises:
        ConfigError: how far the maps may be off is not known.
    """
    maps = list(maps)
    if not all(one.knows_uncertainty for one in maps):
        raise ConfigError(
            f"the uncertainty of {maps[0].model} is {UNCERTAINTY_UNKNOWN}; it cannot say where to "
            "go; `psm calibrate` fits second opinions where recordings carry labels"
        )
    rasters = [one.values(UNCERTAINTY.name)[cells.rows, cells.columns] for one in maps]
    return np.asarray(np.mean(np.nan_to_num(rasters) ** 2, axis=0, dtype=float))
