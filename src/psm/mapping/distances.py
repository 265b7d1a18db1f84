"""Distances of cells to queries, and the protocol of everything that can be asked for them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from psm.errors import ConfigError
from psm.gaussian import Gaussian, csd, csd_variance
from psm.mapping.cells import Cells
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.model import PSM


class Distances(NamedTuple):
    """Of N cells and M Gaussians of queries; NaN where there is no imagery.

    Attributes:
        csd: closed-form sampled distances, ``(N, M)``.
        variance: of the squared distance, ``(N, M)``.
    """

    csd: Float[Tensor, "n m"]
    variance: Float[Tensor, "n m"]

    @classmethod
    def between(cls, places: Gaussian, queries: Gaussian) -> Distances:
        """Of location Gaussians, ``(N, dim)``, and those of queries, ``(M, dim)``."""
        return cls(csd(places, queries), csd_variance(places, queries))


class EmbeddedRegion(Protocol):
    """Embedded cells: exact (:class:`~psm.mapping.EmbeddedCells`), mixed over zoom levels
    (:class:`~psm.mapping.MixedZooms`), prepared (:class:`~psm.mapping.Timetable`), or of a globe
    that comes with its model (:class:`~psm.mapping.timetable.compactstore.CompactPlaces`)."""

    @property
    def cells(self) -> Cells: ...

    @property
    def zoom(self) -> int | str: ...

    @property
    def attribution(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def not_covered(self) -> Bool[np.ndarray, " n"] | None:
        """Which cells were seen and left out, since the model covers no such place."""
        ...

    @property
    def approximation(self) -> str | None:
        """What stands in for fusing every cell, in words; ``None``: nothing does."""
        ...

    def part(self, rows: NDArray[np.int64]) -> EmbeddedRegion:
        """Some of the cells, to be asked alone.

        Args:
            rows: numbers of the cells, ``(n,)``.

        Returns:
            The same at these cells.
        """
        ...

    def distances(
        self,
        model: PSM,
        queries: Gaussian,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Distances:
        """How far every cell is from every query Gaussian, ``(M, dim)``, at a moment.

        Args:
            model: that embedded the cells, in evaluation mode.
            queries: ``(M, dim)`` Gaussians.
            moment: when.
            sources: archive and captions that the model is told of; unknown by default.

        Returns:
            ``(N, M)`` distances and their variances, NaN where there is no imagery.
        """
        ...

    def components(
        self, model: PSM, moment: Moment, axes: Float[Tensor, "dim k"], rows: slice
    ) -> Float[Tensor, "n k"]:
        """Means of the location Gaussians of some cells at a moment, on some axes.

        Args:
            model: that embedded the cells, in evaluation mode.
            moment: when; sources stay unknown.
            axes: ``(dim, k)`` in the space of the model.
            rows: which cells, of step 1.

        Returns:
            ``mean @ axes``, float32; NaN where there is no imagery.

        Raises:
            ConfigError: no means are kept of these places.
        """
        ...


def require_no_sources(sources: Sources) -> None:
    """Refuse sources where only month and hour are prepared.

    Raises:
        ConfigError: one is given.
    """
    if sources != UNKNOWN:
        raise ConfigError("a prepared store does not know sources; ask it exactly (--exact)")
