"""Cells of a map: the pixels of a frame that have a value, and values put back into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from psm.errors import ConfigError
from psm.geodata.frame import Frame, Indices
from psm.geodata.land import land_grid


@dataclass(frozen=True, eq=False)
class Cells:
    """N pixels of a frame.

    Attributes:
        frame: the raster that they lie on.
        rows, columns: ``(N,)`` where.

    Raises:
        ConfigError: there is no cell, one lies outside of the frame, or two are the same.
    """

    frame: Frame
    rows: Indices
    columns: Indices

    def __post_init__(self) -> None:
        if self.rows.shape != self.columns.shape or self.rows.ndim != 1 or not len(self.rows):
            raise ConfigError(
                f"cells need as many rows as columns and at least one, "
                f"got {self.rows.shape} and {self.columns.shape}"
            )
        for at, size in zip((self.rows, self.columns), self.frame.shape, strict=True):
            if at.min() < 0 or at.max() >= size:
                raise ConfigError(f"a cell lies outside of its frame of {self.frame.shape} pixels")
        if len(np.unique(self.flat)) != len(self):
            raise ConfigError("two cells of a map share one place")

    @classmethod
    def globe(cls, step_deg: float = 1.0) -> Cells:
        """All cells over land and coast of the whole Earth.

        Args:
            step_deg: from a cell to the next in degrees, in [0.1, 30]; it divides 180.

        Returns:
            Cells from north to south between 84 N and 60 S, row by row.

        Raises:
            ConfigError: the step does not divide 180, or is out of range.
            BrokenPackageData: the land mask is not installed.

        Example:
            >>> len(Cells.globe(1.0))
        """
        frame = Frame.globe(step_deg)
        lat, lon = land_grid(step_deg)
        return cls(frame, *frame.index(lat=lat, lon=lon))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def flat(self) -> Indices:
        """Number of each pixel, counted along rows from the north-west."""
        return self.rows * self.frame.shape[1] + self.columns

    @property
    def lat(self) -> NDArray[np.float64]:
        """Degrees north of the centres, ``(N,)``."""
        return self._places[0]

    @property
    def lon(self) -> NDArray[np.float64]:
        """Degrees east of the centres in [-180, 180), ``(N,)``."""
        return self._places[1]

    @cached_property
    def _places(self) -> tuple[NDArray[np.float64], ...]:
        return self.frame.places(self.rows, self.columns)

    def blocks(self, size: int = 65536) -> Iterator[tuple[Indices, Indices]]:
        """Rows and columns of the cells in their order, at most ``size`` at a time.

        Args:
            size: cells at a time, at most.

        Returns:
            Pairs of ``(n,)`` rows and columns.
        """
        for start in range(0, len(self), size):
            yield self.rows[start : start + size], self.columns[start : start + size]

    def part(self, index: slice | NDArray[np.bool_] | Indices) -> Cells:
        """Some of the cells, on the same frame.

        Args:
            index: a slice, a mask ``(N,)`` or numbers of cells.

        Returns:
            The chosen ones, in the order of the index.
        """
        return Cells(self.frame, self.rows[index], self.columns[index])

    def raster(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, "rows columns"]:
        """Values of the cells in their frame, float32, NaN where there is no cell.

        Args:
            values: ``(N,)``, one a cell.

        Returns:
            ``(rows, columns)`` of the frame.
        """
        raster = np.full(self.frame.shape, np.nan, np.float32)
        raster[self.rows, self.columns] = values
        return raster
