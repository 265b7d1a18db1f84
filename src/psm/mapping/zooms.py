"""Several zoom levels as one: the same cells seen closely and from afar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psm.errors import ConfigError
from psm.gaussian import Gaussian, mixture
from psm.mapping.cells import Cells
from psm.mapping.distances import Distances
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.mapping.store import EmbeddedCells
from psm.model import PSM


@dataclass(frozen=True, eq=False)
class MixedZooms:
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

    def distances(
        self,
        model: PSM,
        queries: Gaussian,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Distances:
        """See :class:`psm.mapping.distances.Places`."""
        return Distances.between(self.locations(model, moment, sources), queries)

    def locations(
        self,
        model: PSM,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Gaussian:
        """Location Gaussians of the cells at a moment, mixed over the zoom levels."""
        seen: Sequence[Gaussian] = [part.locations(model, moment, sources) for part in self.parts]
        return mixture(seen)
