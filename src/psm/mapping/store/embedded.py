"""Embedded cells in memory, for the queries that follow: at one zoom level, or several mixed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from psm.errors import ConfigError
from psm.gaussian import Gaussian, mixture
from psm.inference.batches import location_gaussians
from psm.mapping.cells import Cells
from psm.mapping.distances import Distances, EmbeddedRegion
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.model import PSM

BLOCK_CELLS = 65_536
"""Cells that are fused together: ten kilobytes each while it lasts, at 256 dimensions."""


class _Exact(ABC):
    """Cells that are fused with the context of each moment, as :class:`EmbeddedRegion` wants it."""

    @property
    def approximation(self) -> None:
        """Nothing stands in for fusing."""
        return None

    def distances(
        self,
        model: PSM,
        queries: Gaussian,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Distances:
        """Distances of every cell to every query at a moment: fuses cells, then compares them.

        Args:
            model: in evaluation mode.
            queries: ``(M, dim)`` Gaussians.
            moment: when.
            sources: archive and captions that the model is told of; unknown by default.

        Returns:
            ``(N, M)`` distances and their variances, NaN where there is no imagery.
        """
        places = cast(EmbeddedRegion, self)
        count = len(places.cells)
        if count <= BLOCK_CELLS:
            return Distances.between(self.locations(model, moment, sources), queries)
        blocks = [
            places.part(np.arange(start, min(start + BLOCK_CELLS, count))).distances(
                model, queries, moment, sources
            )
            for start in range(0, count, BLOCK_CELLS)
        ]
        return Distances(*(torch.cat(parts) for parts in zip(*blocks, strict=True)))

    def components(
        self, model: PSM, moment: Moment, axes: Float[Tensor, "dim k"], rows: slice
    ) -> Float[Tensor, "n k"]:
        """Means of some location Gaussians on axes: fuses the cells.

        Args:
            model: in evaluation mode.
            moment: when; sources stay unknown.
            axes: ``(dim, k)``.
            rows: which cells, of step 1.

        Returns:
            ``(n, k)``, NaN where there is no imagery.
        """
        places = cast(EmbeddedRegion, self)
        some = places.part(np.arange(*rows.indices(len(places.cells))))
        return cast(_Exact, some).locations(model, moment).mean.float().cpu() @ axes

    @abstractmethod
    def locations(self, model: PSM, moment: Moment, sources: Sources = UNKNOWN) -> Gaussian:
        """Location Gaussians of the cells at a moment."""


@dataclass(frozen=True, eq=False)
class EmbeddedCells(_Exact):
    """Cells with the image features that a model sees there, before fusion with any context.

    Attributes:
        cells: the places.
        features: a row for each cell, float16 where they come from a store; NaN where there is no
            imagery.
        zoom: of the views.
        attribution: whose imagery it is, as it has to stand on a map.
        licence: of the imagery.
        not_covered: which cells were seen and left out, since the model covers no such place;
            ``None``: none.
    """

    cells: Cells
    features: Float[Tensor, "n dim"]
    zoom: int
    attribution: str
    licence: str
    not_covered: Bool[np.ndarray, " n"] | None = None

    def part(self, rows: NDArray[np.int64]) -> EmbeddedCells:
        """Some of the cells, to be asked alone.

        Args:
            rows: numbers of the cells, ``(n,)``.

        Returns:
            The same at these cells.
        """
        left_out = None if self.not_covered is None else self.not_covered[rows]
        return replace(
            self, cells=self.cells.part(rows), features=self.features[rows], not_covered=left_out
        )

    def locations(
        self,
        model: PSM,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Gaussian:
        """Location Gaussians of the cells at a moment: place known, sources only where given.

        NaN where there is no imagery.

        Args:
            model: in evaluation mode.
            moment: when.
            sources: archive and captions that the model is told of; unknown by default.

        Returns:
            ``(N, dim)``.
        """

        def fused(cells: Cells, features: Float[Tensor, "n dim"]) -> Gaussian:
            context = moment.context(lat=cells.lat, lon=cells.lon, sources=sources)
            return location_gaussians(model, features, context)

        is_seen = ~self.features[:, 0].isnan()
        if is_seen.all():
            return fused(self.cells, self.features)
        blank = torch.full((len(is_seen), model.config.dim), torch.nan, device=model.device)
        every = Gaussian(blank, blank.clone())
        if is_seen.any():
            found = fused(self.cells.part(is_seen.numpy()), self.features[is_seen])
            for whole, part in zip(every, found, strict=True):
                whole[is_seen.to(model.device)] = part
        return every


@dataclass(frozen=True, eq=False)
class MixedZooms(_Exact):
    """Cells embedded at several zoom levels, each location a mixture of how it looks at each.

    A mixture of Gaussians rather than a mean of probabilities: one location remains one Gaussian,
    so that every query costs as much as at one zoom, and where the zooms disagree the location
    becomes less certain. On the simulated Earth the two draw the same maps (docs/queries.md).

    Attributes:
        parts: one a zoom level.

    Raises:
        ConfigError: the parts are not of the same cells, or two are of one zoom level.
    """

    parts: tuple[EmbeddedCells, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts:
            raise ConfigError("mixed zooms need at least one zoom level")
        if len({part.zoom for part in self.parts}) < len(self.parts):
            raise ConfigError(f"zooms {self.zoom}: each zoom level can be mixed in once")
        first = self.cells
        for part in self.parts[1:]:
            if part.cells.frame != first.frame or not np.array_equal(part.cells.flat, first.flat):
                raise ConfigError(
                    f"zoom {part.zoom} and zoom {self.parts[0].zoom} are of different cells: "
                    "embed the same cells at each zoom level"
                )

    @property
    def cells(self) -> Cells:
        """The places."""
        return self.parts[0].cells

    @property
    def not_covered(self) -> Bool[np.ndarray, " n"] | None:
        """Which cells were seen and left out at some zoom level."""
        known = [part.not_covered for part in self.parts if part.not_covered is not None]
        return np.logical_or.reduce(known) if known else None

    @property
    def zoom(self) -> str:
        """The zoom levels, as ``1+3``."""
        return "+".join(str(part.zoom) for part in self.parts)

    @property
    def attribution(self) -> str:
        """Whose imagery it is."""
        return self.parts[0].attribution

    @property
    def licence(self) -> str:
        """Of the imagery."""
        return self.parts[0].licence

    def part(self, rows: NDArray[np.int64]) -> MixedZooms:
        """Some of the cells, to be asked alone.

        Args:
            rows: numbers of the cells, ``(n,)``.

        Returns:
            The same at these cells.
        """
        return MixedZooms(tuple(part.part(rows) for part in self.parts))

    def locations(
        self,
        model: PSM,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Gaussian:
        """Location Gaussians of the cells at a moment, mixed over the zoom levels.

        Args:
            model: in evaluation mode.
            moment: when.
            sources: archive and captions that the model is told of; unknown by default.

        Returns:
            ``(N, dim)``.
        """
        seen: Sequence[Gaussian] = [part.locations(model, moment, sources) for part in self.parts]
        return mixture(seen)
